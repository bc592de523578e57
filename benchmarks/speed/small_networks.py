"""Whole LAMMPS steps by small networks on one core, beside an earlier hipnn-ts.

    python -m benchmarks.speed.small_networks --before FOLDER

FOLDER holds an earlier hipnn-ts, as `pip install --no-deps --target FOLDER` leaves it. Random
weights on water at 1 g/cm³, both sides in turn.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.command import benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_model
from benchmarks.report import Check, at_least
from benchmarks.speed.materials import WATER, write_cells
from benchmarks.speed.timing import in_turn, medians

N_ATOMS = 3000


@dataclass(frozen=True)
class Network:
    n_features: int
    cutoff: float  # Å
    l_max: int
    bar: float | None  # times faster than before
    n_sensitivities: int = 12
    sensitivity_width: float = 0.1

    @property
    def name(self) -> str:
        return (
            f"{self.n_features} features, R {self.cutoff:g} Å, l_max {self.l_max}, "
            f"{self.n_sensitivities} sensitivities"
        )

    def export(self, path: Path) -> None:
        random_model(
            path,
            self.n_features,
            self.cutoff,
            soft_max=self.cutoff - 1.0,
            l_max=self.l_max,
            n_sensitivities=self.n_sensitivities,
            sensitivity_width=self.sensitivity_width,
        )


NETWORKS = (
    Network(32, 5.0, 2, 1.5),
    Network(64, 5.0, 2, 1.3),
    Network(32, 6.5, 2, 1.3),
    Network(64, 6.5, 2, 1.3),
    Network(64, 5.0, 0, 1.5),
    Network(128, 6.5, 2, 0.97, 20, 0.025),
    Network(16, 5.0, 2, None),
    Network(32, 5.0, 1, None),
    Network(64, 5.0, 1, None),
    Network(32, 5.0, 2, None, 8),
    Network(64, 5.0, 2, None, 20, 0.025),
)


def measure(network: Network, before: Path, folder: Path, rounds: int, n_steps: int) -> dict:
    """Microseconds of each side and their ratio."""
    network.export(folder / "network.pt")
    script = dynamics(hipnn("network.pt"), WATER.commands(N_ATOMS)) + steps(n_steps, 2, stages=True)
    packages = {"before": before, "now": None}
    runs = in_turn(
        {n: lambda p=p: run(script, folder, package=p) for n, p in packages.items()}, rounds
    )
    raw = {name: [each.microseconds for each in found] for name, found in runs.items()}
    middle, last = medians(raw), runs["now"][-1]
    faster = middle["before"] / middle["now"]
    print(
        f"{network.name}: {middle['before']:.1f} -> {middle['now']:.1f} µs/atom, {faster:.2f} ×",
        flush=True,
    )
    stages = {name: 1e6 * s / last.n_atoms / n_steps for name, s in last.stages.items()}
    return {
        "us_per_atom": middle,
        "raw_us_per_atom": raw,
        "times_faster": faster,
        "stages_us_per_atom": stages,
    }


@benchmark("small_networks", quick="The first network, one round of few steps.")
@click.option(
    "--before",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of an earlier hipnn-ts.",
)
@click.option("--rounds", default=5, show_default=True)
@click.option("--steps", "n_steps", default=20, show_default=True)
def main(quick: bool, before: Path, rounds: int, n_steps: int) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    chosen, rounds, n_steps = (NETWORKS[:1], 1, 3) if quick else (NETWORKS, rounds, n_steps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cells(folder)
        rows = {n.name: measure(n, before.resolve(), folder, rounds, n_steps) for n in chosen}
    return {"n_atoms": N_ATOMS, "rows": rows}, [
        at_least(f"{n.name}: times faster than before", rows[n.name]["times_faster"], n.bar)
        for n in chosen
        if n.bar
    ]


if __name__ == "__main__":
    main()
