"""The bars of LAMMPS at scale, judged on whatever sections have been measured."""

from collections.abc import Callable

from benchmarks.blocks import drift_of
from benchmarks.report import Check, at_least, at_most

ANI, RANDOM = "ANI-1x, 128 features", "random, 64 features"
SNAP_6, SNAP_8 = "SNAP 2J = 6, Ta06A", "SNAP 2J = 8, W_2940_2017_2"


def _times(ours: str, theirs: str) -> Callable[[dict], float]:
    def ratio(sections: dict) -> float:
        rows = sections["peers"]["rows"]
        mine, peer = (rows[name]["atom_steps_per_second"] for name in (ours, theirs))
        return mine / peer

    return ratio


def _largest_memory(sections: dict) -> float:
    rows = [r for r in sections["memory"]["rows"].values() if r["n_atoms"] >= 100000]
    return max(row["bytes_per_atom_above_lj_cut"] for row in rows) / 1024


def _largest_box(sections: dict) -> int:
    return max(row["n_atoms"] for row in sections["sizes"]["rows"].values())


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


def _speed_of_centre(sections: dict) -> float:
    return sections["conservation"]["rows"]["centre_of_mass_speed"]


BARS = (
    ("n_features 128, 2 ranks, times SNAP 2J = 8", at_least, 2.0, _times(ANI, SNAP_8)),
    ("n_features 128, 2 ranks, times SNAP 2J = 6", at_least, 0.7, _times(ANI, SNAP_6)),
    ("n_features 64, 2 ranks, times SNAP 2J = 6", at_least, 1.5, _times(RANDOM, SNAP_6)),
    ("3,000 atoms, pair style outside the network, % of the step", at_most, 5.0, _outside_network),
    ("atoms of the largest box that ran", at_least, 1e6, _largest_box),
    (
        "100,000 atoms and more, KiB an atom above lj/cut in the same box",
        *(at_most, 16.0, _largest_memory),
    ),
    (
        "NVE, velocity of the centre of mass, parts of the thermal speed",
        *(at_most, 1e-9, _speed_of_centre),
    ),
)


def checks_of(sections: dict) -> list[Check]:
    """One check for each bar; not judged where its section has not been measured."""
    checks = []
    for name, bar, limit, figure in BARS:
        try:
            checks.append(bar(name, figure(sections), limit))
        except (KeyError, ValueError):
            checks.append(bar(name, None, limit, "not measured"))
    drift = None
    if "conservation" in sections:
        rows = sections["conservation"]["rows"]
        drift = rows["drift_ueV_per_atom_per_ps"], rows["standard_error"]
    return [*checks, drift_of("NVE of water at 0.5 fs, float32", drift, "not measured")]
