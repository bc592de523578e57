"""Do committees and the force uncertainty of one model tell the error of forces?

    python -m benchmarks.accuracy.uncertainty [--only 3bpa ...]

Four members are trained on each set by the default recipe (in accuracy/, kept, as accuracy.py
does), and judged where training data end: 3BPA trained at 300 K at 600 and 1200 K; ethanol as
methanol, dissociated, in pairs; tantalum in groups of structures it has never seen. A committee has
the deviation of its members beside the error of their mean; its first member has its own force
uncertainty beside its own error. Tantalum's "held back" also chose the epoch and the calibration:
its unseen groups are the test. Writes benchmarks/results/uncertainty.json.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from ase.io import write
from scipy.stats import spearmanr

from benchmarks.accuracy.recipe_sets import UNSEEN
from benchmarks.accuracy.runs import OURS, Run, config_of, folder_of, train_ours
from benchmarks.accuracy.sets import SETS, Set, Test
from benchmarks.command import benchmark
from benchmarks.models import TRAINED, published_data
from benchmarks.report import Check, at_least
from hipnn_ts.checkpoint import read_checkpoint
from hipnn_ts.committee.deviations import deviations_of
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation.compare import Comparison, compare, load_potential
from hipnn_ts.export import export_committee

N_MEMBERS = 4
WORST = 0.05  # share of the frames that are to be found
N_BINS = 8
RANK = 0.7  # of the largest error in a frame and the largest uncertainty; all tests of a set
RUN = Run(OURS, 3, invariants="polynomials")


@dataclass(frozen=True)
class Judged:
    """A set, minutes for each member, and what it is judged on beside its own tests."""

    of: str
    minutes: float
    tests: dict[str, str]
    make: Callable[[Set, Path], Set] = lambda chosen, data: chosen


def known_tantalum(chosen: Set, data: Path) -> Set:
    """Trained without some groups, and without every fifth frame of the others."""
    frames = read_named((data / chosen.train,)).frames
    known = [frame for frame in frames if frame.info["config_type"] not in UNSEEN]
    parts = {
        "known_train": [frame for k, frame in enumerate(known) if k % 5 != 4],
        "known_test": known[4::5],
        "unseen": [frame for frame in frames if frame.info["config_type"] in UNSEEN],
    }
    folder = TRAINED / "split"
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        write(folder / f"ta_{name}.extxyz", part)
    files = {name: str(folder / f"ta_{name}.extxyz") for name in parts}
    tests = {"held back": Test(files["known_test"]), "unseen groups": Test(files["unseen"])}
    return replace(chosen, train=files["known_train"], validation=files["known_test"], tests=tests)


ETHANOL = "ethanol_rmd17/test_"
JUDGED = {
    "3bpa": Judged("3bpa", 4, {}),
    "ethanol_rmd17": Judged(
        "ethanol_rmd17",
        3,
        {
            "ethanol and methanol": f"{ETHANOL}eth_meth.extxyz.xz",
            "a hydrogen removed": f"{ETHANOL}H_removal.extxyz.xz",
            "pairs of molecules": f"{ETHANOL}dimers.extxyz.xz",
        },
    ),
    "ta_known": Judged("ta_snap", 2, {}, known_tantalum),
}


def trained(name: str, data: Path, minutes: float) -> tuple[Set, list[Path]]:
    """The set, and the checkpoint of each member."""
    judged = JUDGED[name]
    chosen = judged.make(SETS[judged.of], data)
    checkpoints = []
    for seed in range(N_MEMBERS):
        folder = folder_of(replace(RUN, seed=seed), name, minutes)
        checkpoints.append(folder / "best.ckpt")
        if not checkpoints[-1].exists():
            print(f"{name}, member {seed}: {minutes:g} minutes ...", flush=True)
        train_ours(config_of(chosen, data, minutes, seed, RUN.network), folder)
    tests = {label: Test(file) for label, file in judged.tests.items()}
    return replace(chosen, tests=chosen.tests | tests), checkpoints


def force_errors(compared: Comparison) -> list[np.ndarray]:
    """Norms of the errors of forces in each frame, eV/Å; empty without reference forces."""
    return [
        np.zeros(0)
        if forces is None
        else np.linalg.norm(forces - frame.calc.results["forces"], axis=1)
        for forces, frame in zip(compared.forces, compared.frames, strict=True)
    ]


def told(uncertainty: list[np.ndarray], compared: Comparison) -> dict[str, Any]:
    """How well uncertainties of atoms, eV/Å, tell errors of forces, else of energies."""
    errors = force_errors(compared)
    largest = np.array([each.max() for each in uncertainty])
    n_worst = max(1, round(WORST * len(largest)))
    if not all(each.size for each in errors):
        references = [frame.calc.results["energy"] for frame in compared.frames]
        wrong = np.abs(compared.energies - references)
        return {"frames": len(largest), "energies": ranked(largest, wrong, n_worst)}
    atoms, wrong = np.concatenate(uncertainty), np.concatenate(errors)
    rms = [np.array([np.sqrt((e**2).mean()) for e in each]) for each in (uncertainty, errors)]
    bins = np.array_split(np.argsort(atoms), N_BINS)
    return {
        "frames": len(largest),
        "largest": ranked(largest, np.array([each.max() for each in errors]), n_worst),
        "root_mean_square": ranked(*rms, n_worst),
        "atoms": {"rank_correlation": float(spearmanr(atoms, wrong).statistic)},
        "error_over_uncertainty": float(np.sqrt((wrong**2).mean() / (atoms**2).mean())),
        "error_eV_A": float(np.sqrt((wrong**2).mean())),
        "bins": [
            [float(np.sqrt((values[each] ** 2).mean())) for values in (atoms, wrong)]
            for each in bins
        ],
    }


def ranked(uncertainty: np.ndarray, errors: np.ndarray, n_worst: int) -> dict[str, float]:
    """Rank correlation, and the share of the worst that are among as many most uncertain."""
    worst, suspect = (set(np.argsort(-each)[:n_worst]) for each in (errors, uncertainty))
    return {
        "rank_correlation": float(spearmanr(uncertainty, errors).statistic),
        "worst_found": len(worst & suspect) / n_worst,
    }


def judge(name: str, data: Path, minutes: float) -> dict[str, Any]:
    """Both measures on each test of a set, and on those with forces together."""
    chosen, checkpoints = trained(name, data, minutes)
    members = [read_checkpoint(path) for path in checkpoints]
    first, _, own = members[0]
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "committee.pt"
        export_committee([(member.potential, {}) for member in members], path)
        committee = load_potential(path)
    tests = {label: read_named((data / t.file,)).frames for label, t in chosen.tests.items()}
    with_forces = [
        frame
        for frames in tests.values()
        if all("forces" in frame.calc.results for frame in frames)
        for frame in frames
    ]
    out = {}
    for label, frames in (tests | {"all with forces": with_forces}).items():
        names = [f"frame {k}" for k in range(len(frames))]
        deviations = [
            frame.deviations.forces
            for frame in deviations_of(committee, zip(names, frames, strict=True))
        ]
        alone = compare(first, frames, uncertainty=own)
        out[label] = {
            "committee": told(deviations, compare(committee, frames)),
            "one model": told(alone.uncertainties, alone),
        }
        for side, row in out[label].items():
            found, of = row.get("largest") or row["energies"], f"{name}, {label}, {side}"
            print(of, {key: round(value, 2) for key, value in found.items()}, flush=True)
    return out


def checks_of(sets: dict[str, Any]) -> list[Check]:
    """Rank correlations over all frames with forces of a set."""
    what = (
        "rank correlation of the largest uncertainty in a frame with the largest error of a force"
    )
    return [
        at_least(f"{name}, {side}: {what}", row["largest"]["rank_correlation"], RANK)
        for name, tests in sets.items()
        for side, row in tests["all with forces"].items()
    ]


@benchmark("uncertainty", quick="Three seconds for each member.")
@click.option("--only", multiple=True, type=click.Choice(list(JUDGED)), help="These sets alone.")
def main(quick: bool, only: tuple[str, ...]) -> tuple[dict, list[Check]]:
    """Train what is missing, and judge."""
    data = published_data()
    torch.set_num_threads(1)  # the minutes are those of one
    minutes = {name: 0.05 if quick else JUDGED[name].minutes for name in only or JUDGED}
    sets = {name: judge(name, data, given) for name, given in minutes.items()}
    return {"members": N_MEMBERS, "minutes_of_one_thread": minutes, "sets": sets}, checks_of(sets)


if __name__ == "__main__":
    main()
