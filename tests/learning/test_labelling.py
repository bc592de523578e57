"""Labelling: labels that fail, interruptions, and two workers of Parsl."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from hipnn_ts.errors import InputError
from hipnn_ts.learning import processes
from hipnn_ts.learning.config import read_learn_config
from hipnn_ts.learning.folder import failure_file, label_file, read_json
from hipnn_ts.learning.labelling import label
from hipnn_ts.learning.reference import make_calculator
from hipnn_ts.learning.sections import JobsConfig, ReferenceConfig

pytestmark = pytest.mark.slow


def reference(**arguments):
    return ReferenceConfig(
        calculator="counted.Counted", arguments=arguments, time_limit=4
    ).model_dump(mode="json")


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path, frames_to_label):
    folder = frames_to_label(tmp_path / "round-0", 6)
    log = tmp_path / "evaluations"
    fail = {"0": "error", "2": "crash", "3": "hang", "5": "exit"}
    label(folder, list(range(6)), reference(log=str(log), fail=fail), threads=1)
    why = {k: read_json(failure_file(folder, k))["why"] for k in (0, 2, 3, 5)}
    assert why == {
        0: "RuntimeError: SCF not converged",
        2: "ended by signal 6 (Aborted)",
        3: "no end within 4 s",
        5: "ended by exit status 2",
    }
    for k in (1, 4):
        assert not failure_file(folder, k).exists()
        assert np.isfinite(read(label_file(folder, k)).get_forces()).all()
    for k in (0, 2, 3, 5):
        assert not label_file(folder, k).exists()
    # Failed labels are not tried again, and finished ones are not computed again.
    calls = log.read_text()
    assert len(calls.splitlines()) == 6
    label(folder, list(range(6)), reference(log=str(log), fail=fail), threads=1)
    assert log.read_text() == calls


def test_an_scf_that_does_not_converge(tmp_path, frames_to_label):
    folder = frames_to_label(tmp_path / "round-0", 1)
    label(folder, [0], reference(max_iterations=1), threads=1)
    assert "SCF not converged" in read_json(failure_file(folder, 0))["why"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"calculator": "tblite.ase.Nothing"}, r"found 'tblite.ase.Nothing' \(AttributeError"),
        ({"calculator": "nothing.Calculator"}, "expected the import path of a class"),
        ({"calculator": "nothing"}, r"ASE's name of a calculator, found 'nothing'"),
        ({"arguments": {"method": 1}}, r"arguments of counted.Counted, found {'method': 1}"),
        (
            {"profile": {"kind": "ase.calculators.orca.Nothing"}},
            "reference.profile.kind: expected the import path of a class",
        ),
        (
            {"profile": {"kind": "ase.calculators.orca.OrcaProfile", "arguments": {"x": 1}}},
            "reference.profile.arguments: expected arguments of",
        ),
    ],
)
def test_calculators_that_cannot_be_made(changed, message):
    with pytest.raises(InputError, match=message):
        make_calculator(ReferenceConfig.model_validate(reference() | changed))


def test_a_sentence_from_the_process_that_labels(tmp_path, frames_to_label):
    folder = frames_to_label(tmp_path / "round-0", 1)
    unknown = reference() | {"calculator": "tblite.ase.Nothing"}
    with pytest.raises(InputError, match=r"^reference.calculator: expected the import path"):
        label(folder, [0], unknown, threads=1)
    assert not list((folder / "labels").glob("0000.*json"))


def test_all_labels_failed(tmp_path, write_config):
    pytest.importorskip("parsl", reason="needs the extra learn")
    from hipnn_ts.learning.rounds import learn

    fail = {"arguments": {"max_iterations": 1}}
    config = read_learn_config(write_config(tmp_path, reference=fail, first={"labels": 4}))
    said = []
    with pytest.raises(InputError, match=r"found 4 that failed, frame 0 because: .*converged"):
        learn(config, tmp_path / "run", said.append)
    assert sum("has no label" in line for line in said) == 4


PARSL = """
from parsl import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

config = Config(
    executors=[
        HighThroughputExecutor(
            address="127.0.0.1",
            max_workers_per_node=2,
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
    ],
    strategy="none",
)
"""


def test_two_workers_through_parsls_local_provider(tmp_path, frames_to_label):
    pytest.importorskip("parsl", reason="needs the extra learn")
    from hipnn_ts.learning.jobs import started

    (tmp_path / "parsl_config.py").write_text(PARSL)
    folder = frames_to_label(tmp_path / "round-0", 6)
    arguments = reference(log=str(tmp_path / "evaluations"), fail={"1": "error"})
    with started(JobsConfig(parsl=tmp_path / "parsl_config.py"), tmp_path / "records") as jobs:
        jobs.run(label, [(folder, [index], arguments, 1) for index in range(6)])
        with pytest.raises(InputError, match="expected the import path of a class"):
            unknown = reference() | {"calculator": "tblite.ase.Nothing"}
            jobs.run(label, [(frames_to_label(tmp_path / "round-1", 1), [0], unknown, 1)])
    assert [label_file(folder, k).exists() for k in range(6)] == [k != 1 for k in range(6)]
    lines = (tmp_path / "evaluations").read_text().splitlines()
    assert len(lines) == 6
    assert len({line.split()[1] for line in lines}) == 2
    assert (tmp_path / "records").is_dir()


def test_a_piece_ends_with_the_process_that_started_it(tmp_path, frames_to_label):
    folder = frames_to_label(tmp_path / "round-0", 1)
    log = tmp_path / "evaluations"
    program = (
        "import json, sys; from pathlib import Path\n"
        "from hipnn_ts.learning.labelling import label\n"
        "label(Path(sys.argv[1]), [0], json.loads(sys.argv[2]), 1)"
    )
    arguments = json.dumps(reference(log=str(log), fail={"0": "hang"}) | {"time_limit": 500})
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), arguments])
    end = time.monotonic() + 60
    while not log.exists() and time.monotonic() < end:
        time.sleep(0.1)
    child = int(
        subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
        ).stdout
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        status = Path(f"/proc/{child}/stat").read_text().split()[2]
        if status == "Z":  # ended, but this container may have no init to reap it
            break
        time.sleep(0.1)
    else:
        pytest.fail("the piece of work outlived its parent")


def test_an_interruption_is_no_failure(tmp_path, frames_to_label):
    """A label interrupted by the batch system, or by the end of a run, does not count as failed."""
    folder = frames_to_label(tmp_path / "round-0", 2)
    with pytest.raises(InputError, match=r"expected labelling to finish, found signal 15"):
        label(folder, [0, 1], reference(fail={"0": "terminate"}), threads=1)
    assert not failure_file(folder, 0).exists() and not label_file(folder, 1).exists()
    label(folder, [0, 1], reference(), threads=1)
    assert label_file(folder, 0).exists() and label_file(folder, 1).exists()


def test_a_run_that_ends_starts_nothing(tmp_path, frames_to_label):
    folder = frames_to_label(tmp_path / "round-0", 1)
    processes.stop_all()
    try:
        with pytest.raises(InputError, match="not started, because the run ends"):
            label(folder, [0], reference(), threads=1)
    finally:
        processes.allow()
