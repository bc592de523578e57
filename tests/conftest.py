"""Fixtures: small potentials with random weights, and water on which to evaluate them."""

import copy
import os
from functools import wraps
from pathlib import Path

# Systems here are small, and threads that wait for each other on a busy machine cost minutes. Set
# before torch is imported, since OpenMP reads it once; child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Waiting ranks shall yield their core. By default MPICH's spin, longest in shared-memory
# collectives, which took five sixths of the CPU time of eight ranks on two cores.
os.environ.setdefault("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")
os.environ.setdefault("MPIR_CVAR_COLL_SHM_LIMIT_PER_NODE", "0")

import numpy as np
import pytest
import torch
from ase.build import molecule
from documents import FORMATS
from uncertainties import features

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.export import export_committee, export_potential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.model import derivatives
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty, distribution
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.validation import read_mapping


def _without_nan(compare):
    """Return numpy's comparison, changed so that it fails if a value is nan."""

    @wraps(compare)
    def checked(actual, desired, *arguments, **options):
        compare(actual, desired, *arguments, **options)
        if np.issubdtype(np.asarray(actual).dtype, np.inexact):
            assert not np.isnan(actual).any(), f"found nan in {actual}"

    return checked


for _name in ("assert_allclose", "assert_array_equal"):
    setattr(np.testing, _name, _without_nan(getattr(np.testing, _name)))


def pytest_collection_modifyitems(items):
    """Run slow files first, so that two parallel processes finish at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


SMALL = {
    "elements": ("H", "O"),
    "n_features": (8, 8),
    "n_atom_layers": 1,
    "n_sensitivities": 8,
    "soft_max": 3.5,
    "cutoff": 4.0,
}


def _water(repeats: int):
    cell = molecule("H2O")
    cell.set_cell(np.eye(3) * 3.1)
    cell.pbc = True
    atoms = cell * (repeats, repeats, repeats)
    atoms.rattle(0.1, seed=repeats)
    return atoms


@pytest.fixture(scope="session")
def water():
    """Function that returns a cubic box of ``repeats``³ rattled water molecules 3.1 Å apart."""
    return _water


def once(function):
    """Cache a function's results by its arguments, which may contain dictionaries."""
    made = {}

    @wraps(function)
    def cached(*arguments, **named):
        key = repr((arguments, sorted(named.items())))
        if key not in made:
            made[key] = function(*arguments, **named)
        return made[key]

    return cached


@once
def _random_potential(**architecture) -> Potential:
    torch.manual_seed(7)
    potential = Potential(NetworkConfig(**{**SMALL, **architecture}), fused=False).double()
    atoms = _water(2)
    i, j, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, potential.config.cutoff
    )
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    vectors.requires_grad_(True)
    ends = torch.from_numpy(i), torch.from_numpy(j)
    species = torch.from_numpy((atoms.numbers == 8).astype(np.int64))
    # Only the network's forces are scaled, so that a repulsion does not change the weights.
    terms = potential.energy_terms(species, *ends, vectors)
    gradients = derivatives.pair_gradients(terms.sum(dim=1), vectors)
    forces = derivatives.forces(gradients, *ends, len(atoms))
    with torch.no_grad():
        for readout in potential.readouts:
            readout.weight /= forces.square().mean().sqrt()
        potential.self_energies += torch.tensor([-13.6, -2041.8], dtype=torch.float64)
    return potential


@pytest.fixture(scope="session")
def random_potential():
    """Function that returns a plain-torch float64 potential with forces of 1 eV/Å in water.

    Keyword arguments override ``SMALL``. Self-energies are as large as those of real atoms.
    """
    return _random_potential


@pytest.fixture(scope="session")
def random_model(tmp_path_factory):
    """Function that exports ``random_potential`` in a precision and flavour; returns the path."""

    @once
    def export(dtype=torch.float64, portable=False, **architecture):
        path = tmp_path_factory.mktemp("model") / "model.pt"
        export_potential(_random_potential(**architecture), path, {}, portable, dtype)
        return path

    return export


@once
def _random_members(**architecture) -> tuple[Potential, ...]:
    members = []
    generator = torch.Generator().manual_seed(11)
    for _ in range(4):
        member = copy.deepcopy(_random_potential(**architecture))
        with torch.no_grad():
            for parameter in member.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                parameter *= 1 + 0.02 * noise
        members.append(member)
    return tuple(members)


@pytest.fixture(scope="session")
def random_members():
    """Function that returns four variants of ``random_potential``; weights differ by 2 %."""
    return _random_members


@pytest.fixture(scope="session")
def random_committee(tmp_path_factory):
    """Function that exports ``random_members`` as a committee in a precision; returns the path."""

    @once
    def export(dtype=torch.float64, **architecture):
        path = tmp_path_factory.mktemp("committee") / "model.pt"
        provenance = {"closest_approach": {"H-H": 0.3, "H-O": 0.3, "O-O": 0.3}}
        members = [(each, provenance) for each in _random_members(**architecture)]
        export_committee(members, path, dtype=dtype)
        return path

    return export


@once
def _random_uncertainty(**architecture) -> Uncertainty:
    potential = _random_potential(**architecture)
    known = [features(potential, _water(repeats)) for repeats in (2, 3)]
    phi, species = (torch.from_numpy(np.concatenate(each)) for each in zip(*known, strict=True))
    means, whitening, counts = distribution(phi, species, len(potential.config.elements))
    facts = {"training_atoms": {"H": int(counts[0]), "O": int(counts[1])}, "validation_atoms": 9}
    return Uncertainty(means, whitening, torch.tensor([0.02, 0.05], dtype=torch.float64), facts)


@pytest.fixture(scope="session")
def random_uncertainty():
    """Function that returns a force uncertainty for ``random_potential``, fitted to water."""
    return _random_uncertainty


@pytest.fixture(scope="session")
def uncertain_model(tmp_path_factory):
    """Function that exports ``random_potential`` with ``random_uncertainty``; returns the path."""

    @once
    def export(dtype=torch.float64, **architecture):
        path = tmp_path_factory.mktemp("uncertain") / "model.pt"
        potential, own = _random_potential(**architecture), _random_uncertainty(**architecture)
        export_potential(potential, path, {}, dtype=dtype, uncertainty=own)
        return path

    return export


FLAVOURS_OF_FORMATS = [
    f"{folder.name}/{flavour}.pt"
    for folder in sorted(FORMATS.iterdir())
    for flavour in ("fused", "portable")
]


@pytest.fixture(params=FLAVOURS_OF_FORMATS)
def model_of_a_format(request):
    """Path of a file, for each format and flavour, and its potential in plain torch and float64."""
    path = FORMATS / request.param
    return path, load_checkpoint(path.with_name("potential.ckpt"))[0]


@pytest.fixture
def open_files():
    """Function that lists the open files of this process in a folder, named or deleted."""

    def find(folder):
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link for link in links if os.readlink(link).startswith(f"{folder}/")]

    return find


@pytest.fixture(scope="session")
def shared_data():
    """Folder of published data; tests that need it are skipped without it."""
    repository = Path(__file__).parents[1]
    folder = Path(os.environ.get("HIPNN_TS_SHARED_DATA", repository.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no published data at {folder}; set HIPNN_TS_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def published_potential(shared_data):
    """The published ANI-1x potential in float64."""
    config = Path(__file__).parents[1] / "examples" / "hippynn" / "ani1x.yaml"
    settings = parse_settings(read_mapping(config) | {"dtype": "float64"}, str(config))
    return import_hippynn(shared_data / "hipnnts-ani1x" / "best_model.pt", settings)[0]


@pytest.fixture(scope="session")
def published_model(published_potential, tmp_path_factory):
    """Path of the published ANI-1x potential, exported in float64."""
    path = tmp_path_factory.mktemp("published") / "model.pt"
    export_potential(published_potential, path, {})
    return path
