"""Does dynamics with trained potentials stay stable? Molecules at 500 K, water at 300 K.

The models are those that bench-accuracy trained longest, with polynomials and with norms, the rules
those of `hipnn-ts stability`: a run ends when a bond differs by more than 0.5 Å from its length at
the start. All runs must reach their full length. Needs the published sets (HIPNN_TS_SHARED_DATA).
Runs are kept in build/stability, where an interrupted benchmark continues.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

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
KINDS = {"polynomials": "hipnn-ts-polynomials-l3", "norms": "hipnn-ts-norms-l2"}


def longest_trained(name: str, kind: str) -> tuple[Path | None, float]:
    """The checkpoint of seed 0 with the most minutes of training, and the minutes; or None, 0."""
    found = TRAINED.glob(f"*-minutes-seed-0/{name}/{KINDS[kind]}/best.ckpt")
    minutes = {path: float(path.parts[-4].split("-")[0]) for path in found}
    return max(minutes.items(), key=lambda item: item[1], default=(None, 0.0))


def held(checkpoint: Path, name: str, number: int, n_runs: int, picoseconds: float) -> dict:
    """One run of a model, from a frame that depends on its number; a row of the report."""
    temperature, frames = SETS[name]
    starts = list(read_trajectory(published_data() / frames))
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        export_potential(load_checkpoint(checkpoint)[0], model, {})
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


@benchmark("stability", picoseconds=0.1, runs=1)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
def main(only: tuple[str, ...], picoseconds=100.0, runs=5) -> Findings:
    rows, checks = {}, []
    for name in only or SETS:
        for kind in KINDS:
            checkpoint, minutes = longest_trained(name, kind)
            if checkpoint is None:
                print(f"{name}, {kind}: no model; make bench-accuracy trains it")
                continue
            label = f"{name}, {kind}, {SETS[name][0]:g} K"
            rows[label] = []
            for number in range(runs):
                file = f"{name}-{KINDS[kind]}-{minutes:g}-{picoseconds:g}-{number}.json"
                row = kept(DONE / file, held, checkpoint, name, number, runs, picoseconds)
                rows[label].append(row | {"minutes_of_training": minutes})
            share = sum(row["picoseconds"] for row in rows[label]) / (runs * picoseconds)
            checks.append(at_least(f"{label}: share of {runs} × {picoseconds:g} ps", share, 1.0))
    return {"picoseconds": picoseconds, "rows": rows}, checks


if __name__ == "__main__":
    main()
