"""Other potentials beside ours: energy and forces of liquid water, one machine, one session.

    python benchmarks/peers.py [--quick] [--repeats 3]

`make bench-peers` sets the peers' interpreters up. Each model is a process of its own (two e3nn do
not fit into one), and the processes take turns. Weights are random: none can be downloaded, and
speed does not depend on them; sizes are in the file. A process that the system kills, where the
memory of all together is too little, has another try after the others. Writes
benchmarks/results/peers.json; --quick writes nothing there.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median

import click

from hipnn_ts.benchmark import write_report

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("peer_worker.py")
# Model and the environment that has it; None: this one.
MODELS = {
    "hipnn-ts, 128 features": None,
    "hipnn-ts, 64 features": None,
    "hippynn, 128 features": None,
    "TorchANI, ANI-1x": "torchani",
    "MACE, 96 channels, L = 0": "mace",
    "MACE, 128 channels, L = 1": "mace",
    "NequIP, 64 features": "nequip",
}
SIZES = (192, 648, 3000)
SECONDS = 1.0  # a turn
# Freed memory stays with the process. Giving it back and asking anew, as glibc does by itself,
# makes packages that allocate large tensors in each call several times slower on some machines.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(10**11),
}


MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Worker:
    """A model in its interpreter; ``reason`` says why it cannot be asked (any more)."""

    def __init__(self, name: str, environment: str | None):
        self.name, self.environment = name, environment
        self.reason, self.about = None, None
        python = Path(sys.executable)
        if environment is not None:
            python = ROOT / f".venv-{environment}" / "bin" / "python"
        if not python.is_file():
            self.reason = f"no .venv-{environment}: make bench-peers sets it up"
            return
        self._log = (ROOT / "build" / f"peer-{name.split(',')[0]}.log").open("w+")
        self._process = subprocess.Popen(
            [str(python), str(WORKER), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **ENVIRONMENT},
        )
        self.about = self._answer()

    def seconds(self, n_atoms: int) -> float | None:
        """Seconds of one evaluation, or None where it failed."""
        if self.reason is not None:
            return None
        self._process.stdin.write(f"{n_atoms} {SECONDS}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        # Packages print what they like: the first line that is JSON is the answer.
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        if self.killed:
            self.reason = f"killed: {MEMORY / 2**30:.0f} GiB of memory are too few"
        else:
            self.reason = lines[-1] if lines else f"ended with status {self._process.returncode}"
        return None

    @property
    def killed(self) -> bool:
        """By the system, which does so where memory is short."""
        return self.about is not None and self._process.wait() == -signal.SIGKILL

    def close(self) -> None:
        if self.about is not None:
            self._process.stdin.close()
            self._process.wait()


def print_row(n_atoms: int, times: dict[str, dict]) -> None:
    for name, each in times.items():
        print(f"  {name:<28}{1e6 * each['median'] / n_atoms:>10.1f}", flush=True)


def once_more(worker: Worker, systems: dict[str, dict], repeats: int) -> Worker:
    """What was killed beside the others, where it has the machine to itself."""
    alone = Worker(worker.name, worker.environment)
    for row in systems.values():
        if worker.name not in row["seconds"]:
            times = measure([alone], row["n_atoms"], repeats)
            row["seconds"] |= times
            print(f"{row['n_atoms']} atoms, after the others")
            print_row(row["n_atoms"], times)
    alone.close()
    return alone


def measure(workers: list[Worker], n_atoms: int, repeats: int) -> dict[str, dict]:
    """All models in turn, ``repeats`` times."""
    raw = {worker.name: [] for worker in workers}
    for _ in range(repeats):
        for worker in workers:
            found = worker.seconds(n_atoms)
            if found is not None:
                raw[worker.name].append(found)
    return {
        name: {"median": median(times), "minimum": min(times), "raw": times}
        for name, times in raw.items()
        if times
    }


@click.command()
@click.option("--quick", is_flag=True, help="192 atoms, one turn each; writes no results.")
@click.option("--repeats", default=3, show_default=True)
def main(quick: bool, repeats: int) -> None:
    """Measure, print, write benchmarks/results/peers.json."""
    (ROOT / "build").mkdir(exist_ok=True)
    workers = [Worker(name, environment) for name, environment in MODELS.items()]
    systems = {}
    for n_atoms in SIZES[:1] if quick else SIZES:
        times = measure(workers, n_atoms, 1 if quick else repeats)
        systems[str(n_atoms)] = {"n_atoms": n_atoms, "seconds": times}
        print(f"{n_atoms} atoms of water, energy and forces, µs/atom")
        print_row(n_atoms, times)
    for worker in workers:
        worker.close()
    killed = [worker.name for worker in workers if worker.killed]
    workers = [
        once_more(worker, systems, repeats) if worker.killed else worker for worker in workers
    ]
    missing = {worker.name: worker.reason for worker in workers if worker.reason}
    for name, reason in missing.items():
        print(f"not measured: {name}: {reason}")
    models = {worker.name: worker.about for worker in workers if worker.about}
    if not quick:
        figures = {"task": "energy and forces of liquid water, CPU, float32, random weights"}
        figures |= {
            "environment": ENVIRONMENT,
            "models": models,
            "systems": systems,
            "after_the_others": killed,
            "missing": missing,
        }
        write_report(ROOT / "benchmarks" / "results" / "peers.json", figures, [])


if __name__ == "__main__":
    main()
