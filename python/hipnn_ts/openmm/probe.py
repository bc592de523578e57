"""A force on two atoms, from export to serialised system: what ``hipnn-ts doctor`` runs.

In a process of its own: libraries that do not fit together end the process, not the call.
"""

import sys
import tempfile
from pathlib import Path

import openmm

from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.openmm import create_force


def main() -> None:
    """Evaluate a force of the kind named on the command line before and after serialising it."""
    config = NetworkConfig(elements=("H",), n_features=(4,), n_sensitivities=4)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        export_potential(Potential(config), model, {})
        force = create_force(model, [1, 1], periodic=False, implementation=sys.argv[1])
    system = openmm.System()
    system.addParticle(1.0)
    system.addParticle(1.0)
    system.addForce(force)
    text = openmm.XmlSerializer.serialize(system)
    energies = [_energy(each) for each in (system, openmm.XmlSerializer.deserialize(text))]
    if energies[0] != energies[1]:
        sys.exit(f"energies before and after serialising differ: {energies}")


def _energy(system: openmm.System) -> float:
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions([openmm.Vec3(0, 0, 0), openmm.Vec3(0, 0, 0.1)])
    return context.getState(energy=True, forces=True).getPotentialEnergy()._value


if __name__ == "__main__":
    main()
