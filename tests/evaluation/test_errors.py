"""Reported errors equal their definitions, for known predictions."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.errors import InputError
from hipnn_ts.evaluation import Comparison, errors_of
from hipnn_ts.evaluation.conformers import conformer_errors
from hipnn_ts.evaluation.ensemble import spread_of
from hipnn_ts.evaluation.table import error_table, worst_table
from hipnn_ts.evaluation.worst_frames import worst_frames

KCAL = 23.060548  # kcal/mol per eV


def example(seed=0, noise=1.0):
    """Return predictions for three conformers of CO, two of OC and one periodic frame."""
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed)
    frames, energies, forces, stresses = [], [], [], []
    for index, symbols in enumerate(["CO", "CO", "CO", "OC", "OC", "C2O"]):
        frame = Atoms(symbols, fixed.normal(size=(len(Atoms(symbols)), 3)))
        frame.info["config_type"] = "box" if index == 5 else "molecule"
        results = {"energy": fixed.normal()}
        if index != 4:
            results["forces"] = fixed.normal(size=(len(frame), 3))
        if index == 5:
            frame.cell, frame.pbc = np.eye(3) * 9, True
            results["stress"] = fixed.normal(size=6)
        frame.calc = SinglePointCalculator(frame, **results)
        frames.append(frame)
        energies.append(results["energy"] + noise * random.normal())
        given = index != 4
        forces.append(
            results["forces"] + noise * random.normal(size=(len(frame), 3)) if given else None
        )
        stresses.append(frame.get_stress(voigt=False) + 0.01 if index == 5 else None)
    names = [f"a.xyz: frame {index}" for index in range(len(frames))]
    return Comparison(frames, np.array(energies), forces, stresses, names)


def test_errors_are_those_of_their_definition():
    found = example()
    errors = errors_of(found, "kcal/mol")
    d = found.energies - [frame.get_potential_energy() for frame in found.frames]
    per_atom = d / [len(frame) for frame in found.frames] * KCAL
    assert errors["energy_mae"] == pytest.approx(np.abs(per_atom).mean(), rel=1e-6)
    assert errors["energy_rmse"] == pytest.approx(np.sqrt((per_atom**2).mean()), rel=1e-6)
    on = {"C": [], "O": []}
    for frame, forces in zip(found.frames, found.forces, strict=True):
        if forces is not None:
            for symbol, row in zip(frame.symbols, forces - frame.get_forces(), strict=True):
                on[symbol] += (row * KCAL).tolist()
    for symbol, values in on.items():
        assert errors["forces_by_element"][symbol]["mae"] == pytest.approx(
            np.abs(values).mean(), rel=1e-6
        )
    together = np.array(on["C"] + on["O"])
    assert errors["forces_rmse"] == pytest.approx(np.sqrt((together**2).mean()), rel=1e-6)
    assert errors["stress_mae"] == pytest.approx(0.01 * KCAL, rel=1e-6)
    box = errors["by_config_type"]["box"]
    assert box["frames"] == 1
    assert box["energy_mae"] == pytest.approx(abs(per_atom[5]), rel=1e-6)
    assert "stress_mae" not in errors["by_config_type"]["molecule"]
    assert errors["units"]["forces"] == "kcal/mol/Å"
    table = error_table(errors)
    assert f"{errors['conformer_energy_mae']:10.3f}" in table and "forces on O" in table


def test_conformer_errors_are_those_of_all_pairs():
    found = example()
    d = found.energies - [frame.get_potential_energy() for frame in found.frames]
    pairs = [*itertools.combinations(d[:3], 2), (d[3], d[4])]
    differences = np.array([a - b for a, b in pairs])
    errors = conformer_errors(found, 1.0)
    assert errors["conformer_pairs"] == 4
    assert errors["conformer_energy_mae"] == pytest.approx(np.abs(differences).mean())
    assert errors["conformer_energy_rmse"] == pytest.approx(np.sqrt((differences**2).mean()))
    for index, frame in enumerate(found.frames):
        frame.info["molecule"] = str(index)
    assert conformer_errors(found, 1.0) == {}


def pair_errors(found, groups):
    d = found.energies - [frame.get_potential_energy() for frame in found.frames]
    pairs = [pair for group in groups for pair in itertools.combinations(d[group], 2)]
    return np.abs([a - b for a, b in pairs]).mean()


def test_conformers_are_grouped_by_a_key_of_the_frames():
    """Frames of one formula can be different molecules, which a key of the frames tells apart."""
    found = example()
    by_atoms = [[0, 1, 2], [3, 4]]
    for index, complex_ in enumerate("AABCC"):
        found.frames[index].info |= {"complex": complex_, "config_type": complex_}
    for options, groups, by in (
        ({"group_by": "complex"}, [[0, 1], [3, 4]], "complex"),
        ({}, [[0, 1], [3, 4]], "config_type"),
        ({"config_type": "none"}, by_atoms, "atoms"),
    ):
        errors = conformer_errors(found, 1.0, **options)
        assert errors["conformers_by"] == by
        assert errors["conformer_energy_mae"] == pytest.approx(pair_errors(found, groups))
    for frame in found.frames:
        frame.info["molecule"] = "one"
    errors = conformer_errors(found, 1.0)  # the key 'molecule' takes precedence
    assert errors["conformers_by"] == "molecule"
    assert errors["conformer_energy_mae"] == pytest.approx(pair_errors(found, by_atoms))
    assert "(4 pairs, by molecule)" in error_table(errors_of(found))
    del found.frames[3].info["complex"]
    with pytest.raises(InputError) as caught:
        conformer_errors(found, 1.0, group_by="complex")
    assert str(caught.value) == (
        "a.xyz: frame 3: expected an entry 'complex' to group conformers by, found config_type, "
        "molecule"
    )


@pytest.mark.parametrize("axes", [(True, True, True), (False, False, True)])
def test_crystals_have_no_conformers(axes):
    found = example()
    for frame in found.frames[:5]:
        results = frame.calc.results
        frame.pbc = axes
        frame.calc = SinglePointCalculator(frame, **results)
    assert conformer_errors(found, 1.0) == {}
    errors = errors_of(found)
    assert "conformers" not in error_table(errors) and "conformer_energy_mae" not in errors


def test_the_worst_frames_are_named():
    found = example()
    found.forces[2][1] += [300.0, 0.0, 400.0]
    found.energies[4] = found.frames[4].get_potential_energy() - 80.0
    found.energies[0] = np.nan
    worst = worst_frames(found, 1.0)
    first = dict(worst["forces"][0])
    assert first["error"] == pytest.approx(500.0, abs=10.0)
    del first["error"]
    assert first == {"file": "a.xyz", "frame": 2, "config_type": "molecule", "atom": 1}
    assert worst["energy"][0]["frame"] == 0 and np.isnan(worst["energy"][0]["error"])
    assert worst["energy"][1] == {
        "file": "a.xyz",
        "frame": 4,
        "config_type": "molecule",
        "error": pytest.approx(40.0),
    }
    assert [len(frames) for frames in worst.values()] == [5, 5]
    for frames in worst.values():
        errors = np.nan_to_num([frame["error"] for frame in frames], nan=np.inf)
        assert (np.diff(errors) <= 0).all()
    assert "40.000  a.xyz: frame 4 (molecule)" in worst_table(errors_of(found, "eV"))
    assert ", atom 1 (molecule)" in worst_table(errors_of(found, "eV"))


def test_spread_of_an_ensemble_is_that_of_its_members():
    """With independent noise of 0.1 the spread is 0.1, and the mean's error 0.1 / sqrt(20)."""
    members = [example(seed, noise=0.1) for seed in range(1, 21)]
    found = spread_of(members, "eV")
    assert found["members"] == 20
    assert found["forces"]["spread"] == pytest.approx(0.1, rel=0.15)
    assert found["forces"]["error"] == pytest.approx(0.1 / np.sqrt(20), rel=0.4)
    assert found["forces"]["ratio"] == pytest.approx(
        found["forces"]["spread"] / found["forces"]["error"]
    )
    n_atoms = [len(frame) for frame in members[0].frames]
    spread = np.std([member.energies for member in members], axis=0, ddof=1) / n_atoms
    assert found["energy"]["spread"] == pytest.approx(np.sqrt((spread**2).mean()))
    assert -1 <= found["energy"]["rank_correlation"] <= 1
