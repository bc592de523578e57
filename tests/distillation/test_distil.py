"""`hipnn-ts distil`: frames of a potential's dynamics, with its labels."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import psutil
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from click.testing import CliRunner
from comparing import largest

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main
from hipnn_ts.data import read_frames
from hipnn_ts.distillation import VAIN, Sampling, distil, n_fragments, walk
from hipnn_ts.dynamics import langevin
from hipnn_ts.errors import InputError

COMMAND = [sys.executable, "-c", "from hipnn_ts.cli import main; main()", "distil"]
WARM = Sampling((300.0, 600.0), interval=2.0, length=3, stop=100.0)


@pytest.fixture(scope="module")
def committee(random_committee):
    return random_committee()


@pytest.fixture(scope="module")
def boxes(water):
    first, second = water(2), water(2)
    second.set_cell(second.cell * 1.02, scale_atoms=True)
    return [("box 0", first), ("box 1", second)]


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
    assert lengths == {round(box.cell[0, 0], 6) for _, box in boxes}
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
    assert largest(frame.info["max_devi_f"] for frame in kept) <= stop


def test_walks_without_any_frame_end_in_a_sentence(committee, boxes):
    with pytest.raises(InputError, match=f"found {VAIN} in a row that ended before"):
        list(distil(committee, boxes, 10, WARM._replace(stop=1e-9)))


def test_a_structure_with_an_unknown_element_is_refused(committee, boxes):
    strange = boxes[0][1].copy()
    strange.symbols[3] = "Xe"
    with pytest.raises(InputError, match=r"^odd: atom 3: expected one of the elements H O of"):
        list(distil(committee, [*boxes, ("odd", strange)], 1, WARM))


def test_a_molecule_that_comes_apart_ends_its_walk(random_committee):
    model = random_committee()
    boiling = Sampling((3e4,), interval=5.0, length=200, stop=float("inf"))
    frames = list(distil(model, [("water", molecule("H2O"))], 30, boiling))
    assert {n_fragments(frame) for frame in frames} == {1}
    apart = Atoms("OOH", [[0, 0, 0], [0, 0, 5], [0, 0, 5.9]])
    assert n_fragments(apart) == 2
    apart.set_cell([9, 9, 6.5])
    assert n_fragments(apart) == 2
    apart.pbc = True
    assert n_fragments(apart) == 1


def test_the_deviation_is_looked_at_in_every_step(committee, boxes):
    structures = [box for _, box in boxes]
    calculator = HIPNNTSCalculator(committee, beyond_training="ignore")
    once = WARM._replace(interval=20.0, length=1)
    random = np.random.default_rng([once.seed, 0])  # as of walk 0
    start = structures[random.integers(2)]
    dynamics = langevin(start, calculator, 300.0, once.timestep, once.friction, random)
    deviations = [float(calculator.results["forces_std"].max()) for _ in dynamics.irun(40)]
    highest, last = largest(deviations), deviations[-1]
    assert highest > last
    between = once._replace(stop=(highest + last) / 2)
    assert walk(structures, calculator, between, 0) == []
    assert len(walk(structures, calculator, once._replace(stop=1.01 * highest), 0)) == 1


def test_an_interval_is_at_least_a_step(committee, boxes):
    with pytest.raises(InputError, match=r"interval: expected at least the timestep \(0\.5 fs\)"):
        next(distil(committee, boxes, 1, WARM._replace(interval=0.1)))


def test_a_process_that_ends_gives_a_sentence(committee, boxes):
    frames = distil(committee, boxes, 10**6, WARM, processes=2)
    next(frames)
    for child in psutil.Process().children(recursive=True):
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    with pytest.raises(InputError, match="expected each process to finish its walk, found one"):
        for _ in frames:
            pass


def test_processes_end_with_a_parent_that_is_killed(committee, boxes, tmp_path):
    write(tmp_path / "boxes.extxyz", [box for _, box in boxes])
    command = [*COMMAND, committee, tmp_path / "boxes.extxyz", "-o", tmp_path / "out.extxyz"]
    options = ["--temperature", 300, "-n", 10**6, "--processes", 2]
    parent = subprocess.Popen([str(each) for each in command + options])
    watched = psutil.Process(parent.pid)
    children = []
    while len(children) < 2:  # beside what else multiprocessing starts
        assert parent.poll() is None
        found = watched.children(recursive=True)
        children = [c for c in found if "spawn_main" in " ".join(c.cmdline())]
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert len(gone) == 2 and not alive


def test_a_single_network_labels_too(random_model, boxes):
    model = random_model()
    frame = next(distil(model, boxes, 1, WARM))
    calculator = HIPNNTSCalculator(model)
    calculator.calculate(frame)
    np.testing.assert_allclose(frame.get_forces(), calculator.results["forces"], atol=1e-10)
    assert frame.info == {"temperature": 300.0}


def test_the_command_writes_frames_and_says_how_far_members_deviate(committee, boxes, tmp_path):
    structures = [Atoms("H"), *(box for _, box in boxes)]  # an isolated atom, too
    write(tmp_path / "boxes.extxyz", structures)
    output = tmp_path / "distilled.extxyz.xz"
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
    frames = read_frames(output)
    assert len(frames) == 8
    calculator = HIPNNTSCalculator(committee)
    for frame in frames:
        calculator.calculate(frame)
        # Extended XYZ has eight decimals.
        np.testing.assert_allclose(frame.get_forces(), calculator.results["forces"], atol=1e-5)
        assert frame.get_potential_energy() == pytest.approx(calculator.results["energy"], abs=1e-5)


def test_the_command_says_what_a_single_network_lacks(random_model, boxes, tmp_path):
    write(tmp_path / "box.extxyz", boxes[0][1])
    options = ["-n", 3, "--interval", 1, "--temperature", 300, "--temperature", 600]
    done = run(random_model(), tmp_path / "box.extxyz", "-o", tmp_path / "out.extxyz", *options)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-3:] == [
        "a single network without force uncertainty: --stop had no effect",
        "300 K: 3 frames",
        "600 K: 0 frames",
    ]


@pytest.mark.parametrize("option", ["--temperature", "--interval", "--timestep"])
def test_the_command_needs_finite_numbers(committee, tmp_path, option):
    done = run(committee, tmp_path, "-o", tmp_path / "out", "--temperature", 300, option, "inf")
    assert done.exit_code == 2
    assert "inf is not a finite number" in done.output


def test_the_command_names_what_it_cannot_write(committee, boxes, tmp_path):
    write(tmp_path / "box.extxyz", boxes[0][1])
    output = tmp_path / "missing" / "out.extxyz"
    done = run(committee, tmp_path / "box.extxyz", "-o", output, "--temperature", 300)
    assert done.exit_code == 1
    assert f"{output}: cannot be written: No such file or directory" in done.output


def test_the_command_needs_structures_and_a_temperature(committee, tmp_path):
    empty, output = tmp_path / "empty.extxyz", tmp_path / "distilled.extxyz"
    empty.write_text("")
    done = run(committee, empty, "-o", output, "--temperature", 300)
    assert done.exit_code == 1
    assert done.output.startswith(f"hipnn-ts: error: {empty}: expected a trajectory, found one")
    assert not output.exists()
    assert "Missing option '--temperature'" in run(committee, output, "-o", output).output
