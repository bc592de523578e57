"""What is said about the data before training."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.data import NamedFrames, ReferenceDataset
from hipnn_ts.data.closest_approach import ClosestApproach
from hipnn_ts.data.survey import survey

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
