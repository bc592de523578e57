"""Committees and force uncertainty give a number per atom that can stop a run or save a frame.

For a committee the number is the standard deviation of the force over its members.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from committees import combined
from lammps_run import set_up
from test_lammps_committee import refused, run
from uncertainties import expected

pytestmark = pytest.mark.slow

RANKS = pytest.mark.parametrize("ranks", [1, 2])


@dataclass
class Quantity:
    """The names of the number: in the pair style, in fix pair, and in files of frames."""

    keyword: str
    of_fix_pair: str
    array: str
    file: Path
    exact: Callable[[Atoms], np.ndarray]
    drives: str  # keyword that chooses the forces, if there is a choice
    columns: list[int]  # columns of its table that are not NaN
    sentence: str

    def pair(self, keywords="every 1"):
        style = f"pair_style hipnn/ts {self.keyword} {keywords}"
        return f"{style}\npair_coeff * * {self.file} O H\n"


@pytest.fixture(params=["committee", "uncertainty"])
def quantity(
    request, random_members, random_committee, random_potential, random_uncertainty, uncertain_model
):
    if request.param == "committee":
        return Quantity(
            "committee",
            "deviation",
            "forces_std",
            random_committee(),
            lambda atoms: combined(random_members(), atoms).forces_std,
            "forces member 1",
            [0, 1, 2, 3, 4, 5, 6],
            "members of the committee differ by {:.3g} in the force of an atom",
        )
    return Quantity(
        "uncertainty",
        "uncertainty",
        "forces_uncertainty",
        uncertain_model(),
        lambda atoms: expected(random_potential(), random_uncertainty(), atoms),
        "",
        [0, 4, 5, 6],
        "the uncertainty of the force on an atom is {:.3g}",
    )


@RANKS
def test_frames_above(ranks, quantity, tmp_path, water):
    atoms = water(3)
    exact, script = quantity.exact(atoms), ""
    for name, threshold in (("some", 0.9 * exact.max()), ("none", 1.1 * exact.max())):
        pair = quantity.pair(f"every 1 frames {name}.extxyz above {threshold}")
        script += set_up(tmp_path, name, atoms, pair) + "run 0\n"
    run(tmp_path, script, ranks)
    assert (tmp_path / "none.extxyz").read_text() == ""
    (found,) = read(tmp_path / "some.extxyz", ":")
    assert found.info["step"] == 0
    assert found.pbc.all()
    np.testing.assert_array_equal(found.numbers[found.arrays["id"] - 1], found.numbers)
    np.testing.assert_array_equal(found.symbols, atoms.symbols)
    np.testing.assert_allclose(found.cell.array, atoms.cell.array, rtol=1e-9)
    np.testing.assert_allclose(
        found.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-8
    )
    np.testing.assert_allclose(found.arrays[quantity.array], exact, rtol=0, atol=1e-9)


@RANKS
def test_stop(ranks, quantity, tmp_path, water):
    largest = quantity.exact(water(3)).max()
    for factor, ends in ((0.9, True), (1.1, False)):
        pair = quantity.pair(f"every 1 stop {factor * largest}")
        script = set_up(tmp_path, "stop", water(3), pair) + "run 0\n"
        if ends:
            assert refused(tmp_path, script, ranks) == (
                f"pair_style hipnn/ts: {quantity.sentence.format(largest)} at step 0, more than "
                f"'stop {factor * largest:g}' allows"
            )
        else:
            run(tmp_path, script, ranks)


def test_steps_that_did_not_ask_have_none(quantity, tmp_path, water):
    script = set_up(tmp_path, "gap", water(2), quantity.pair("every 100"))
    script += f"""
fix apart all pair 1 hipnn/ts {quantity.of_fix_pair} 0
dump d all custom 1 gap.dump id f_apart
dump_modify d header no
fix 1 all nve
run 1
"""
    run(tmp_path, script)
    first, second = np.loadtxt(tmp_path / "gap.dump", usecols=1).reshape(2, -1)
    assert np.isfinite(first).all()
    assert np.isnan(second).all()


def test_ranks_agree_in_dynamics(quantity, tmp_path, water):
    """Tables agree although atoms move between ranks and neighbour lists are rebuilt."""
    tables = []
    for ranks in (1, 2):
        pair = quantity.pair(f"every 4 {quantity.drives} file {ranks}.out")
        script = set_up(tmp_path, "run", water(4), pair)
        script += """
velocity all create 2000 1 mom yes dist gaussian loop all
timestep 0.0005
neighbor 0.3 bin
fix 1 all nve
run 40
"""
        run(tmp_path, script, ranks)
        table = np.loadtxt(tmp_path / f"{ranks}.out")
        assert table.shape == (11, 7)
        tables.append(table[:, quantity.columns])
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-6)
