"""A force on two atoms, from exported file to serialised system: what ``hipnn-ts doctor`` runs.

It runs in a separate process, because libraries that do not fit together end the process, not only
the call.
"""

import sys

import openmm

from hipnn_ts.openmm import create_force
from hipnn_ts.selftest.model import random_model


def main() -> None:
    """Evaluate a force of the kind named on the command line, before and after serialising it."""
    model = random_model("float32")
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
