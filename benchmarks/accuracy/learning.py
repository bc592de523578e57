"""How many labels a potential of ethanol needs: learning loop, random selection, plain dynamics.

The reference method is GFN2-xTB (tblite), the start one geometry. N labels are found by `hipnn-ts
learn`; by the same begun with 20 frames of dynamics with the reference method; by the same with
frames drawn at random from its walks (rounds.choose: random); or, without a loop, by dynamics with
the reference method at the same temperatures, frames 20 fs apart. For each N a committee is trained
on them from new weights for the same number of steps, and its force errors are measured on frames
at 300 and 600 K. Judged is how many times as many labels the others need as the loop. Labels held
back for validation count. An interrupted benchmark continues in --folder.
"""

from itertools import pairwise, product
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from tblite.ase import TBLite

from benchmarks.command import Findings, benchmark, kept
from benchmarks.report import ROOT, Check, at_least
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.dynamics import bare, langevin
from hipnn_ts.evaluation.compare import compare
from hipnn_ts.evaluation.ensemble import mean_of
from hipnn_ts.evaluation.errors import errors_of
from hipnn_ts.files import replacing
from hipnn_ts.learning.rounds import learn
from hipnn_ts.learning.sections import LearnConfig, SamplingConfig
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

ETHANOL = molecule("CH3CH2OH")
METHOD = {"method": "GFN2-xTB", "verbosity": 0}
TEMPERATURES = (300.0, 600.0)
DYNAMICS = SamplingConfig()  # its time step (fs) and friction
EVERY = round(20.0 / DYNAMICS.timestep)  # steps between frames of the reference method's dynamics
LOOPS = ("the loop", "the loop from dynamics")
OTHERS = ("random selection", "plain dynamics")
BAR = 2.0  # labels with which another side reaches the loop's error, over the loop's labels
NETWORK = {
    "n_features": [24, 24],
    "n_atom_layers": 1,
    "n_sensitivities": 12,
    "cutoff": 5.0,
    "soft_max": 4.0,
}
BATCH = 4
FULL = {"seeds": 3, "first": 20, "labels": 20, "rounds": 5, "members": 3, "test": 150}
FULL |= {"steps": 1000, "walk": 2000, "judged_steps": 2000}
QUICK = {"seeds": 1, "first": 8, "labels": 8, "rounds": 2, "members": 2, "test": 5}
QUICK |= {"steps": 30, "walk": 100, "judged_steps": 60}
SIZES = {"full": FULL, "quick": QUICK}
Frames = list[Atoms]


def dynamics(path: Path, temperature: float, n_frames: int, seed: int) -> Frames:
    """Labelled frames of dynamics with the reference method, kept in the file ``path``."""
    if not path.exists():
        random = np.random.default_rng(seed)
        settings = temperature, DYNAMICS.timestep, DYNAMICS.friction, random
        walk = langevin(ETHANOL, TBLite(**METHOD), *settings)
        frames = []
        for _ in range(n_frames):
            walk.run(EVERY)
            results = {
                "energy": walk.atoms.get_potential_energy(),
                "forces": walk.atoms.get_forces(),
            }
            frames.append(bare(walk.atoms))
            frames[-1].calc = SinglePointCalculator(frames[-1], **results)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            write(temporary, frames, format="extxyz")
    return read(path, ":")


def looped(parent: Path, side: str, seed: int, size: dict[str, int]) -> list[Path]:
    """Run or continue a learning loop; the folders of its rounds."""
    choose, begun = "random" if side in OTHERS else "uncertain", ""
    first: dict[str, Any] = {"labels": size["first"]}
    if side == "the loop from dynamics":
        first |= {"method": "dynamics", "interval": EVERY}
        begun = "-dynamics"
    folder = parent / f"{choose}{begun}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "ethanol.xyz", ETHANOL)
    config = {
        "structures": [str(folder / "ethanol.xyz")],
        "seed": 100 * seed,
        "reference": {
            "calculator": "tblite.ase.TBLite",
            "arguments": METHOD,
            "time_limit": 100,
        },
        "first": first,
        "sampling": {
            "temperatures": TEMPERATURES,
            "walkers": 4,
            "steps": size["walk"],
            "low": 0.02,
            "stop": 0.8,
        },
        "rounds": {"most": size["rounds"], "labels": size["labels"], "choose": choose},
        "committee": {"members": size["members"], "steps": size["steps"]},
        "jobs": {"workers": 2},
        "network": NETWORK,
        "training": {"batch_size": BATCH},
    }
    learn(LearnConfig.model_validate(config), folder / "run", tell=click.echo)
    return sorted((folder / "run").glob("round-*"), key=lambda path: int(path.name[6:]))


def sets(folder: Path, side: str, seed: int, size: dict[str, int]) -> list[tuple[Frames, Frames]]:
    """Training and validation frames of a side, for each number of labels."""
    if side != "plain dynamics":
        return [
            (read(path / "train.extxyz", ":"), read(path / "held_back.extxyz", ":"))
            for path in looped(folder, side, seed, size)
        ]
    counts = [size["first"] + k * size["labels"] for k in range(size["rounds"] + 1)]
    walks = [
        dynamics(
            folder / f"plain-{seed}-{t:g}.extxyz", t, -(-counts[-1] // 2), 1000 * seed + int(t)
        )
        for t in TEMPERATURES
    ]
    frames = [frame for pair in zip(*walks, strict=True) for frame in pair]
    # Every fifth frame is for validation, the same share as in the loop.
    return [([f for k, f in enumerate(frames[:n]) if k % 5 != 4], frames[4:n:5]) for n in counts]


def judged(
    folder: Path,
    trained: Frames,
    held: Frames,
    tests: dict[str, Frames],
    seed: int,
    size: dict[str, int],
) -> dict[str, Any]:
    """Force RMSE on each test of a committee trained on the frames from new weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "train.extxyz", trained)
    write(folder / "held_back.extxyz", held)
    epochs = max(1, round(size["judged_steps"] / -(-len(trained) // BATCH)))
    members = []
    for k in range(size["members"]):
        content = {
            "network": NETWORK,
            "data": {"train": ["train.extxyz"], "validation": ["held_back.extxyz"]},
            "training": {"epochs": epochs, "batch_size": BATCH, "seed": 10 * seed + k},
        }
        path = train(parse_config(content, "learning.py", folder), folder / str(k), resume=True)
        members.append(load_checkpoint(path)[0])
    return {"labels": len(trained) + len(held)} | {
        name: errors_of(mean_of([compare(member, frames) for member in members]))["forces_rmse"]
        for name, frames in tests.items()
    }


def labels_for(error: float, curve: list[dict[str, Any]], test: str) -> tuple[float, bool]:
    """Labels with which a side reaches an error, interpolated on logarithmic axes, and False; or
    all its labels, and True, if it needs more."""
    points = [(each["labels"], each[test]) for each in curve]
    if points[0][1] <= error:
        return float(points[0][0]), False
    for (n, above), (m, below) in pairwise(points):
        if below <= error:
            share = np.log(above / error) / np.log(above / below)
            return float(n * (m / n) ** share), False
    return float(points[-1][0]), True


def compared(curves: dict[str, dict[str, list[dict[str, Any]]]], test: str) -> list[Check]:
    """Labels with which others reach a loop's error at half of its labels, over that half."""
    checks = []
    for loop, side in product(LOOPS, OTHERS):
        ratios, open_ended = [], False
        for seed, own in curves[loop].items():
            half = [row for row in own if 2 * row["labels"] <= own[-1]["labels"]][-1]
            found, more = labels_for(half[test], curves[side][seed], test)
            ratios.append(found / half["labels"])
            open_ended |= more
        least = ", at least" if open_ended else ""
        name = f"labels of {side} for the error of {loop}, {test}, times its own{least}"
        checks.append(at_least(name, median(ratios), BAR))
    return checks


@benchmark("learning", size="quick", folder="build/quick/learning")
def main(size="full", folder="build/learning") -> Findings:
    """Measure and judge; ``size`` is a key of SIZES."""
    numbers, place = SIZES[size], ROOT / folder
    tests = {
        f"{t:g} K": dynamics(place / f"test-{t:g}.extxyz", t, numbers["test"], 7)
        for t in TEMPERATURES
    }
    curves: dict[str, dict] = {side: {} for side in (*LOOPS, *OTHERS)}
    for seed, side in product(range(1, numbers["seeds"] + 1), curves):
        curve = curves[side][str(seed)] = []
        for k, (trained, held) in enumerate(sets(place, side, seed, numbers)):
            print(f"seed {seed}, {side}, {len(trained) + len(held)} labels ...", flush=True)
            where = place / "judged" / f"{side.replace(' ', '-')}-{seed}-{k}"
            arguments = where, trained, held, tests, seed, numbers
            curve.append(kept(where.with_suffix(".json"), judged, *arguments))
    checks = [check for name in tests for check in compared(curves, name)]
    return {"size": numbers, "forces_rmse_by_labels": curves}, checks


if __name__ == "__main__":
    main()
