"""Prepare the folder in which the pages' code runs: a small model, data, start configurations."""

import copy
from pathlib import Path

import openmm
import torch
from ase import Atoms
from ase.build import molecule
from ase.io import write
from ase.io.lammpsdata import write_lammps_data
from openmm import app

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.export import export_committee, export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty

WATER = Path(__file__).parents[2] / "examples" / "reference_data" / "water.extxyz.xz"
ALL = NetworkConfig(
    elements=("H", "C", "N", "O"), n_features=(8, 8), n_atom_layers=1, n_sensitivities=8
)
# With random weights, forces must be small for molecules to stay together for some steps.
READOUT = 0.01


def prepare(folder: Path) -> None:
    """Write every file that a page may use."""
    torch.manual_seed(1)
    potential = Potential(ALL)
    with torch.no_grad():
        for readout in potential.readouts:
            readout.weight *= READOUT
    (folder / "run").mkdir(parents=True)
    save_checkpoint(folder / "run" / "best.ckpt", potential, {})
    export_potential(potential, folder / "model.pt", {})
    members = [(potential, {})]
    for _ in range(2):
        other = copy.deepcopy(potential)
        with torch.no_grad():
            for readout in other.readouts:
                readout.weight *= 1 + 0.1 * torch.randn_like(readout.weight)
        members.append((other, {}))
    export_committee(members, folder / "committee.pt")
    export_potential(potential, folder / "uncertain.pt", {}, uncertainty=_uncertainty())

    frames = [f for f in read_frames(WATER) if f.info["config_type"] == "liquid_300K_1.00"]
    write(folder / "validation.extxyz", frames[:4])
    (folder / "calculations").mkdir()
    for index in range(2):
        write(folder / "calculations" / f"run-{index}.traj", frames[6 * index : 6 * index + 6])
    box = Atoms(frames[0].symbols, frames[0].positions, cell=frames[0].cell, pbc=True) * (2, 1, 1)
    write(folder / "water.extxyz", box)
    write_lammps_data(folder / "water.data", box, specorder=["H", "O"])
    _topologies(folder)


def _uncertainty() -> Uncertainty:
    """Return an uncertainty whose features are independent of each other."""
    n = sum(ALL.n_features)
    whitening = torch.eye(n, dtype=torch.float64)[tuple(torch.tril_indices(n, n))]
    facts = {"training_atoms": dict.fromkeys(ALL.elements, 1000), "validation_atoms": 500}
    means = torch.zeros(len(ALL.elements), n, dtype=torch.float64)
    scale = torch.full((len(ALL.elements),), 0.05, dtype=torch.float64)
    return Uncertainty(means, whitening.repeat(len(ALL.elements), 1), scale, facts)


def _topologies(folder: Path) -> None:
    """Write PDB files of water and of a solute, and an XYZ file of ethanol."""
    modeller = app.Modeller(app.Topology(), [])
    modeller.addSolvent(app.ForceField("tip3p.xml"), boxSize=openmm.Vec3(1.4, 1.4, 1.4))
    with (folder / "water.pdb").open("w") as file:
        app.PDBFile.writeFile(modeller.topology, modeller.positions, file)
    ethanol = molecule("CH3CH2OH")
    write(folder / "molecule.xyz", ethanol)
    dipeptide = WATER.parents[1] / "openmm" / "alanine_dipeptide.pdb"
    (folder / "solute.pdb").write_text(dipeptide.read_text())
