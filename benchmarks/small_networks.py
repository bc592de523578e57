"""Whole LAMMPS steps by small networks on one core, beside an earlier hipnn-ts.

    python benchmarks/small_networks.py --before FOLDER

FOLDER holds an earlier hipnn-ts, as `pip install --no-deps --target FOLDER` leaves it. Random
weights on water at 1 g/cm³, both sides in turn. Writes benchmarks/results/small_networks.json.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import click
import torch
from lammps_runs import NETWORK, ROOT, WATER, Side, run, write_water

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

REPORT = ROOT / "benchmarks" / "results" / "small_networks.json"
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
        torch.manual_seed(0)
        config = NetworkConfig(
            elements=("O", "H"),
            n_features=(self.n_features, self.n_features),
            n_sensitivities=self.n_sensitivities,
            sensitivity_width=self.sensitivity_width,
            l_max=self.l_max,
            cutoff=self.cutoff,
            soft_max=self.cutoff - 1.0,
        )
        export_potential(Potential(config), path, {})


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


def measure(network: Network, before: Path, folder: Path, rounds: int, steps: int) -> dict:
    """Microseconds of each side and their ratio."""
    network.export(folder / "network.pt")
    # Random weights hold no molecule together: shorter steps keep the atoms where they are.
    side = Side(WATER, NETWORK.format(name="network"), timestep=1e-4, ours=True)
    runs = {"before": [], "now": []}
    for _ in range(rounds):
        for name, package in (("before", before), ("now", None)):
            runs[name].append(run(side, N_ATOMS, folder, 1, 1, steps, 2, package=package))
    us = {name: [1e6 / each.rate for each in found] for name, found in runs.items()}
    middle = {name: median(values) for name, values in us.items()}
    return {
        "us_per_atom": middle,
        "raw_us_per_atom": us,
        "times_faster": middle["before"] / middle["now"],
        "stages_us_per_atom": {
            stage: 1e6 * seconds / runs["now"][-1].n_atoms / steps
            for stage, seconds in runs["now"][-1].stages.items()
        },
    }


def checks_of(rows: dict[str, dict]) -> list[Check]:
    return [
        Check(
            name=f"{network.name}: times faster than before",
            value=rows[network.name]["times_faster"],
            limit=network.bar,
            better="higher",
        )
        for network in NETWORKS
        if network.bar and network.name in rows
    ]


@click.command()
@click.option(
    "--before",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of an earlier hipnn-ts.",
)
@click.option("--rounds", default=5, show_default=True)
@click.option("--steps", default=20, show_default=True)
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(before: Path, rounds: int, steps: int, output: Path) -> None:
    """Measure all networks, print, write the report."""
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_water(folder)
        for network in NETWORKS:
            row = measure(network, before.resolve(), folder, rounds, steps)
            rows[network.name] = row
            us = row["us_per_atom"]
            print(
                f"{network.name}: {us['before']:.1f} -> {us['now']:.1f} µs/atom, "
                f"{row['times_faster']:.2f} ×",
                flush=True,
            )
    write_report(output, {"n_atoms": N_ATOMS, "rows": rows}, checks_of(rows))


if __name__ == "__main__":
    main()
