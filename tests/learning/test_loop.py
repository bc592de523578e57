"""The whole loop with the real reference method: finished, continued, and killed."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ase.build import molecule
from ase.io import read
from tblite.ase import TBLite

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.learning.config import read_learn_config
from hipnn_ts.learning.folder import read_json

pytest.importorskip("parsl", reason="needs the extra learn")

from hipnn_ts.learning.rounds import learn

pytestmark = pytest.mark.slow

KILLS = 2
LOOP = "import sys; from hipnn_ts.cli import main; main(sys.argv[1:])"


def labels_of(run):
    return {
        str(path.relative_to(run)): read(path)
        for path in sorted(run.glob("round-*/labels/*.extxyz"))
    }


def finished_pieces(run):
    patterns = ("labels/*.extxyz", "member-*/last.ckpt", "model.pt", "walks/*.json")
    return sum(len(list(run.glob(f"round-*/{pattern}"))) for pattern in patterns)


@pytest.fixture(scope="module")
def finished(write_config, tmp_path_factory):
    """Folder of an uninterrupted run, and its messages."""
    folder = tmp_path_factory.mktemp("finished")
    said = []
    learn(read_learn_config(write_config(folder)), folder / "run", said.append)
    return folder, said


def test_error_falls_with_the_labels(finished):
    folder, said = finished
    first, last = (read_json(folder / f"run/round-{k}/summary.json") for k in (0, 1))
    assert first["labelled"] == 10 and last["labelled"] == 10
    assert last["train"]["frames"] == 16 and last["held_back"]["frames"] == 4
    # Errors of the first and of the second committee on the frames of the second round.
    before = np.array([each["error"] for each in last["chosen"]])
    calculator = HIPNNTSCalculator(folder / "run/model.pt", beyond_training="ignore")
    frames = [frame for name, frame in labels_of(folder / "run").items() if "round-1" in name]
    found = [result["forces"] for result in calculator.evaluate_batch(frames)]
    after = [
        np.linalg.norm(forces - frame.get_forces(), axis=1).max()
        for forces, frame in zip(found, frames, strict=True)
    ]
    assert len(before) == len(after) == 10
    assert np.mean(after) < 0.7 * np.mean(before), "\n".join(said)


def test_labels_are_those_of_the_reference(finished):
    for frame in labels_of(finished[0] / "run").values():
        energy, forces = frame.get_potential_energy(), frame.get_forces()
        frame.calc = TBLite(method="GFN2-xTB", verbosity=0)
        np.testing.assert_allclose(energy, frame.get_potential_energy(), atol=1e-6)
        np.testing.assert_allclose(forces, frame.get_forces(), atol=1e-5)


def test_held_back_labels_are_not_trained_on(finished):
    last = finished[0] / "run/round-1"
    trained, held = (
        {frame.positions.tobytes() for frame in read(last / f"{use}.extxyz", ":")}
        for use in ("train", "held_back")
    )
    assert len(trained) == 16 and len(held) == 4 and not trained & held


def test_result_is_a_committee(finished):
    calculator = HIPNNTSCalculator(finished[0] / "run/model.pt", beyond_training="ignore")
    atoms = molecule("H2O")
    atoms.calc = calculator
    assert calculator.metadata.members == 2
    atoms.get_forces()
    assert (calculator.results["forces_std"] > 0).all()


def test_report_tells_of_each_round(finished):
    page = (finished[0] / "run/report.html").read_text()
    assert "data:image/png;base64," in page
    for text in ("after round 1", "counted.Counted", "rattled", "between low and stop", "None."):
        assert text in page


def test_the_same_command_again_has_nothing_to_do(finished):
    folder, said = finished
    made = [*(folder / "run").glob("round-*/**/*.pt"), *(folder / "run").glob("round-*/**/*.ckpt")]
    times = {path: path.stat().st_mtime_ns for path in made}
    calls = (folder / "evaluations").read_text()
    again = []
    learn(read_learn_config(folder / "learn.yaml"), folder / "run", again.append)
    assert times and all(path.stat().st_mtime_ns == old for path, old in times.items())
    assert (folder / "evaluations").read_text() == calls
    assert again == [line for line in said if "to label" not in line]


def test_another_configuration_is_refused(finished):
    folder = finished[0]
    config = read_learn_config(folder / "learn.yaml", ("sampling.timestep=1.0",))
    with pytest.raises(InputError, match=r"sampling.timestep was 0.5 and is now 1.0; start a new"):
        learn(config, folder / "run")


def test_where_the_work_is_done_may_change(finished):
    folder = finished[0]
    config = read_learn_config(folder / "learn.yaml", ("jobs.workers=2", "rounds.deviation=100"))
    said = []
    learn(config, folder / "run", said.append)
    assert "round 1" not in "".join(said)
    assert said[-1].endswith("deviations below 100000 meV/Å; the loop ends")


def test_other_structures_are_refused(finished, tmp_path):
    folder = finished[0]
    other = molecule("H2O")
    other.positions[0, 0] += 0.1
    other.write(tmp_path / "water.xyz")
    (tmp_path / "learn.yaml").write_text((folder / "learn.yaml").read_text())
    with pytest.raises(InputError, match="expected the structures that this run began with"):
        learn(read_learn_config(tmp_path / "learn.yaml"), folder / "run")


def test_killed_at_random_the_same_labels_and_none_twice(finished, write_config, tmp_path):
    config = write_config(tmp_path, jobs={"workers": 2})
    moments, kills = random.Random(3), 0
    command = [sys.executable, "-c", LOOP, "learn", str(config), "-o", str(tmp_path / "run")]
    for _ in range(KILLS):
        with (tmp_path / "said").open("a") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said)
        # Progress is counted in finished pieces, so that a busy machine is killed as late.
        target = finished_pieces(tmp_path / "run") + moments.randint(1, 7)
        end = time.monotonic() + 100
        while (
            finished_pieces(tmp_path / "run") < target
            and process.poll() is None
            and time.monotonic() < end
        ):
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 1.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert kills >= 2
    assert "Traceback" not in (tmp_path / "said").read_text() + done.stderr
    expected, found = labels_of(finished[0] / "run"), labels_of(tmp_path / "run")
    assert expected.keys() == found.keys() and len(found) == 20
    for name, frame in expected.items():
        np.testing.assert_array_equal(frame.positions, found[name].positions)
        np.testing.assert_array_equal(frame.get_forces(), found[name].get_forces())
        assert frame.info == found[name].info
    assert len({frame.positions.tobytes() for frame in found.values()}) == 20
    # Only labels in progress at the time of a kill are computed again.
    calls = (tmp_path / "evaluations").read_text().splitlines()
    assert 20 <= len(calls) <= 20 + 2 * kills
