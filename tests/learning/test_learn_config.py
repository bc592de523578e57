"""Mistakes in the configuration or the folder end with one sentence before any work starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hipnn_ts.cli import main
from hipnn_ts.errors import InputError
from hipnn_ts.learning import folder as folders
from hipnn_ts.learning.beginning import take_starts
from hipnn_ts.learning.config import identity_of, read_learn_config, training_of
from hipnn_ts.learning.sections import JobsConfig, LearnConfig
from hipnn_ts.training.config import describe

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sampling": {"low": 0.7}}, "sampling: low: expected less than stop (0.6), found 0.7"),
        ({"sampling": {"walkers": 1}}, "expected at least one for each temperature (2), found 1"),
        (
            {"sampling": {"pressures": [0, 1]}},
            "expected at least one for each temperature and pressure (4), found 2",
        ),
        ({"sampling": {"stpes": 5}}, "unknown key 'sampling.stpes', expected one of temperatures"),
        ({"sampling": {"temperatures": []}}, "temperatures: expected at least one, found none"),
        ({"committee": {"members": 1}}, "committee.members: expected a value greater than or"),
        ({"rounds": {"held_back": 1.5}}, "rounds.held_back: expected a value less than 1"),
        ({"first": {"method": "guess"}}, "first.method: expected 'rattle' or 'dynamics'"),
        ({"structures": []}, "structures: expected a list of files, found []"),
        ({"training": {"seed": 3}}, "training.seed: expected none, because each member has its"),
        ({"training": {"epohs": 3}}, "unknown key 'training.epohs'"),
        ({"training": {"epochs": 3}}, "committee.steps: expected training.batch_size and no"),
        ({"training": {"batch_size": None}}, "committee.steps: expected training.batch_size and"),
        ({"committee": {"steps": None}}, "training: give 'epochs', 'max_minutes' or both"),
        ({"network": {"n_feature": 3}}, "unknown key 'network.n_feature'"),
        ({"walkers": 3}, "unknown key 'walkers', expected one of structures"),
    ],
)
def test_mistakes(changed, message, tmp_path, write_config):
    config = write_config(tmp_path, **changed)
    done = CliRunner().invoke(main, ["learn", str(config), "-o", str(tmp_path / "run")])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert done.output.startswith(f"hipnn-ts: error: {config}: "), done.output
    assert message in done.output and done.output.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_pressures_want_volumes(tmp_path, write_config):
    path = write_config(tmp_path, sampling={"pressures": 0.0})
    with pytest.raises(InputError, match=r"water\.xyz: frame 0: expected three periodic direct"):
        take_starts(read_learn_config(path), tmp_path)


def test_no_reference(tmp_path, write_config):
    config = write_config(tmp_path)
    lines = config.read_text().splitlines()
    start = lines.index("reference:")
    end = next(k for k in range(start + 1, len(lines)) if not lines[k].startswith(" "))
    config.write_text("\n".join(lines[:start] + lines[end:]))
    with pytest.raises(InputError, match="key 'reference' is missing"):
        read_learn_config(config)


def test_steps_of_training_whatever_the_number_of_labels(tmp_path, write_config):
    config = read_learn_config(write_config(tmp_path, committee={"steps": 300}))
    for n in (4, 10, 57):
        epochs = training_of(config, n)["epochs"]
        assert abs(epochs * -(-n // 4) - 300) <= 8
    assert training_of(config, 10_000)["epochs"] == 1


def test_not_yaml(tmp_path):
    (tmp_path / "learn.yaml").write_text("a: [")
    with pytest.raises(InputError, match="expected YAML, found what cannot be parsed"):
        read_learn_config(tmp_path / "learn.yaml")


def test_help_names_every_key():
    done = CliRunner().invoke(main, ["learn", "--help"])
    for key, _ in describe(LearnConfig):
        assert key.split(" = ")[0] in done.output


def test_relative_paths_start_at_the_file(tmp_path, write_config):
    config = read_learn_config(write_config(tmp_path, jobs={"parsl": "parsl_config.py"}))
    assert config.structures == (tmp_path / "water.xyz",)
    assert config.jobs.parsl == tmp_path / "parsl_config.py"


def test_identity_leaves_out_what_may_change(tmp_path, write_config):
    one = identity_of(read_learn_config(write_config(tmp_path)))
    changed = ("jobs.workers=7", "rounds.most=3", "rounds.forces_rmse=0.1", "rounds.deviation=1")
    assert one == identity_of(read_learn_config(tmp_path / "learn.yaml", changed))
    assert one != identity_of(read_learn_config(tmp_path / "learn.yaml", ("rounds.labels=3",)))


def test_one_run_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "WAIT", 0.2)
    refused = pytest.raises(InputError, match="found one where a run is learning now")
    with (
        folders.opened(tmp_path / "run", {"seed": 1}),
        refused,
        folders.opened(tmp_path / "run", {"seed": 1}),
    ):
        pass
    with folders.opened(tmp_path / "run", {"seed": 1}):
        pass


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    expected = "expected a new directory or one of an earlier run"
    with pytest.raises(InputError, match=expected), folders.opened(tmp_path, {"seed": 1}):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    refused = pytest.raises(InputError, match="run: cannot be written: Not a directory")
    with refused, folders.opened(tmp_path / "file" / "run", {}):
        pass


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("config = 3", "a parsl.Config, found 3"),
        ("1 / 0", "found ZeroDivisionError: division by zero"),
        ("x = 1", "found None"),
    ],
)
def test_configurations_of_parsl_that_are_none(program, message, tmp_path):
    pytest.importorskip("parsl", reason="needs the extra learn")
    from hipnn_ts.learning.jobs import started

    (tmp_path / "parsl_config.py").write_text(program)
    jobs = JobsConfig(parsl=tmp_path / "parsl_config.py")
    with pytest.raises(InputError, match=message), started(jobs, tmp_path / "records"):
        pass


FULL = """
import resource, sys
from hipnn_ts.cli import main
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), limits[1]))
main(sys.argv[2:])
"""


@pytest.mark.parametrize("size", [900, 1500])
def test_a_full_disk(size, tmp_path, write_config):
    """A limit on the size of files acts like a full disk: either the run's configuration or its
    frames cannot be written."""
    pytest.importorskip("parsl", reason="needs the extra learn")
    config = write_config(tmp_path)
    command = [sys.executable, "-c", FULL, str(size), "learn", str(config), "-o"]
    done = subprocess.run(
        [*command, str(tmp_path / "run")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("hipnn-ts: error: ") and done.stderr.count("\n") == 1
    assert "cannot be written: File too large" in done.stderr


def test_configurations_of_page_and_example(tmp_path):
    """The configurations of the documentation page and the example are valid unchanged."""
    page = (ROOT / "docs/learning.md").read_text()
    block = page.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "learn.yaml").write_text(block)
    assert read_learn_config(tmp_path / "learn.yaml").rounds.forces_rmse == 0.06
    orca = page.split("```yaml\n")[2].split("```")[0]
    (tmp_path / "learn.yaml").write_text("structures: x.xyz\ntraining: {epochs: 1}\n" + orca)
    assert read_learn_config(tmp_path / "learn.yaml").reference.profile is not None
    config = read_learn_config(ROOT / "examples/learning/learn.yaml")
    assert all(file.is_file() for file in config.structures)
