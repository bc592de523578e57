"""Does dynamics with trained potentials stay stable? Molecules at 500 K, water at 300 K.

The models are those that bench-accuracy trained, with polynomials, also from a committee, and with
norms, for the time of the other packages or longer; the rules are those of `hipnn-ts stability`: a
run ends when a bond differs by more than 0.5 Å from its length at the start, for example. All runs
must reach their full length. Needs the published sets (HIPNN_TS_SHARED_DATA).
Runs are kept in build/stability, where an interrupted benchmark continues. Rows of an earlier
report whose models are not here stay in it, with its commit.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.accuracy.sets import SETS as TRAINED_SETS
from benchmarks.command import Findings, benchmark, kept
from benchmarks.models import TRAINED, published_data
from benchmarks.report import ROOT, at_least
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.committee.trajectory import read_trajectory
from hipnn_ts.export import export_potential
from hipnn_ts.export.extrapolation import limits
from hipnn_ts.stability import Conditions, first_frame, run

DONE = ROOT / "build" / "stability"
# Temperature, K, and frames to start from.
SETS = {
    "ethanol_rmd17": (500.0, "ethanol_rmd17/test_MD.extxyz.xz"),
    "3bpa": (500.0, "3bpa/eval_300K.extxyz.xz"),
    "water_pbe0ts": (300.0, "water_pbe0ts/valid.extxyz.xz"),
}
KINDS = {
    "polynomials": "hipnn-ts-polynomials-l3",
    "polynomials, distilled": "hipnn-ts-polynomials-distilled-l3",
    "norms": "hipnn-ts-norms-l2",
}


def trained(name: str, kind: str) -> dict[float, Path]:
    """Checkpoints of seed 0 by minutes of training, without those of shortened trainings."""
    found = TRAINED.glob(f"*-minutes-seed-0/{name}/{KINDS[kind]}/best.ckpt")
    minutes = {float(path.parts[-4].split("-")[0]): path for path in found}
    return {each: minutes[each] for each in sorted(minutes) if each >= TRAINED_SETS[name].minutes}


def held(checkpoint: Path, name: str, number: int, n_runs: int, picoseconds: float) -> dict:
    """One run of a model, from a frame that depends on its number; a row of the report."""
    temperature, frames = SETS[name]
    starts = list(read_trajectory(published_data() / frames))
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        potential, provenance = load_checkpoint(checkpoint)
        export_potential(potential, model, provenance)
        calculator = HIPNNTSCalculator(model, beyond_training="ignore", uncertainty=False)
        outcome = run(
            starts[first_frame(number, n_runs, len(starts))],
            calculator,
            Conditions(temperature, picoseconds),
            calculator.metadata.network.elements,
            limits(calculator.metadata, "warn"),
            np.random.default_rng(number),
        )
    return outcome.row()


def kept_rows(earlier: dict, picoseconds: float) -> dict[str, list[dict]]:
    """Rows of an earlier report, whose labels end with its commit."""
    if earlier.get("picoseconds") != picoseconds:
        return {}
    ending = f" (of {earlier['commit']})"
    return {
        label if label.endswith(")") else label + ending: row
        for label, row in earlier["rows"].items()
    }


@benchmark("stability", picoseconds=0.1, runs=1)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="These alone.")
def main(earlier: dict, only, kinds, picoseconds=100.0, runs=5) -> Iterator[Findings]:
    rows = kept_rows(earlier, picoseconds)
    for name, kind in product(only or SETS, kinds or KINDS):
        models = trained(name, kind)
        if not models:
            print(f"{name}, {kind}: no model; make bench-accuracy trains it")
        for minutes, checkpoint in models.items():
            label = f"{name}, {kind}, {minutes:g} minutes, {SETS[name][0]:g} K"
            rows = {key: row for key, row in rows.items() if not key.startswith(label)}
            rows[label] = []
            for number in range(runs):
                file = f"{name}-{KINDS[kind]}-{minutes:g}-{picoseconds:g}-{number}.json"
                row = kept(DONE / file, held, checkpoint, name, number, runs, picoseconds)
                rows[label].append(row)
            checks = []
            for each, row in rows.items():
                share = sum(one["picoseconds"] for one in row) / (len(row) * picoseconds)
                what = f"{each}: share of {len(row)} × {picoseconds:g} ps"
                checks.append(at_least(what, share, 1.0))
            yield {"picoseconds": picoseconds, "rows": rows}, checks


if __name__ == "__main__":
    main()
