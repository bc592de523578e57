"""Remarks about the data before training."""

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.data import NamedFrames, ReferenceDataset, read_frames
from hipnn_ts.data.closest_approach import ClosestApproach
from hipnn_ts.data.survey import survey
from hipnn_ts.data.work import Work

ELEMENTS = ("H", "O")


def part(frames, file, remarks=()):
    for frame in frames:
        results = {"energy": 0.0}
        if len(frame) == 3:
            results["forces"] = np.zeros((3, 3))
        frame.calc = SinglePointCalculator(frame, **results)
    names = [f"{file}: frame {index}" for index in range(len(frames))]
    named = NamedFrames(frames, names, remarks)
    return named, ReferenceDataset(frames, ELEMENTS, 4.0, torch.float64, names)


def lines(training, validation):
    parts = {"training": training, "validation": validation}
    return survey(
        {name: named for name, (named, _) in parts.items()},
        {name: dataset for name, (_, dataset) in parts.items()},
        ELEMENTS,
    )


def test_good_data_is_counted_and_nothing_else():
    stretched = molecule("H2O")
    stretched.positions *= 1.01
    found = lines(part([molecule("H2O"), molecule("H2")], "a"), part([stretched], "b"))
    assert found == [
        "training: 2 configurations (with energy 2, forces 1, stress 0), 5 atoms (H 4 O 1), "
        "1.6 neighbours per atom",
        "validation: 1 configurations (with energy 1, forces 1, stress 0), 3 atoms (H 2 O 1), "
        "2.0 neighbours per atom",
    ]


def test_findings_are_counted_and_named():
    far = Atoms("HHO", [[0, 0, 0], [0, 0, 0.74], [9, 9, 9]])
    close = Atoms("OH", [[0, 0, 0], [0, 0, 0.5]])
    training = part([molecule("H2O"), far, close], "a", remarks=("7 of something",))
    found = lines(training, part([molecule("H2O")] * 5, "b"))
    assert found[1] == "training: 7 of something"
    assert found[3:] == [
        "atoms without a neighbour within the cutoff, in configurations: 1 (a: frame 1: atom 2)",
        "atoms unusually close, in configurations: 1 (a: frame 2: O 0 and H 1, 0.50 Å)",
        "duplicates: 5 (b: frame 0 = a: frame 0; b: frame 1 = a: frame 0; "
        "b: frame 2 = a: frame 0 and 2 more)",
    ]


def trajectory(energy=1.0, forces=1.0, n_frames=30):
    """Return rattled copper, wrapped so that atoms jump, with EMT's labels times given factors."""
    random = np.random.default_rng(0)
    start, frames = bulk("Cu", cubic=True) * (2, 1, 1), []
    for _ in range(n_frames):
        frame = start.copy()
        frame.positions += random.normal(scale=0.05, size=(8, 3))
        frame.wrap()
        frame.calc = EMT()
        results = {
            "energy": energy * frame.get_potential_energy(),
            "forces": forces * frame.get_forces(),
        }
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
    return frames


def line_of(frames):
    work = Work()
    for frame in frames:
        work.add(frame)
    return " and ".join(work.lines()) or None


def test_energies_and_forces_that_fit_are_not_remarked_on():
    assert line_of(trajectory()) is None
    assert line_of(trajectory(n_frames=5)) is None  # too few to judge
    # If both have the same wrong unit, they still fit each other.
    assert line_of(trajectory(energy=23.06, forces=23.06)) is None


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({"forces": -1.0}, "the work has the wrong sign, the forces look like gradients "),
        ({"energy": 1 / units.Hartree}, "energies look like hartree, forces like eV/Å"),
        ({"forces": units.mol / units.kcal}, "energies look like eV, forces like kcal/mol/Å"),
        ({"forces": units.Bohr}, "energies look like eV, forces like eV/bohr"),
        ({"energy": 1 / 8}, "the energies look like energies per atom"),
        ({"forces": 3.0}, "is 3.0"),
        ({"forces": 0.0}, "the work of the forces is zero"),
        ({"energy": 0.0}, "all energy differences are zero"),
    ],
)
def test_energies_and_forces_that_do_not_fit_are(factors, expected):
    line = line_of(trajectory(**factors))
    assert line.startswith("energies and forces do not fit: over ") and expected in line


def strained(sign=1.0, n_frames=30):
    """Return strained copper cells, with EMT's stress times ``sign``."""
    random, frames = np.random.default_rng(1), []
    for _ in range(n_frames):
        frame = bulk("Cu", a=3.55, cubic=True)
        strain = random.uniform(-0.01, 0.01, (3, 3))
        frame.set_cell(frame.cell @ (np.eye(3) + strain + strain.T), scale_atoms=True)
        frame.positions += random.normal(scale=0.03, size=(4, 3))
        frame.calc = EMT()
        results = {"energy": frame.get_potential_energy(), "forces": frame.get_forces()}
        results["stress"] = sign * frame.get_stress()
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
    return frames


def test_the_sign_and_unit_of_a_stress_show_in_strained_cells():
    assert line_of(strained()) is None
    assert "what is positive looks like pressure (data.stress_are: pressure)" in line_of(
        strained(-1.0)
    )
    assert "the stress looks like GPa" in line_of(strained(1 / units.GPa))
    vasp = line_of(strained(-10 / units.GPa))
    assert vasp.endswith("the stress looks like kbar and a wrong sign")


def test_cells_that_are_not_full_are_no_hindrance():
    for cell, pbc in (((0, 0, 0), False), ([[9, 0, 0], [0, 2, 1], [0, 4, 2]], [1, 0, 0])):
        frames = [molecule("H2O") for _ in range(20)]
        for seed, frame in enumerate(frames):
            frame.rattle(0.03, seed=seed)
            frame.set_cell(cell)
            frame.pbc = pbc
            frame.calc = SinglePointCalculator(frame, energy=seed, forces=np.zeros((3, 3)))
        line = line_of(frames)
        assert line is None if pbc else "the work of the forces is zero" in line


def test_repeated_configurations_hide_nothing():
    frames = trajectory(forces=-1.0, n_frames=10)
    assert "look like gradients" in line_of([frame for frame in frames for _ in range(3)])


def test_forces_of_other_frames_are_noticed():
    frames = trajectory()
    forces = [frame.get_forces() for frame in frames]
    for frame, other in zip(frames, forces[10:] + forces[:10], strict=True):
        frame.calc.results["forces"] = other
    assert "have a correlation of " in line_of(frames)


def test_values_that_no_calculation_gives_are_named():
    frames = trajectory(n_frames=3)
    frames[0].calc.results["stress"] = np.array([0.1, 0, 0, 5.8, 0, -7.25])
    frames[1].calc.results["stress"] = np.full(6, 0.99)
    frames[1].calc.results["forces"][0, 1] += 8 * 0.03
    frames[2].calc.results["forces"][:, 2] += 0.002  # as in a published set of water
    names = [f"a: frame {index}" for index in range(3)]
    part = NamedFrames(frames, names), ReferenceDataset(frames, ("Cu",), 4.0, torch.float64, names)
    found = survey({"training": part[0]}, {"training": part[1]}, ("Cu",))
    assert found[1:] == [
        "stress above 1 eV/Å^3 (is it in kbar or GPa, or a virial?), in configurations: 1 "
        "(a: frame 0: 7.25 eV/Å^3)",
        "forces that do not sum to zero (atoms held fixed, or another field?), in "
        "configurations: 1 (a: frame 1: 0.03 eV/Å an atom)",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "ethanol_rmd17/train",
        "water_pbe0ts/train",
        "mlearn_Si/train",
        "3bpa/train_300K",
        "ta_snap/all",
    ],
)
def test_published_energies_and_forces_fit(shared_data, name):
    frames = read_frames(shared_data / f"{name}.extxyz.xz")
    assert line_of(frames) is None
    for frame in frames:
        frame.calc.results["forces"] = -frame.calc.results["forces"]
    assert "look like gradients" in line_of(frames)


def test_closest_approach_of_each_two_elements():
    water, hydrogen = molecule("H2O"), molecule("H2")
    samples = part([water, hydrogen], "a")[1]
    closest = ClosestApproach(ELEMENTS)
    for index in range(len(samples)):
        closest(samples[index])
    assert closest.by_elements() == {
        "H-H": pytest.approx(hydrogen.get_distance(0, 1)),
        "H-O": pytest.approx(water.get_distance(0, 1)),
    }
