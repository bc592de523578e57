"""`hipnn-ts distil`: frames of a potential's dynamics, with its labels."""

from itertools import pairwise

import numpy as np
import pytest
from ase.io import read, write
from click.testing import CliRunner

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main
from hipnn_ts.distillation import VAIN, Sampling, distil
from hipnn_ts.errors import InputError

WARM = Sampling((300.0, 600.0), interval=2.0, length=3, stop=100.0)


@pytest.fixture(scope="module")
def committee(random_committee):
    return random_committee()


@pytest.fixture(scope="module")
def boxes(water):
    first, second = water(2), water(2)
    second.set_cell(second.cell * 1.02, scale_atoms=True)
    return [first, second]


@pytest.fixture(scope="module")
def frames(committee, boxes):
    return list(distil(committee, boxes, 14, WARM))


def run(*arguments):
    return CliRunner().invoke(main, ["distil", *map(str, arguments)])


def test_labels_are_those_of_the_committees_mean(committee, frames):
    calculator = HIPNNTSCalculator(committee)
    for frame in frames:
        given = frame.calc.results
        calculator.calculate(frame)
        assert given["energy"] == pytest.approx(calculator.results["energy"], rel=1e-13)
        for name in ("forces", "stress"):
            np.testing.assert_allclose(given[name], calculator.results[name], atol=1e-10)
        deviation = calculator.results["forces_std"].max()
        assert frame.info["max_devi_f"] == pytest.approx(deviation, rel=1e-9)


def test_walks_take_temperatures_in_turn_and_structures_at_random(frames, boxes):
    assert len(frames) == 14
    assert [frame.info["temperature"] for frame in frames] == [
        *([300.0] * 3 + [600.0] * 3) * 2,
        *[300.0] * 2,
    ]
    lengths = {round(frame.cell[0, 0], 6) for frame in frames}
    assert lengths == {round(box.cell[0, 0], 6) for box in boxes}
    for earlier, later in pairwise(frames):
        assert np.abs(later.positions - earlier.positions).max() > 1e-3


def test_frames_do_not_depend_on_the_number_of_processes(committee, boxes, frames):
    together = list(distil(committee, boxes, 14, WARM, processes=2))
    for one, other in zip(frames, together, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.get_forces(), other.get_forces())


def test_another_seed_walks_elsewhere(committee, boxes, frames):
    others = list(distil(committee, boxes, 3, WARM._replace(seed=1)))
    assert np.abs(others[0].positions - frames[0].positions).max() > 1e-2


def test_a_walk_ends_where_the_members_disagree(committee, boxes):
    calm = list(distil(committee, boxes, 40, WARM._replace(length=20)))
    deviations = np.array([frame.info["max_devi_f"] for frame in calm])
    stop = float(np.percentile(deviations, 90))
    kept = list(distil(committee, boxes, 10, WARM._replace(stop=stop)))
    assert deviations.max() > stop
    assert len(kept) == 10
    assert max(frame.info["max_devi_f"] for frame in kept) <= stop


def test_walks_without_any_frame_end_in_a_sentence(committee, boxes):
    with pytest.raises(InputError, match=f"found {VAIN} in a row that ended before"):
        list(distil(committee, boxes, 10, WARM._replace(stop=1e-9)))


def test_a_structure_with_an_unknown_element_is_refused(committee, boxes):
    strange = boxes[0].copy()
    strange.symbols[3] = "Xe"
    for processes in (1, 2):
        with pytest.raises(InputError, match="atom 3: expected one of the elements H O of"):
            list(distil(committee, [strange], 1, WARM, processes))


def test_a_single_network_labels_too(random_model, boxes):
    model = random_model()
    frame = next(distil(model, boxes, 1, WARM))
    calculator = HIPNNTSCalculator(model)
    calculator.calculate(frame)
    np.testing.assert_allclose(frame.get_forces(), calculator.results["forces"], atol=1e-10)
    assert frame.info["max_devi_f"] == 0.0


def test_the_command_writes_frames_and_says_how_far_members_deviate(committee, boxes, tmp_path):
    write(tmp_path / "boxes.extxyz", boxes)
    output = tmp_path / "distilled.extxyz"
    options = ["-n", 8, "--interval", 2, "--length", 4, "--stop", 100]
    done = run(
        *(committee, tmp_path / "boxes.extxyz", "-o", output, *options),
        *("--temperature", 300, "--temperature", 900),
    )
    assert done.exit_code == 0, done.output
    first, cool, hot = done.output.splitlines()[-3:]
    assert first == f"{output}: 8 frames"
    assert cool.startswith("300 K: 4 frames, largest deviation of a force in each, meV/Å: median ")
    assert hot.startswith("900 K: 4 frames")
    frames = read(output, ":")
    calculator = HIPNNTSCalculator(committee)
    for frame in frames:
        calculator.calculate(frame)
        # Extended XYZ has eight decimals.
        np.testing.assert_allclose(frame.get_forces(), calculator.results["forces"], atol=1e-5)
        assert frame.get_potential_energy() == pytest.approx(calculator.results["energy"], abs=1e-5)


def test_the_command_needs_structures_and_a_temperature(committee, tmp_path):
    empty, output = tmp_path / "empty.extxyz", tmp_path / "distilled.extxyz"
    empty.write_text("")
    done = run(committee, empty, "-o", output, "--temperature", 300)
    assert done.exit_code == 1
    assert done.output.startswith(f"hipnn-ts: error: {empty}: expected a trajectory, found one")
    assert not output.exists()
    assert "Missing option '--temperature'" in run(committee, output, "-o", output).output
