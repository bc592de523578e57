"""What polynomial invariants (HIP-HOP-NN) cost beside norms, and beside hippynn's own.

    python -m benchmarks.speed.polynomials [--atoms 648] [--repeats 7]

The same neighbours and width, all networks in turn on one thread. hippynn runs the norms and the
polynomials with the most orders and factors.
"""

import click
import torch

from benchmarks.command import benchmark
from benchmarks.report import Check, at_least, at_most
from benchmarks.speed.hippynn_case import Case, with_kernel
from benchmarks.speed.timing import alternate

# l_max, n_max; None: norms.
NETWORKS = {
    "norms, l_max 2": (2, None),
    "polynomials, l_max 2, n_max 2": (2, 2),
    "polynomials, l_max 2, n_max 4": (2, 4),
    "polynomials, l_max 3, n_max 4": (3, 4),
}
NORMS, FULL = "norms, l_max 2", "polynomials, l_max 3, n_max 4"


@benchmark("polynomials")
@click.option("--atoms", default=648, show_default=True)
@click.option("--features", default=64, show_default=True)
@click.option("--repeats", default=7, show_default=True)
def main(quick: bool, atoms: int, features: int, repeats: int) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    torch.set_num_threads(1)
    atoms, repeats = (192, 1) if quick else (atoms, repeats)
    cases = {
        name: Case(l_max, features, atoms, n_max=n_max) for name, (l_max, n_max) in NETWORKS.items()
    }
    sides = {name: case.ours for name, case in cases.items()}
    for name in (NORMS, FULL):
        sides[f"hippynn: {name}"] = with_kernel("numba", cases[name].theirs)
    agreement = (cases[FULL].ours()[1] - sides[f"hippynn: {FULL}"]()[1]).abs().max().item()
    times = alternate(sides, repeats, 0.5)
    us = {name: 1e6 * each["median"] / atoms for name, each in times.items()}
    for name, value in us.items():
        print(f"{name:<42}{value:10.1f} µs/atom")
    print(f"largest difference of forces from hippynn's {agreement:.1e}")
    return {
        "atoms": atoms,
        "features": features,
        "pairs_per_atom": len(cases[NORMS].pairs.receivers) / atoms,
        "us_per_atom": us,
        "seconds": times,
        "largest_force_difference": agreement,
    }, [
        at_most(f"{FULL}, times {NORMS}", us[FULL] / us[NORMS], 2.2),
        at_least(f"{FULL}, times hippynn's", us[f"hippynn: {FULL}"] / us[FULL], 40.0),
    ]


if __name__ == "__main__":
    main()
