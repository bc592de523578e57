"""Do the deviation of a committee and the force uncertainty of one model predict force errors?

Four members are trained on each set by the default recipe, kept in accuracy/ as by accuracy.py, and
tested beyond their training data: 3BPA, trained at 300 K, at 600 and 1200 K; ethanol's model on
methanol, a molecule that lost a hydrogen, and pairs; tantalum on groups of structures it has never
seen. The deviation of the members is compared with the error of their mean, and the uncertainty of
the first member with its own error; their rank correlations are judged. Tantalum's "held back" also
chose the epoch and the calibration: its unseen groups are the test. Needs the published sets
(HIPNN_TS_SHARED_DATA).
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.accuracy.recipe_sets import with_parts
from benchmarks.accuracy.runs import OURS, Run, config_of, folder_of, train_ours
from benchmarks.accuracy.sets import SETS, Set, Test
from benchmarks.command import Findings, benchmark
from benchmarks.models import published_data
from benchmarks.report import Check, at_least
from hipnn_ts.checkpoint import read_checkpoint
from hipnn_ts.committee.deviations import deviations_of
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation.compare import Comparison, compare, load_potential
from hipnn_ts.export import export_committee
from hipnn_ts.rank_correlation import rank_correlation

N_MEMBERS = 4
WORST = 0.05  # share of frames with the largest errors that uncertainties are to find
N_BINS = 8
RANK = 0.7  # least correlation of largest errors and uncertainties in frames, all tests of a set
RUN = Run(OURS, 3, invariants="polynomials")
MINUTES = {"3bpa": 4, "ethanol_rmd17": 3, "ta_known": 2}  # for each member
ETHANOL = {
    "ethanol and methanol": "eth_meth",
    "a hydrogen removed": "H_removal",
    "pairs of molecules": "dimers",
}


def chosen_set(name: str, data: Path) -> Set:
    """A set with tests beyond its training data in addition to its own."""
    if name == "ta_known":
        known = with_parts("ta_snap", data)
        return replace(known, validation=known.tests["held back"].file)
    chosen, more = SETS[name], ETHANOL if name == "ethanol_rmd17" else {}
    more = {label: Test(f"{name}/test_{file}.extxyz.xz") for label, file in more.items()}
    return replace(chosen, tests=chosen.tests | more)


def trained(name: str, chosen: Set, data: Path, minutes: float) -> list[Path]:
    """Train the members where that is not done; their checkpoints."""
    folders = [folder_of(replace(RUN, seed=seed), name, minutes) for seed in range(N_MEMBERS)]
    for seed, folder in enumerate(folders):
        print(f"{name}, member {seed}: {minutes:g} minutes ...", flush=True)
        train_ours(config_of(chosen, data, minutes, seed, RUN.network), folder)
    return [folder / "best.ckpt" for folder in folders]


def force_errors(compared: Comparison) -> list[np.ndarray] | None:
    """Norm of each atom's force error in each frame, eV/Å; None without reference forces."""
    if any(forces is None for forces in compared.forces):
        return None
    return [
        np.linalg.norm(forces - frame.calc.results["forces"], axis=1)
        for forces, frame in zip(compared.forces, compared.frames, strict=True)
    ]


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def told(uncertainty: list[np.ndarray], compared: Comparison) -> dict[str, Any]:
    """How well uncertainties of atoms (eV/Å) predict errors of forces, else of energies."""
    errors, largest = force_errors(compared), [each.max() for each in uncertainty]
    if errors is None:
        references = [frame.calc.results["energy"] for frame in compared.frames]
        wrong = np.abs(compared.energies - references)
        return {"frames": len(largest), "energies": ranked(largest, wrong)}
    atoms, wrong = np.concatenate(uncertainty), np.concatenate(errors)
    of_frames = [[rms(each) for each in side] for side in (uncertainty, errors)]
    bins = np.array_split(np.argsort(atoms), N_BINS)
    return {
        "frames": len(largest),
        "largest": ranked(largest, [each.max() for each in errors]),
        "root_mean_square": ranked(*of_frames),
        "atoms": {"rank_correlation": rank_correlation(atoms, wrong)},
        "error_over_uncertainty": rms(wrong) / rms(atoms),
        "error_eV_A": rms(wrong),
        "bins": [[rms(atoms[each]), rms(wrong[each])] for each in bins],
    }


def ranked(uncertainty, errors) -> dict[str, float]:
    """Rank correlation, and the share of the worst frames among as many most uncertain ones."""
    n_worst = max(1, round(WORST * len(errors)))
    worst, suspect = (
        set(np.argsort(-np.asarray(each))[:n_worst]) for each in (errors, uncertainty)
    )
    return {
        "rank_correlation": rank_correlation(uncertainty, errors),
        "worst_found": len(worst & suspect) / n_worst,
    }


def judge(name: str, data: Path, minutes: float) -> dict[str, Any]:
    """Judge both uncertainties on each test of a set, and on all tests with forces together."""
    chosen = chosen_set(name, data)
    members = [read_checkpoint(path) for path in trained(name, chosen, data, minutes)]
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
        named = [(f"frame {k}", frame) for k, frame in enumerate(frames)]
        deviations = [each.deviations.forces for each in deviations_of(committee, named)]
        alone = compare(first, frames, uncertainty=own)
        out[label] = {
            "committee": told(deviations, compare(committee, frames)),
            "one model": told(alone.uncertainties, alone),
        }
    return out


def checks_of(sets: dict[str, Any]) -> list[Check]:
    """Compare the rank correlations over a set's frames with forces with the bar."""
    what = (
        "rank correlation of the largest uncertainty in a frame with the largest error of a force"
    )
    return [
        at_least(f"{name}, {side}: {what}", row["largest"]["rank_correlation"], RANK)
        for name, tests in sets.items()
        for side, row in tests["all with forces"].items()
    ]


@benchmark("uncertainty", share=0.01)
@click.option("--only", multiple=True, type=click.Choice(list(MINUTES)), help="These sets alone.")
def main(only: tuple[str, ...], share=1.0) -> Findings:
    """Train the missing members for ``share`` of their minutes, and judge."""
    data = published_data()
    torch.set_num_threads(1)  # minutes are processor time of one thread
    minutes = {name: share * MINUTES[name] for name in only or MINUTES}
    sets = {name: judge(name, data, given) for name, given in minutes.items()}
    return {"members": N_MEMBERS, "minutes_of_one_thread": minutes, "sets": sets}, checks_of(sets)


if __name__ == "__main__":
    main()
