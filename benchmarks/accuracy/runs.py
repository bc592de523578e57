"""One training of accuracy.py: ours or hippynn's, and its errors on the set's tests."""

import csv
import time
from dataclasses import dataclass
from pathlib import Path

from ase.data import atomic_numbers

from benchmarks.accuracy.sets import Set
from benchmarks.accuracy.table import row_of
from benchmarks.models import TRAINED
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation import evaluate
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import network_config, parse_config
from hipnn_ts.training.fit import LOG, train
from hipnn_ts.training.prepare import load_data
from hipnn_ts.training.recipe import completed
from hipnn_ts.training.sections import RunConfig

OURS, HIPPYNN = "hipnn-ts", "hippynn"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
QUICK = {"n_features": [8, 8], "n_atom_layers": 1, "n_sensitivities": 8}
QUICK_FRAMES = 20
CURVE_POINTS = 200  # of a run in its results file, about


@dataclass(frozen=True)
class Run:
    """One training: whose, tensor order and invariants, and its share of the minutes."""

    side: str
    l_max: int
    share: float = 1.0
    invariants: str = "norms"

    @property
    def network(self) -> dict:
        """What it changes in a set's network."""
        return {"l_max": self.l_max, "invariants": self.invariants}


def folder_of(run: Run, name: str, minutes: float, seed: int, quick: bool = False) -> Path:
    """Where a training lies and goes on."""
    kind = f"{'quick' if quick else f'{minutes:g}-minutes'}-seed-{seed}"
    return TRAINED / kind / name / f"{run.side}-{run.invariants}-l{run.l_max}"


def trained(
    run: Run, chosen: Set, data: Path, output: Path, minutes: float, seed: int, quick: bool
) -> dict:
    """Train on the set's files below ``data``, in ``output``; how it went, and the errors."""
    config = config_of(chosen, data, minutes, seed, run.network, quick)
    sides = {OURS: train_ours, HIPPYNN: train_theirs}
    potential, training = sides[run.side](config, output, quick)
    return {
        **vars(run),
        "n_parameters": sum(p.numel() for p in potential.parameters()),
        "training": training,
        "tests": judge_all(potential, chosen, data, quick),
    }


def config_of(
    chosen: Set, folder: Path, minutes: float, seed: int, network: dict, quick: bool = False
) -> RunConfig:
    """The configuration of a run, with a few keys of the network changed."""
    validation = chosen.validation
    content = {
        "network": chosen.network | network | (QUICK if quick else {}),
        "data": {
            "train": [chosen.train],
            "validation": [validation] if isinstance(validation, str) else validation,
            **chosen.data,
        },
        "training": {**chosen.training, "max_minutes": minutes, "seed": seed},
    }
    return parse_config(content, "accuracy.py", folder)


def train_ours(config: RunConfig, folder: Path, quick: bool = False) -> tuple[Potential, dict]:
    """Train, or go on; the potential, and what was done."""
    path = train(
        config,
        folder,
        resume=not quick,
        overwrite=quick,
        progress_bar=True,
        clock=time.process_time,
    )
    potential, provenance = load_checkpoint(path)
    with (folder / LOG).open(newline="") as file:
        log = list(csv.DictReader(file))
    # Errors of energies alone are not measured alike on the two sides: no curve of theirs.
    curve = [
        (float(row["minutes"]), float(row["validation_forces_rmse"]))
        for row in log
        if "validation_forces_rmse" in row
    ]
    return potential, {
        "minutes": float(log[-1]["minutes"]),
        "epochs": len(log),
        "curve": curve[:: max(len(curve) // CURVE_POINTS, 1)],
        "best": provenance,
    }


def train_theirs(config: RunConfig, folder: Path, quick: bool) -> tuple[Potential, dict]:
    """The same by hippynn."""
    from benchmarks.accuracy.hippynn_training import train_with_hippynn

    training, validation, _ = load_data(config.data)
    settings = config.training.model_copy(update={"optimizer": "adam"})
    symbols = {symbol for frame in training.frames for symbol in frame.get_chemical_symbols()}
    return train_with_hippynn(
        network_config(config, sorted(symbols, key=atomic_numbers.get)),
        training.frames,
        validation.frames,
        folder,
        config.training.max_minutes,
        completed(settings, [len(frame) for frame in training.frames]).batch_size,
        config.training.seed,
    )


def judge_all(potential: Potential, chosen: Set, folder: Path, quick: bool = False) -> dict:
    """Errors on each test file, in the set's units."""
    errors = {}
    for label, test in chosen.tests.items():
        frames = read_named((folder / test.file,)).frames
        found = evaluate(potential, frames[:QUICK_FRAMES] if quick else frames)
        errors[label] = row_of(chosen, found)
    return errors
