"""Isolated atoms, marked as such by the data, give self-energies and are taken out."""

import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.data import NamedFrames
from hipnn_ts.data.isolated import take_isolated
from hipnn_ts.errors import InputError


def named(*frames, file="a.xyz"):
    for index, (frame, config_type, energy) in enumerate(frames):
        if config_type is not None:
            frame.info["config_type"] = config_type
        results = {} if energy is None else {"energy": energy}
        frame.calc = SinglePointCalculator(frame, forces=[[0.0, 0, 0]] * len(frame), **results)
        frame.info["index"] = index
    frames = [frame for frame, _, _ in frames]
    return NamedFrames(frames, [f"{file}: frame {index}" for index in range(len(frames))], ("r",))


def test_they_give_their_energies_and_are_taken_out():
    data = named(
        (molecule("H2O"), "IsolatedAtom", -400.0),  # not one atom
        (Atoms("H"), "IsolatedAtom", -13.6),
        (Atoms("O", cell=[9, 9, 9], pbc=True), "isolated_atom", -390.0),
        (Atoms("O"), "adsorbed", -300.0),
        (Atoms("N"), None, -380.0),  # unnamed, in a file with named ones
        (Atoms("Cu", cell=[2, 2, 2], pbc=True), None, -3.0),
        (Atoms("S"), "Isolated atom", None),
        (Atoms("H"), "ISOLATED_ATOMS", -13.6002),
    )
    others, energies, n_frames = take_isolated(data, "config_type")
    assert energies == {"H": -13.6, "O": -390.0, "N": -380.0} and n_frames == 5
    assert [frame.info["index"] for frame in others.frames] == [0, 3, 5]
    assert list(others.names) == [f"a.xyz: frame {index}" for index in (0, 3, 5)]
    assert others.remarks == ("r",)


def test_a_file_that_names_none_has_none():
    data = named((Atoms("H"), None, -13.6), (molecule("H2"), None, -31.0))
    assert take_isolated(data, "config_type") == (data, {}, 0)
    by_another_key = named((Atoms("H"), "IsolatedAtom", -13.6), (molecule("H2"), None, -31.0))
    assert take_isolated(by_another_key, "kind")[1:] == ({}, 0)


def test_energies_that_contradict_each_other_are_named():
    data = named((Atoms("H"), "IsolatedAtom", -13.6), (Atoms("H"), "IsolatedAtom", -13.4))
    with pytest.raises(InputError) as caught:
        take_isolated(data, "config_type")
    assert str(caught.value) == (
        "a.xyz: frame 1: expected -13.6 eV for an isolated atom of H, as in a.xyz: frame 0, "
        "found -13.4 eV"
    )
    with pytest.raises(InputError, match=r"a\.xyz: expected configurations beside isolated atoms"):
        take_isolated(named((Atoms("H"), "IsolatedAtom", -13.6)), "config_type")
