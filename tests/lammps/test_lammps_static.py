"""Energies, forces and virials, total and per atom, equal plain torch's on 1, 2 and 4 ranks."""

import zipfile

import numpy as np
import pytest
import torch
from ase import Atoms
from lammps_run import (
    HAS_TORCH,
    assert_same,
    evaluate,
    hipnn,
    lmp,
    read_evaluation,
    reference,
    set_up,
)

THREE_LAYERS = {"n_features": (7, 5, 6), "n_middle_features": (8, 4, 6)}


def periodic(water):
    return water(3)


def triclinic(water):
    atoms = water(3)
    length = atoms.cell[0, 0]
    skew = [[length, 0, 0], [0.3 * length, 0.9 * length, 0], [-0.2 * length, 0.25 * length, length]]
    atoms.set_cell(skew, scale_atoms=True)
    return atoms


def slab(water):
    atoms = water(2)
    atoms.pbc = (True, True, False)
    atoms.cell[2, 2] += 9.0
    atoms.positions[:, 2] += 4.5
    return atoms


def molecules(water):
    """Return four molecules in a corner of a non-periodic box: some ranks have no atoms."""
    atoms = water(2)[:12]
    atoms.positions += 1.5
    atoms.set_cell(np.eye(3) * 40)
    atoms.pbc = False
    return atoms


def chain(water):
    """Return a row of atoms 3 Å apart: second neighbours are beyond the cutoff of 4 Å."""
    atoms = Atoms("OHOHHOHO", [(3.0 * k + 1, 5 + 0.3 * (-1) ** k, 5) for k in range(8)])
    atoms.set_cell((24, 10, 10))
    return atoms


def isolated(water):
    return Atoms("OH", [(5, 5, 5), (15, 5, 5)], cell=(20, 10, 10), pbc=True)


def smaller_than_cutoff(water):
    """Return a box so small that an atom has its own images within the cutoff."""
    atoms = water(1)
    atoms.rattle(0.05, seed=3)
    return atoms


SYSTEMS = {
    function.__name__: function
    for function in (
        periodic,
        triclinic,
        slab,
        molecules,
        chain,
        isolated,
        smaller_than_cutoff,
    )
}
HOP = {"invariants": "polynomials", "normalisation": "group", "l_max": 3}
# Each case: system, architecture, flavour, units, boundary.
CASES = {
    "l0": ("periodic", {"l_max": 0}, "fused", "metal", None),
    "l1": ("periodic", {"l_max": 1, "n_features": (8,)}, "fused", "metal", None),
    "l2": ("periodic", {"l_max": 2}, "fused", "metal", None),
    "l3": ("periodic", {"l_max": 3}, "fused", "metal", None),
    "polynomials": ("triclinic", HOP, "fused", "real", None),
    "portable-polynomials": ("periodic", HOP, "portable", "metal", None),
    "portable": ("periodic", THREE_LAYERS, "portable", "metal", None),
    "real": ("triclinic", THREE_LAYERS, "fused", "real", None),
    "triclinic": ("triclinic", {}, "portable", "metal", None),
    "slab": ("slab", {}, "fused", "metal", "p p s"),
    "molecules": ("molecules", THREE_LAYERS, "fused", "metal", "f f f"),
    "shrink-wrapped": ("molecules", {}, "fused", "real", "s m s"),
    "chain": ("chain", THREE_LAYERS, "fused", "metal", "f f f"),
    "isolated": ("isolated", {}, "fused", "metal", None),
    "small": ("smaller_than_cutoff", THREE_LAYERS, "fused", "metal", None),
    "tiled": ("periodic", THREE_LAYERS, "fused", "metal", None),
}
if not HAS_TORCH:
    CASES = {name: case for name, case in CASES.items() if case[2] != "portable"}


@pytest.fixture(scope="module", params=[1, 2, 4])
def results(request, tmp_path_factory, water, random_model):
    """Evaluations of all cases, from one run so that torch is loaded once."""
    folder = tmp_path_factory.mktemp("static")
    script = ""
    for name, (system, architecture, flavour, units, boundary) in CASES.items():
        model = random_model(portable=flavour == "portable", **architecture)
        extra = "comm_style tiled" if name == "tiled" else ""
        atoms = SYSTEMS[system](water)
        script += set_up(folder, name, atoms, hipnn(model), units, boundary, extra=extra)
        if name == "tiled":
            script += "balance 1.0 rcb\n"
        script += evaluate(name)
    run = lmp(folder, script, request.param)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return {name: read_evaluation(folder, name, case[3]) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_plain_torch(results, water, random_potential, name):
    system, architecture, *_ = CASES[name]
    expected = reference(random_potential(**architecture), SYSTEMS[system](water))
    assert_same(results[name], expected, 1e-10)


def test_every_format(tmp_path, water, model_of_a_format):
    path, potential = model_of_a_format
    script = set_up(tmp_path, "water", periodic(water), hipnn(path)) + evaluate("water")
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert_same(read_evaluation(tmp_path, "water"), reference(potential, periodic(water)), 1e-10)


def test_what_torch_would_compile_is_not_read(tmp_path, water, random_model, random_potential):
    """LAMMPS reads only metadata and document of a fused file; it compiles or unpickles nothing."""
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(random_model()) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            unread = name.endswith((".py", ".pkl"))
            new.writestr(name, b"this is no code" if unread else old.read(name))
    script = set_up(tmp_path, "water", periodic(water), hipnn(path)) + evaluate("water")
    run = lmp(tmp_path, script)
    assert run.returncode == 0, run.stdout + run.stderr
    expected = reference(random_potential(), periodic(water))
    assert_same(read_evaluation(tmp_path, "water"), expected, 1e-10)


def test_the_chain_needs_messages_between_ranks(water, random_potential):
    """The chain case would show nothing if no atom affected another beyond the cutoff."""
    atoms = chain(water)
    potential = random_potential(**THREE_LAYERS)
    whole = reference(potential, atoms).forces[3]
    without_second_neighbour = reference(potential, atoms[:5]).forces[3]
    assert atoms.get_distance(3, 5) > potential.config.cutoff
    assert np.abs(whole - without_second_neighbour).max() > 1e-3


@pytest.mark.parametrize("flavour", ["fused", "portable"])
def test_single_precision(tmp_path, water, random_potential, random_model, flavour):
    """Messages pack two float32 into each double, here for odd numbers of features."""
    model = random_model(torch.float32, flavour == "portable", **THREE_LAYERS)
    expected = reference(random_potential(**THREE_LAYERS), periodic(water))
    script = set_up(tmp_path, "f32", periodic(water), hipnn(model)) + evaluate("f32")
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert_same(read_evaluation(tmp_path, "f32"), expected, 1e-5)


def test_atoms_may_vanish_and_change_type(tmp_path, water, random_potential, random_model):
    atoms = periodic(water)
    script = set_up(tmp_path, "all", atoms, hipnn(random_model())) + evaluate("all")
    script += "group gone id 1:3 40\ndelete_atoms group gone compress no\n" + evaluate("fewer")
    script += "set atom 80 type 1\n" + evaluate("other")
    script += "delete_atoms group all compress no\nrun 0\n"
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    fewer = atoms[[k for k in range(len(atoms)) if k not in (0, 1, 2, 39)]]
    assert_same(read_evaluation(tmp_path, "fewer"), reference(random_potential(), fewer), 1e-10)
    fewer.symbols[79 - 4] = "O"
    assert atoms.symbols[79] == "H"
    assert_same(read_evaluation(tmp_path, "other"), reference(random_potential(), fewer), 1e-10)


def test_threads(tmp_path, water, random_potential, random_model):
    script = set_up(tmp_path, "threads", periodic(water), hipnn(random_model()))
    run = lmp(tmp_path, script + evaluate("threads"), threads=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 MPI rank(s) of 2 thread(s)" in run.stdout
    expected = reference(random_potential(), periodic(water))
    assert_same(read_evaluation(tmp_path, "threads"), expected, 1e-10)
