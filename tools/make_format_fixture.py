"""Write a small example of every file of the current format, to test all later versions with.

    python tools/make_format_fixture.py tests/formats/1
    python tools/make_format_fixture.py tests/committee/formats/3 --committee
    python tools/make_format_fixture.py tests/uncertainty/formats/4 --uncertainty

Run it once, when a format is new: files that a released hipnn-ts wrote are never replaced.
"""

import json
import lzma
import sys
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.build import molecule
from openmm import System, XmlSerializer

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.export import export_committee, export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty
from hipnn_ts.openmm import create_force

NETWORK = NetworkConfig(
    elements=("H", "O"),
    n_features=(4, 3),
    n_atom_layers=1,
    n_sensitivities=5,
    soft_max=3.0,
    cutoff=4.0,
)
PROVENANCE = {"training": "none", "closest_approach": {"H-H": 0.5, "H-O": 0.4, "O-O": 1.0}}


def main() -> None:
    """Write the files of one network, of a committee, or of one with force uncertainty."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    kinds = {"--committee": _committee, "--uncertainty": _uncertainty}
    (kinds[sys.argv[2]] if len(sys.argv) > 2 else _one_network)(folder)


def _committee(folder: Path) -> None:
    """Write a fused file of a committee of two, and its results for a molecule of water."""
    members = []
    for seed in range(2):
        torch.manual_seed(seed)
        members.append((Potential(NETWORK, fused=False).double(), PROVENANCE))
    export_committee(members, folder / "fused.pt")
    _what_it_computes(folder, ("energy", "forces", "energy_std", "forces_std"))


def _uncertainty(folder: Path) -> None:
    """Write checkpoint and fused file of a network with force uncertainty, and results."""
    torch.manual_seed(0)
    potential = Potential(NETWORK, fused=False).double()
    n = sum(NETWORK.n_features)
    generator = torch.Generator().manual_seed(1)
    means, whitening = (
        torch.randn(len(NETWORK.elements), size, generator=generator, dtype=torch.float64)
        for size in (n, n * (n + 1) // 2)
    )
    facts = {"training_atoms": {"H": 20, "O": 10}, "validation_atoms": 6, "rank_correlation": 0.5}
    own = Uncertainty(means, whitening, torch.tensor([0.25, 0.5], dtype=torch.float64), facts)
    save_checkpoint(folder / "potential.ckpt", potential, PROVENANCE, own)
    export_potential(potential, folder / "fused.pt", PROVENANCE, uncertainty=own)
    _what_it_computes(folder, ("energy", "forces", "forces_uncertainty"))


def _what_it_computes(folder: Path, names: tuple[str, ...]) -> None:
    water = molecule("H2O")
    water.calc = HIPNNTSCalculator(folder / "fused.pt")
    water.get_potential_energy()
    expected = {name: np.asarray(water.calc.results[name]).tolist() for name in names}
    (folder / "water.json").write_text(json.dumps(expected, indent=1) + "\n")


def _one_network(folder: Path) -> None:
    """Write checkpoint, fused and portable files, an OpenMM system, and results."""
    torch.manual_seed(0)
    potential = Potential(NETWORK, fused=False).double()
    save_checkpoint(folder / "potential.ckpt", potential, PROVENANCE)
    for name, portable in (("fused.pt", False), ("portable.pt", True)):
        export_potential(potential, folder / name, PROVENANCE, portable)
    water = molecule("H2O")
    water.calc = HIPNNTSCalculator(folder / "fused.pt")
    with lzma.open(folder / "system.xml.xz", "wt") as file:
        file.write(XmlSerializer.serialize(_system(folder / "fused.pt", water)))
    expected = {"energy": water.get_potential_energy(), "forces": water.get_forces().tolist()}
    (folder / "water.json").write_text(json.dumps(expected, indent=1) + "\n")


def _system(model: Path, atoms: Atoms) -> System:
    system = System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    system.addForce(create_force(model, atoms.numbers, periodic=False, implementation="torch"))
    return system


if __name__ == "__main__":
    main()
