"""Extrapolate LAMMPS from the measured ranks to ten thousand: tables of docs/lammps_scaling.md.

That page explains the model. Measured figures come from results/lammps.json; assumptions about the
network of a cluster are constants here.
"""

from dataclasses import dataclass
from math import ceil, log2

from benchmarks.speed.lammps_bars import ANI, outside_network
from docs.rendering.markup import table
from docs.rendering.results import not_measured

DENSITY = 81 / (3 * 3.1043) ** 3  # atoms/Å³ of the water that was measured
CUTOFF, SKIN = 6.5, 2.0  # Å
RANKS = (1, 10, 100, 1000, 10000)
ATOMS = (100_000, 1_000_000, 10_000_000, 100_000_000)
LATENCY = 2e-6  # seconds per message, assumed
BANDWIDTH = 0.4e9  # a core's share, bytes/s, assumed


@dataclass(frozen=True)
class Machine:
    """Seconds and messages of a step for each atom and ghost."""

    atom: float  # s, a whole step, for each atom that a rank owns
    ghost: float  # s, the neural network's work for each ghost within the cutoff
    ghost_bytes: float  # sent for a ghost in a step, both ways

    def step(self, n_atoms: float, ranks: float) -> float:
        """Seconds of a step of cubic water shared by ``ranks`` cores."""
        own = n_atoms / ranks
        seconds = own * self.atom
        if ranks > 1:
            edge = (own / DENSITY) ** (1 / 3)
            swaps = 6 * ceil((CUTOFF + SKIN) / edge)
            messages = 4 * swaps + 2 * 2 * log2(ranks)
            sent = shell(own, CUTOFF + SKIN) * self.ghost_bytes
            seconds += shell(own, CUTOFF) * self.ghost
            seconds += messages * LATENCY + sent / BANDWIDTH
        return seconds

    def efficiency(self, n_atoms: float, ranks: float) -> float:
        return self.step(n_atoms, 1) / (ranks * self.step(n_atoms, ranks))


def shell(own: float, width: float) -> float:
    """Number of atoms within ``width`` (Å) around a cube of ``own`` atoms."""
    edge = (own / DENSITY) ** (1 / 3)
    return ((edge + 2 * width) ** 3 - edge**3) * DENSITY


def fit(sections: dict, ghost_bytes: float) -> Machine:
    """The machine that follows from the measured weak scaling."""
    rows = sections["weak"]["rows"]
    per_core = max(int(name.split(", ")[2].split()[0]) for name in rows)
    one, two = (rows[f"{ANI}, {per_core} atoms a core, {k}"] for k in ("1 rank", "2 ranks"))
    atom = one["seconds"] / one["steps"] / one["n_atoms"]
    network = [
        row["breakdown"]["Pair"]
        / row["steps"]
        * row["stages"]["network"]
        / sum(row["stages"].values())
        for row in (one, two)
    ]
    # Two slabs side by side have ghosts on two faces; other images share rows with their atoms.
    own = two["n_atoms"] / 2
    area = (2 * own / DENSITY) ** (2 / 3)
    ghosts = 2 * area * CUTOFF * DENSITY
    extra = network[1] * one["n_atoms"] / own - network[0]
    return Machine(atom, max(0.0, extra / ghosts), ghost_bytes)


def measured(sections: dict) -> str:
    """Table of the measured runs."""
    parts = ("Pair", "Neigh", "Comm")
    rows = []
    for section in ("strong", "weak", "sizes"):
        for name, row in sections.get(section, {}).get("rows", {}).items():
            if row["stages"]:
                shares = [row["breakdown"][part] / row["seconds"] for part in parts]
                shares.append(outside_network(row))
                rates = f"{row['n_atoms']:,}", f"{row['atom_steps_per_second']:,.0f}"
                rows.append(
                    [f"{section}: {name}", *rates, *(f"{100 * share:.1f}" for share in shares)]
                )
    head = ["run", "atoms", "atom-steps/s", *(f"{part} %" for part in parts)]
    return table([*head, "outside the network %"], rows)


def found(machine: Machine) -> str:
    """Table of the machine's figures."""
    rows = [
        ["own atom, whole step, one core", f"{1e6 * machine.atom:.1f} µs"],
        ["atom of another rank within the cutoff, network", f"{1e6 * machine.ghost:.1f} µs"],
        ["sent for a ghost and step, both ways", f"{machine.ghost_bytes} bytes"],
        ["latency (assumed)", f"{1e6 * LATENCY:g} µs"],
        ["bandwidth of a core's share (assumed)", f"{1e-9 * BANDWIDTH:g} GB/s"],
    ]
    return table(["quantity", ""], rows)


def extrapolated(machine: Machine) -> str:
    """Table of time per step and efficiency, by number of atoms and cores."""

    def cell(n: int, ranks: int) -> str:
        return f"{duration(machine.step(n, ranks))}, {100 * machine.efficiency(n, ranks):.0f} %"

    first, *ranks, last = (f"{r:,}" for r in RANKS)
    rows = [[f"{n:,}", *(cell(n, r) for r in RANKS)] for n in ATOMS]
    return table(["atoms", f"on {first}", *ranks, f"{last} cores"], rows)


def limits(machine: Machine) -> str:
    """Sentences on the number of atoms per core at which scaling ends."""
    large = 1e12
    sizes = [round(10 ** (k / 50)) for k in range(1, 500)]
    owned = {
        percent: next(n for n in sizes if 100 * machine.efficiency(large, large / n) >= percent)
        for percent in (90, 50)
    }
    step = machine.step(large, large)
    return (
        f"Efficiency stays above 90 % down to {owned[90]:,} atoms a core and above 50 % down to "
        f"{owned[50]:,}. However many cores, a step lasts {duration(step)}: the shell around even "
        f"a single atom holds {shell(1, CUTOFF):,.0f} others."
    )


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:,.0f} s" if seconds > 100 else f"{seconds:.3g} s"


def text(results: dict) -> str:
    """The measured runs, the machine that follows from them, and its times on more ranks."""
    if "weak" not in results.get("lammps", {}).get("sections", {}):
        return not_measured("lammps")
    content = results["lammps"]
    sections, of = content["sections"], content["machine"]
    machine = fit(sections, sum(content["bytes_per_ghost_and_step"].values()))
    parts = f"Measured on {of['processor']}, {of['cores']} cores.", measured(sections)
    return "\n\n".join((*parts, found(machine), extrapolated(machine), limits(machine)))
