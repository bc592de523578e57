"""Labels that a potential of ethanol needs: the loop, random selection and plain dynamics.

    python -m benchmarks.accuracy.learning [--quick] [--folder build/learning]

Reference: GFN2-xTB, from one geometry. Ways to N labels: `hipnn-ts learn`; the same, begun by 20
frames of dynamics with the reference method itself; the same with frames drawn at random from its
walks (rounds.choose: random); no loop but dynamics with the reference method at the same
temperatures, frames 20 fs apart. On each, at each N, a committee is trained from
new weights with equally many steps, and judged on 300 and 600 K of GFN2-xTB. What counts are all
labels, those held back for validation included. Goes on where it was interrupted (--folder).
"""

import json
from collections.abc import Callable
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

from benchmarks.command import benchmark
from benchmarks.report import ROOT, Check, at_least
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.evaluation.compare import compare
from hipnn_ts.evaluation.ensemble import mean_of
from hipnn_ts.evaluation.errors import errors_of
from hipnn_ts.files import replacing
from hipnn_ts.learning.rounds import learn
from hipnn_ts.learning.sampling import steps
from hipnn_ts.learning.sections import LearnConfig, SamplingConfig
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

FOLDER = ROOT / "build" / "learning"  # what is finished, to go on with
METHOD = "GFN2-xTB"
TEMPERATURES = (300.0, 600.0)
APART = 20.0  # fs between frames of the reference method's dynamics
LOOPS = ("the loop", "the loop from dynamics")
OTHERS = ("random selection", "plain dynamics")
BAR = 2.0  # labels of another side for the loop's error, in labels of the loop
NETWORK = {
    "n_features": [24, 24],
    "n_atom_layers": 1,
    "n_sensitivities": 12,
    "cutoff": 5.0,
    "soft_max": 4.0,
}
BATCH = 4
FULL = {
    "seeds": 3,
    "first": 20,
    "labels": 20,
    "rounds": 5,
    "steps": 1000,
    "walk": 2000,
    "judged_steps": 2000,
    "members": 3,
    "test": 150,
}
QUICK = FULL | {
    "seeds": 1,
    "first": 8,
    "labels": 8,
    "rounds": 2,
    "steps": 30,
    "walk": 100,
    "judged_steps": 60,
    "members": 2,
    "test": 5,
}


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What was made before, else made now and written."""
    if not path.exists():
        content = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(content))
    return json.loads(path.read_text())


def dynamics(path: Path, temperature: float, n_frames: int, seed: int) -> list[Atoms]:
    """Labelled frames of the reference method's own dynamics."""
    if not path.exists():
        frames = []
        settings = SamplingConfig()
        every = round(APART / settings.timestep)
        calculator = TBLite(method=METHOD, verbosity=0)
        random = np.random.default_rng(seed)
        start = molecule("CH3CH2OH")
        for at in steps(start, calculator, temperature, settings, random, n_frames * every):
            if at.step > 0 and at.step % every == 0:
                results = {key: calculator.results[key] for key in ("energy", "forces")}
                frames.append(at.atoms)
                at.atoms.calc = SinglePointCalculator(at.atoms, **results)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            write(temporary, frames, format="extxyz")
    return read(path, ":")


def looped(parent: Path, side: str, seed: int, size: dict[str, int]) -> list[Path]:
    """Folders of the rounds of a loop, made or gone on with."""
    choose = "random" if side in OTHERS else "uncertain"
    first: dict[str, Any] = {"labels": size["first"]}
    folder = parent / f"{choose}-{seed}"
    if side == "the loop from dynamics":
        every = round(APART / SamplingConfig().timestep)
        first |= {"method": "dynamics", "interval": every}
        folder = parent / f"{choose}-dynamics-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "ethanol.xyz", molecule("CH3CH2OH"))
    config = LearnConfig.model_validate(
        {
            "structures": [str(folder / "ethanol.xyz")],
            "seed": 100 * seed,
            "reference": {
                "calculator": "tblite.ase.TBLite",
                "arguments": {"method": METHOD, "verbosity": 0},
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
    )
    learn(config, folder / "run", tell=click.echo)
    return sorted((folder / "run").glob("round-*"), key=lambda path: int(path.name[6:]))


def sets(
    folder: Path, side: str, seed: int, size: dict[str, int]
) -> list[tuple[list[Atoms], list[Atoms]]]:
    """Training and validation frames of a side, with more labels in each."""
    if side != "plain dynamics":
        return [
            (read(path / "train.extxyz", ":"), read(path / "held_back.extxyz", ":"))
            for path in looped(folder, side, seed, size)
        ]
    most = size["first"] + size["rounds"] * size["labels"]
    walks = [
        dynamics(folder / f"plain-{seed}-{t:g}.extxyz", t, -(-most // 2), 1000 * seed + int(t))
        for t in TEMPERATURES
    ]
    frames = [frame for pair in zip(*walks, strict=True) for frame in pair]
    counts = [size["first"] + k * size["labels"] for k in range(size["rounds"] + 1)]
    # In fives, the same share as in the loop.
    held = [index % 5 == 4 for index in range(len(frames))]
    return [
        (
            [frame for frame, out in zip(frames[:n], held, strict=False) if not out],
            [frame for frame, out in zip(frames[:n], held, strict=False) if out],
        )
        for n in counts
    ]


def judged(
    folder: Path,
    trained: list[Atoms],
    held: list[Atoms],
    tests: dict[str, list[Atoms]],
    seed: int,
    size: dict[str, int],
) -> dict[str, Any]:
    """Errors of a committee that is trained on the frames from new weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "train.extxyz", trained)
    write(folder / "held_back.extxyz", held)
    members = []
    for k in range(size["members"]):
        content = {
            "network": NETWORK,
            "data": {"train": ["train.extxyz"], "validation": ["held_back.extxyz"]},
            "training": {
                "epochs": max(1, round(size["judged_steps"] / -(-len(trained) // BATCH))),
                "batch_size": BATCH,
                "seed": 10 * seed + k,
            },
        }
        path = train(parse_config(content, "learning.py", folder), folder / str(k), resume=True)
        members.append(load_checkpoint(path)[0])
    return {"labels": len(trained) + len(held)} | {
        name: errors_of(mean_of([compare(member, frames) for member in members]))["forces_rmse"]
        for name, frames in tests.items()
    }


def labels_for(error: float, curve: list[dict[str, Any]], test: str) -> tuple[float, bool]:
    """Labels with which a side has an error, by the logarithms of both; else as many as it has
    seen, and that it takes more."""
    points = [(each["labels"], each[test]) for each in curve]
    if points[0][1] <= error:
        return float(points[0][0]), False
    for (n, above), (m, below) in pairwise(points):
        if below <= error:
            share = np.log(above / error) / np.log(above / below)
            return float(n * (m / n) ** share), False
    return float(points[-1][0]), True


def compared(curves: dict[str, dict[str, list[dict[str, Any]]]], test: str) -> list[Check]:
    """Labels for the error that a loop has with half of its labels, of the others, in its own."""
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


@benchmark("learning", quick="One seed, a few labels.")
@click.option("--folder", type=click.Path(path_type=Path), help="default: build/learning")
def main(quick: bool, folder: Path | None) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    size = QUICK if quick else FULL
    folder = (folder or (FOLDER.with_name("quick") / "learning" if quick else FOLDER)).resolve()
    tests = {
        f"{t:g} K": dynamics(folder / f"test-{t:g}.extxyz", t, size["test"], 7)
        for t in TEMPERATURES
    }
    curves: dict[str, dict[str, list[dict[str, Any]]]] = {side: {} for side in (*LOOPS, *OTHERS)}
    for seed in range(1, size["seeds"] + 1):
        for side in curves:
            curve = curves[side][str(seed)] = []
            for k, (trained, held) in enumerate(sets(folder, side, seed, size)):
                place = folder / "judged" / f"{side.replace(' ', '-')}-{seed}-{k}"
                arguments = place, trained, held, tests, seed, size
                # All that it is called with is of this turn of the loop.
                found = kept(place.with_suffix(".json"), lambda given=arguments: judged(*given))
                curve.append(found)
                errors = "".join(f"{found[name]:9.1f} meV/Å at {name}" for name in tests)
                click.echo(f"seed {seed}, {side:23}{found['labels']:5} labels{errors}")
    checks = [check for name in tests for check in compared(curves, name)]
    return {"size": size, "forces_rmse_by_labels": curves}, checks


if __name__ == "__main__":
    main()
