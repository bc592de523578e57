"""The bars of LAMMPS at scale, judged on whatever sections have been measured."""

from collections.abc import Callable

from blocks import drift_of
from lammps_runs import SIDES

from hipnn_ts.benchmark import Check

ANI, RANDOM, SNAP_6, SNAP_8, _, _ = SIDES
KIB = 1024


def _rates(sections: dict) -> dict[str, float]:
    return {n: row["atom_steps_per_second"] for n, row in sections["peers"]["rows"].items()}


def _largest_memory(sections: dict) -> float:
    rows = [r for r in sections["memory"]["rows"].values() if r["n_atoms"] >= 100000]
    return max(row["bytes_per_atom_above_lj_cut"] for row in rows) / KIB


def outside_network(row: dict) -> float:
    """Share of a step's wall time that is spent in our pair style but not in the network.

    The style counts from the start of the run, LAMMPS from its first step: shares of each count.
    """
    stages = row["stages"]
    pair = row["breakdown"]["Pair"] / row["seconds"]
    return pair * (1 - stages["network"] / sum(stages.values()))


def _outside_network(sections: dict) -> float:
    rows = sections["strong"]["rows"].items()
    return 100 * max(outside_network(row) for name, row in rows if name.startswith(f"{ANI}, 3000"))


BARS: list[tuple[str, float, str, Callable[[dict], float]]] = [
    (
        "n_features 128, 2 ranks, times SNAP 2J = 8",
        2.0,
        "higher",
        lambda s: _rates(s)[ANI] / _rates(s)[SNAP_8],
    ),
    (
        "n_features 128, 2 ranks, times SNAP 2J = 6",
        0.7,
        "higher",
        lambda s: _rates(s)[ANI] / _rates(s)[SNAP_6],
    ),
    (
        "n_features 64, 2 ranks, times SNAP 2J = 6",
        1.5,
        "higher",
        lambda s: _rates(s)[RANDOM] / _rates(s)[SNAP_6],
    ),
    (
        "3,000 atoms, pair style outside the network, % of the step",
        5.0,
        "lower",
        _outside_network,
    ),
    (
        "atoms of the largest box that ran",
        1e6,
        "higher",
        lambda s: max(row["n_atoms"] for row in s["sizes"]["rows"].values()),
    ),
    (
        "100,000 atoms and more, KiB an atom above lj/cut in the same box",
        16.0,
        "lower",
        _largest_memory,
    ),
    (
        "NVE, velocity of the centre of mass, parts of the thermal speed",
        1e-9,
        "lower",
        lambda s: s["conservation"]["rows"]["centre_of_mass_speed"],
    ),
]


def checks_of(sections: dict) -> list[Check]:
    """One check for each bar; not judged where its section has not been measured."""
    checks = []
    for name, limit, better, figure in BARS:
        try:
            value, reason = figure(sections), None
        except (KeyError, ValueError):
            value, reason = None, "not measured"
        checks.append(Check(name=name, value=value, limit=limit, better=better, reason=reason))
    drift = None
    if "conservation" in sections:
        rows = sections["conservation"]["rows"]
        drift = rows["drift_ueV_per_atom_per_ps"], rows["standard_error"]
    return [*checks, drift_of("NVE of water at 0.5 fs, float32", drift, "not measured")]


def print_checks(checks: list[Check]) -> None:
    for check in checks:
        verdict = {True: "ok", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{verdict}: {check.name}: {check.reason or f'{check.value:.4g}'}")
