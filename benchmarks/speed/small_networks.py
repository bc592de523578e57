"""LAMMPS steps with small networks on one core, beside an earlier version of hipnn-ts.

Both versions run 3,000 atoms of water at 1 g/cm³ with random weights, alternately; the ratio of
median times per step is judged. --before names a folder with the earlier version, as `pip install
--no-deps --target FOLDER .` in its checkout makes it.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.command import Findings, benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_model
from benchmarks.report import at_least
from benchmarks.speed.materials import water, write_cells
from benchmarks.speed.timing import in_turn, medians

N_ATOMS = 3000


class Network(NamedTuple):
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
    """Microseconds per atom and step of each version, and their ratio."""
    settings = {**network._asdict(), "soft_max": network.cutoff - 1.0}
    del settings["bar"]
    random_model(folder / "network.pt", **settings)
    script = dynamics(hipnn("network.pt"), water(N_ATOMS)) + steps(n_steps, 2, stages=True)
    sides = {
        name: partial(run, script, folder, package=package)
        for name, package in {"before": before, "now": None}.items()
    }
    runs = in_turn(sides, rounds)
    raw = {name: [each.microseconds for each in found] for name, found in runs.items()}
    middle, last = medians(raw), runs["now"][-1]
    return {
        "us_per_atom": middle,
        "raw_us_per_atom": raw,
        "times_faster": middle["before"] / middle["now"],
        "stages_us_per_atom": {
            name: 1e6 * seconds / last.n_atoms / n_steps for name, seconds in last.stages.items()
        },
    }


@benchmark("small_networks", rounds=1, n_steps=3, n_networks=1)
@click.option(
    "--before",
    required=True,
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Folder of an earlier hipnn-ts.",
)
def main(scratch: Path, before: Path, rounds=5, n_steps=20, n_networks=11) -> Findings:
    rows, checks = {}, []
    write_cells(scratch)
    for network in NETWORKS[:n_networks]:
        row = rows[network.name] = measure(network, before, scratch, rounds, n_steps)
        print(f"{network.name}: {row['times_faster']:.2f} × as fast", flush=True)
        if network.bar:
            what = f"{network.name}: times faster than before"
            checks.append(at_least(what, row["times_faster"], network.bar))
    return {"n_atoms": N_ATOMS, "rows": rows}, checks


if __name__ == "__main__":
    main()
