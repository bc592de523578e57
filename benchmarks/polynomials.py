"""What polynomial invariants (HIP-HOP-NN) cost beside norms, and beside hippynn's own.

    python benchmarks/polynomials.py [--atoms 648] [--repeats 7]

The same neighbours and width, all networks in turn on one thread. hippynn runs the norms and the
polynomials with the most orders and factors. Writes benchmarks/results/polynomials.json.
"""

from pathlib import Path

import click
import torch
from cpu import Case, with_kernel
from timing import alternate

from hipnn_ts.benchmark import Check, write_report

REPORT = Path(__file__).parent / "results" / "polynomials.json"
# l_max, n_max; None: norms.
NETWORKS = {
    "norms, l_max 2": (2, None),
    "polynomials, l_max 2, n_max 2": (2, 2),
    "polynomials, l_max 2, n_max 4": (2, 4),
    "polynomials, l_max 3, n_max 4": (3, 4),
}
NORMS, FULL = "norms, l_max 2", "polynomials, l_max 3, n_max 4"


@click.command()
@click.option("--atoms", default=648, show_default=True)
@click.option("--features", default=64, show_default=True)
@click.option("--repeats", default=7, show_default=True)
def main(atoms: int, features: int, repeats: int) -> None:
    """Measure, print, write the report."""
    torch.set_num_threads(1)
    cases = {
        name: Case(l_max, features, atoms, n_max=n_max) for name, (l_max, n_max) in NETWORKS.items()
    }
    sides = {name: case.ours for name, case in cases.items()}
    for name in (NORMS, FULL):
        sides[f"hippynn: {name}"] = with_kernel("numba", cases[name].theirs)
    agreement = (cases[FULL].ours()[1] - sides[f"hippynn: {FULL}"]()[1]).abs().max().item()
    times = alternate(sides, repeats, 0.5)
    microseconds = {name: 1e6 * each["median"] / atoms for name, each in times.items()}
    for name, value in microseconds.items():
        print(f"{name:<42}{value:10.1f} µs/atom")
    print(f"largest difference of forces from hippynn's {agreement:.1e}")
    checks = [
        Check(
            name="polynomials, l_max 3, n_max 4, times norms, l_max 2",
            value=microseconds[FULL] / microseconds[NORMS],
            limit=2.2,
            better="lower",
        ),
        Check(
            name="polynomials, l_max 3, n_max 4, times hippynn's",
            value=microseconds[f"hippynn: {FULL}"] / microseconds[FULL],
            limit=40.0,
            better="higher",
        ),
    ]
    figures = {
        "atoms": atoms,
        "features": features,
        "pairs_per_atom": len(cases[NORMS].receivers) / atoms,
        "us_per_atom": microseconds,
        "seconds": times,
        "largest_force_difference": agreement,
    }
    write_report(REPORT, figures, checks)
    for check in checks:
        print(f"{'ok' if check.passed else 'NOT REACHED'}: {check.name}: {check.value:.2f}")


if __name__ == "__main__":
    main()
