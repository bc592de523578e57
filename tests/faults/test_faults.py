"""Faults around the program: a full disk, no memory, files that change, processes that die."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.export import load_exported

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("hipnn-ts")


@pytest.fixture
def checkpoint(tmp_path, random_potential):
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {})
    return path


def run(*arguments, limit=None, **options):
    """Run the program, with ``limit`` (resource, value) if it is given."""

    def before():
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(limit[0], (limit[1], limit[1]))

    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        preexec_fn=before,
        timeout=120,
        **options,
    )


def one_sentence(done):
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("hipnn-ts: error: ")
    return lines[0]


def test_a_full_disk_while_exporting(tmp_path, checkpoint):
    model = tmp_path / "model.pt"
    model.write_text("the old file")
    for size in (100, 20_000):
        done = run("export", checkpoint, "-o", model, limit=(resource.RLIMIT_FSIZE, size))
        assert f"{model}: cannot be written: File too large" in one_sentence(done)
        assert model.read_text() == "the old file"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["best.ckpt", "model.pt"]


def test_two_exports_to_one_name(tmp_path, checkpoint):
    model = tmp_path / "model.pt"
    both = [
        subprocess.Popen(
            [PROGRAM, "export", checkpoint, "-o", model, *flags], stderr=subprocess.PIPE
        )
        for flags in ([], ["--portable"])
    ]
    assert [each.wait(120) for each in both] == [0, 0]
    load_exported(model)  # the file is one of the two, complete
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.ckpt", "model.pt"]


def test_an_export_that_is_killed_leaves_the_old_file(tmp_path, checkpoint):
    model = tmp_path / "model.pt"
    old = b"the old file"
    model.write_bytes(old)
    process = subprocess.Popen([PROGRAM, "export", checkpoint, "-o", model])
    while process.poll() is None and not list(tmp_path.glob(".model.pt.*")):
        time.sleep(0.001)
    process.kill()
    process.wait()
    if model.read_bytes() != old:
        load_exported(model)  # the export finished first, and the file is complete


def test_a_model_replaced_while_it_is_read(tmp_path, random_model):
    """Readers see one file or the other, never a mixture, and do not crash."""
    path = tmp_path / "model.pt"
    contents = [random_model(l_max=l_max).read_bytes() for l_max in (1, 2)]
    path.write_bytes(contents[0])
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            for content in contents:
                (tmp_path / "new.pt").write_bytes(content)
                os.replace(tmp_path / "new.pt", path)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        seen = {load_exported(path)[1].network.l_max for _ in range(60)}
    finally:
        stop.set()
        thread.join()
    assert seen <= {1, 2}


def test_folders_that_cannot_be_written(tmp_path, random_model):
    """A model works although the home and cache folders cannot be written."""
    script = (
        "import sys\n"
        "from ase.build import molecule\n"
        "from hipnn_ts.ase import HIPNNTSCalculator\n"
        "atoms = molecule('H2O')\n"
        "atoms.calc = HIPNNTSCalculator(sys.argv[1])\n"
        "atoms.get_forces()\n"
    )
    environment = os.environ | {
        name: "/proc/nowhere" for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR", "MPLCONFIGDIR")
    }
    done = subprocess.run(
        [sys.executable, "-c", script, random_model()],
        env=environment,
        cwd="/proc",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_no_memory_on_the_host(tmp_path, random_model):
    """With just enough memory to start, a large structure gives an error and a small one works."""
    script = (
        "import resource, sys\n"
        "from ase.build import bulk\n"
        "from hipnn_ts.ase import HIPNNTSCalculator\n"
        "from hipnn_ts.errors import InputError\n"
        "small, large = (bulk('O', 'sc', a=2.0) * (n, n, n) for n in (2, 30))\n"
        "small.calc = large.calc = HIPNNTSCalculator(sys.argv[1])\n"
        "forces = small.get_forces()\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20),) * 2)\n"
        "try:\n"
        "    large.get_forces()\n"
        "except InputError as error:\n"
        "    print(error)\n"
        "assert (small.get_forces() == forces).all()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, random_model()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "27000 atoms: expected enough memory, found too little" in done.stdout
