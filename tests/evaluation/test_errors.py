"""Errors against what they are by definition, for predictions that are known."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.evaluation import Comparison, errors_of
from hipnn_ts.evaluation.ensemble import spread_of
from hipnn_ts.evaluation.errors import conformer_errors
from hipnn_ts.evaluation.table import error_table

KCAL = 23.060548  # per eV


def example(seed=0, noise=1.0):
    """Three conformers of CO, two of OC (another order), one periodic frame; predictions."""
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
    return Comparison(frames, np.array(energies), forces, stresses)


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


def test_spread_of_an_ensemble_is_that_of_its_members():
    """Independent noise of 0.1: the members spread by 0.1, their mean errs by 0.1 / sqrt(20)."""
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
