"""Curvatures of trained models at sites where moments vanish by symmetry: fcc copper, methane."""

import io
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.optimize import BFGS, LBFGS
from ase.vibrations import Vibrations

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.export import export_potential
from hipnn_ts.model import cusp
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

pytestmark = pytest.mark.slow

LABELLED = Path(__file__).parents[2] / "examples" / "reference_data" / "molecules.extxyz.xz"
SMALL = {"invariants": "norms", "n_features": [16, 16], "n_atom_layers": 1, "n_sensitivities": 8}
SHARP = 1e-6  # the default of hippynn


def rattled_copper():
    """Return boxes of 32 copper atoms, displaced and strained."""
    frames = []
    random = np.random.default_rng(0)
    for index in range(16):
        atoms = bulk("Cu", cubic=True) * (2, 2, 2)
        atoms.set_cell(
            atoms.cell.array @ (np.eye(3) + random.normal(0, 0.01, (3, 3))), scale_atoms=True
        )
        atoms.rattle(0.02 + 0.01 * index, rng=random)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results, stress=atoms.get_stress())
        frames.append(atoms)
    return frames


def methane():
    with lzma.open(LABELLED, "rt") as file:
        frames = read(io.StringIO(file.read()), ":", format="extxyz")
    return [frame for frame in frames if frame.info["config_type"].startswith("CH4_")]


def exported(potential, path, cusp_regularisation=None):
    """Export ``potential`` in float64, with another cusp if given; return its calculator."""
    if cusp_regularisation is not None:
        config = potential.config.model_copy(update={"cusp_regularisation": cusp_regularisation})
        changed = Potential(config)
        changed.load_state_dict(potential.state_dict())
        potential = changed
    export_potential(potential, path, {}, dtype=torch.float64)
    return HIPNNTSCalculator(path, beyond_training="ignore")


def trained(folder, frames, network, epochs):
    write(folder / "frames.extxyz", frames)
    content = {
        "network": SMALL | network,
        "data": {"train": ["frames.extxyz"]},
        "training": {"epochs": epochs, "batch_size": 4, "learning_rate": 5e-3},
    }
    return load_checkpoint(train(parse_config(content, "test", folder), folder / "run"))[0]


@pytest.fixture(scope="module")
def copper_potential(tmp_path_factory):
    network = {"soft_min": 1.8, "soft_max": 4.5, "cutoff": 5.0}
    return trained(tmp_path_factory.mktemp("copper"), rattled_copper(), network, 60)


@pytest.fixture(scope="module")
def methane_potential(tmp_path_factory):
    network = {"soft_min": 0.85, "soft_max": 4.0, "cutoff": 5.0}
    return trained(tmp_path_factory.mktemp("methane"), methane(), network, 20)


def force_constants(calculator, displacements=(0.05, 0.01, 0.001)):
    """Return the force constants of one atom of the crystal, in eV/Å², for each displacement."""
    out = []
    for displacement in displacements:
        atoms = bulk("Cu", cubic=True) * (2, 2, 2)
        atoms.calc = calculator
        atoms.positions[0, 0] += displacement
        out.append(-atoms.get_forces()[0, 0] / displacement)
    return np.array(out)


def spread(values):
    return np.ptp(values) / np.abs(values).max()


def test_force_constants_of_a_crystal_do_not_depend_on_the_displacement(copper_potential, tmp_path):
    found = force_constants(exported(copper_potential, tmp_path / "default.pt"))
    assert spread(found) <= 0.03
    assert abs(found[-1] - force_constants(EMT())[-1]) <= 0.2 * force_constants(EMT())[-1]
    sharp = force_constants(exported(copper_potential, tmp_path / "sharp.pt", SHARP))
    assert spread(sharp) > 0.3, "this crystal would not show a cusp"


def test_optimisers_converge_on_a_crystal(copper_potential, tmp_path):
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.rattle(0.05, rng=np.random.default_rng(0))
    atoms.calc = exported(copper_potential, tmp_path / "model.pt")
    assert LBFGS(atoms, logfile=None).run(fmax=1e-4, steps=60)


def test_methane_relaxes_and_its_frequencies_do_not_depend_on_the_displacement(
    methane_potential, tmp_path
):
    atoms = molecule("CH4")
    atoms.rattle(0.05, rng=np.random.default_rng(0))
    atoms.calc = exported(methane_potential, tmp_path / "model.pt")
    assert BFGS(atoms, logfile=None).run(fmax=1e-4, steps=100)
    found = []
    for displacement in (0.02, 0.003):
        # Four displacements per derivative cancel most of the bonds' own anharmonicity.
        name = str(tmp_path / f"{displacement}")
        vibrations = Vibrations(atoms, name=name, delta=displacement, nfree=4)
        vibrations.run()
        found.append(vibrations.get_frequencies().real[6:])
    assert np.abs(found[0] - found[1]).max() <= 1.0, "cm⁻¹"


def test_rounding_is_seen_on_export(copper_potential, methane_potential):
    for potential in (copper_potential, methane_potential):
        assert cusp.remark(potential) is None
        config = potential.config.model_copy(update={"cusp_regularisation": SHARP})
        sharp = Potential(config)
        sharp.load_state_dict(potential.state_dict())
        assert "force constants depend on the displacement" in cusp.remark(sharp)
