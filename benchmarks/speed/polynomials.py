"""What polynomial invariants (HIP-HOP-NN) cost beside norms, and beside hippynn's own.

Networks of one width on the same pairs of water alternate on one thread; the medians of the time
for energy and forces are judged. hippynn runs the norms, and the polynomials of the highest l_max
and n_max.
"""

import torch

from benchmarks.command import Findings, benchmark
from benchmarks.report import at_least, at_most
from benchmarks.speed.hippynn_peer import Case, with_kernel
from benchmarks.speed.timing import alternate

NORMS, FULL = "norms, l_max 2", "polynomials, l_max 3, n_max 4"
NETWORKS = {  # l_max, n_max; None: norms
    NORMS: (2, None),
    "polynomials, l_max 2, n_max 2": (2, 2),
    "polynomials, l_max 2, n_max 4": (2, 4),
    FULL: (3, 4),
}


@benchmark("polynomials", atoms=192, repeats=1)
def main(atoms=648, features=64, repeats=7) -> Findings:
    torch.set_num_threads(1)
    cases = {
        name: Case(l_max, features, atoms, n_max=n_max) for name, (l_max, n_max) in NETWORKS.items()
    }
    sides = {name: case.ours for name, case in cases.items()}
    for name in (NORMS, FULL):
        sides[f"hippynn: {name}"] = with_kernel("numba", cases[name].theirs)
    agreement = (cases[FULL].ours()[1] - sides[f"hippynn: {FULL}"]()[1]).abs().max().item()
    times = alternate(sides, repeats, 0.5)
    us = {name: 1e6 * each["median"] / atoms for name, each in times.items()}
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
