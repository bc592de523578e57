"""One training of accuracy.py, by any side, and its errors on the set's tests."""

import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from ase import Atoms
from ase.data import atomic_numbers

from benchmarks.accuracy.peer_training import MACE, NEP, small_batch, train_peer
from benchmarks.accuracy.sets import Set
from benchmarks.accuracy.table import row_of
from benchmarks.models import TRAINED
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_named
from hipnn_ts.distillation import Sampling, distil
from hipnn_ts.evaluation import compare, errors_of, evaluate
from hipnn_ts.evaluation.ensemble import mean_of
from hipnn_ts.export import export_committee
from hipnn_ts.frames import write_frames
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import network_config, parse_config
from hipnn_ts.training.fit import LOG, train
from hipnn_ts.training.prepare import load_data
from hipnn_ts.training.sections import RunConfig

OURS, HIPPYNN = "hipnn-ts", "hippynn"
PEERS = NEP, MACE
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
QUICK = {"n_features": [8, 8], "n_atom_layers": 1, "n_sensitivities": 8}
QUICK_FRAMES = 20
DISTILLED_FRAMES, DISTILLED_ATOMS = 2000, 54_000  # at most
CURVE_POINTS = 200  # of a learning curve in the report, about


@dataclass(frozen=True)
class Run:
    """One training: its side, tensor order (None for other kinds of network), share of the set's
    minutes, invariants, seed (None: a committee of all seeds), and whether it learns from that
    committee."""

    side: str
    l_max: int | None
    share: float = 1.0
    invariants: str = "norms"
    seed: int | None = 0
    distilled: bool = False

    @property
    def network(self) -> dict:
        """Keys that the run changes in the set's network."""
        if self.l_max is None:
            return {}
        return {"l_max": self.l_max, "invariants": self.invariants}

    @property
    def python(self) -> str:
        """The interpreter that trains; `make bench-peers` sets up those of the peers."""
        return f"{sys.prefix}-mace/bin/python" if self.side in PEERS else sys.executable


def folder_of(run: Run, name: str, minutes: float, quick: bool = False) -> Path:
    """Folder in which a training is kept and continued."""
    kind = f"{'quick' if quick else f'{minutes:g}-minutes'}-seed-{run.seed}"
    invariants = f"{run.invariants}{'-distilled' if run.distilled else ''}"
    return TRAINED / kind / name / f"{run.side}-{invariants}-l{run.l_max}"


def trained(
    run: Run,
    chosen: Set,
    data: Path,
    output: Path,
    minutes: float,
    quick: bool,
    members: Sequence[Path] = (),
) -> dict:
    """Train in ``output`` on the set's files below ``data``; a row of the report with errors.
    ``members`` are folders of networks from which a distilled one learns."""
    config = config_of(chosen, data, minutes, run.seed, run.network, quick)
    if run.distilled:
        config = with_distilled(config, members, chosen.distilled_at, output, quick)
    if run.side in PEERS:
        peer, training = train_peer(run.side, config, output)
        errors = peer.errors
    else:
        train = train_ours if run.side == OURS else train_theirs
        potential, training = train(config, output, quick)
        errors = partial(evaluate, potential)
    return {**vars(run), "training": training, "tests": judge_all(errors, chosen, data, quick)}


def together(runs: list[dict], outputs: list[Path], chosen: Set, data: Path) -> dict:
    """A row for the committee, the mean of the models of other runs."""
    members = [load_checkpoint(output / "best.ckpt")[0] for output in outputs]

    def errors(frames: Sequence[Atoms]) -> dict:
        return errors_of(mean_of([compare(member, frames) for member in members]))

    minutes = sum(run["training"]["minutes"] for run in runs)
    return runs[0] | {
        "seed": None,
        "training": {"minutes": minutes, "curve": []},
        "tests": judge_all(errors, chosen, data),
    }


def with_distilled(
    config: RunConfig,
    members: Sequence[Path],
    temperatures: tuple[float, ...],
    folder: Path,
    quick: bool,
) -> RunConfig:
    """The configuration with frames that the members label, which are made where they lack."""
    file = folder / "distilled.extxyz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        starts = load_data(config.data)[0]
        with TemporaryDirectory() as scratch:
            committee = Path(scratch) / "committee.pt"
            export_committee([load_checkpoint(each / "best.ckpt") for each in members], committee)
            fitting = round(DISTILLED_ATOMS / mean(map(len, starts.frames)))
            number = min(QUICK_FRAMES if quick else DISTILLED_FRAMES, fitting)
            named = list(zip(starts.names, starts.frames, strict=True))
            write_frames(file, distil(committee, named, number, Sampling(temperatures)))
    data = config.data.model_copy(update={"distilled": (file,)})
    return config.model_copy(update={"data": data})


def config_of(
    chosen: Set, folder: Path, minutes: float, seed: int, network: dict, quick: bool = False
) -> RunConfig:
    """The training configuration of a run; ``network`` has the keys of the network to change."""
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
    """Train, or continue; the potential, and a dict with minutes, epochs and learning curve."""
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
    # Without forces there is no curve: the two sides measure errors of energies differently.
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
    """`train_ours`, but with hippynn."""
    from benchmarks.accuracy.hippynn_training import train_with_hippynn

    training, validation, _ = load_data(config.data)
    symbols = {symbol for frame in training.frames for symbol in frame.get_chemical_symbols()}
    return train_with_hippynn(
        network_config(config, sorted(symbols, key=atomic_numbers.get)),
        training.frames,
        validation.frames,
        folder,
        config.training.max_minutes,
        small_batch(config, training.frames),
        config.training.seed,
    )


def judge_all(
    errors: Callable[[Sequence[Atoms]], dict], chosen: Set, folder: Path, quick: bool = False
) -> dict:
    """Errors on each test file, in the set's units."""
    found = {}
    for label, test in chosen.tests.items():
        frames = read_named((folder / test.file,)).frames
        found[label] = row_of(chosen, errors(frames[:QUICK_FRAMES] if quick else frames))
    return found
