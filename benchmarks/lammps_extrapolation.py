"""From the ranks that were measured to ten thousand: the tables of docs/lammps_scaling.md.

    python benchmarks/lammps_extrapolation.py [--results FILE] [--page FILE]

The model is written on the page; what is measured comes from benchmarks/results/lammps.json, what
is assumed about the network of a cluster from the options.
"""

import json
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import click
from lammps_checks import outside_network
from lammps_scaling import ANI, GHOST_BYTES, RESULTS

PAGE = RESULTS.parents[2] / "docs" / "lammps_scaling.md"
NOT_MEASURED = "Not measured yet: `make bench-lammps`."
BEGIN, END = "<!-- begin: generated -->", "<!-- end: generated -->"
DENSITY = 81 / (3 * 3.1043) ** 3  # atoms/Å³ of the water that was measured
CUTOFF, SKIN = 6.5, 2.0  # Å
RANKS = (1, 10, 100, 1000, 10000)
ATOMS = (100_000, 1_000_000, 10_000_000, 100_000_000)


@dataclass(frozen=True)
class Machine:
    """Seconds, and bytes a second of one core's share of the network."""

    atom: float  # a whole step, for an atom of one's own
    ghost: float  # the network's work for an atom that another rank owns
    latency: float
    bandwidth: float

    def step(self, n_atoms: float, ranks: float) -> float:
        """Seconds of a step of cubic water shared by ``ranks`` cores."""
        own = n_atoms / ranks
        seconds = own * self.atom
        if ranks > 1:
            edge = (own / DENSITY) ** (1 / 3)
            swaps = 6 * ceil((CUTOFF + SKIN) / edge)
            messages = 4 * swaps + 2 * 2 * log2(ranks)
            seconds += shell(own, CUTOFF) * self.ghost
            seconds += messages * self.latency + step_bytes(own) / self.bandwidth
        return seconds

    def efficiency(self, n_atoms: float, ranks: float) -> float:
        return self.step(n_atoms, 1) / (ranks * self.step(n_atoms, ranks))


def shell(own: float, width: float) -> float:
    """Atoms within ``width`` (Å) around a cube of ``own`` atoms."""
    edge = (own / DENSITY) ** (1 / 3)
    return ((edge + 2 * width) ** 3 - edge**3) * DENSITY


def step_bytes(own: float) -> float:
    return shell(own, CUTOFF + SKIN) * sum(GHOST_BYTES.values())


def fit(sections: dict, latency: float, bandwidth: float) -> tuple[Machine, list[str]]:
    """The machine that the weak scaling shows, and how it was found."""
    rows = sections["weak"]["rows"]
    sizes = sorted({int(name.split(", ")[2].split()[0]) for name in rows})
    per_core = sizes[-1]
    one, two = (rows[f"{ANI}, {per_core} atoms a core, {k}"] for k in ("1 rank", "2 ranks"))
    atom = one["seconds"] / one["steps"] / one["n_atoms"]
    network = [
        row["breakdown"]["Pair"]
        / row["steps"]
        * row["stages"]["network"]
        / sum(row["stages"].values())
        for row in (one, two)
    ]
    # Two slabs of the box, side by side: ghosts on two faces, the other images share their rows.
    own = two["n_atoms"] / 2
    area = (2 * own / DENSITY) ** (2 / 3)
    ghosts = 2 * area * CUTOFF * DENSITY
    extra = network[1] * one["n_atoms"] / own - network[0]
    machine = Machine(atom, max(0.0, extra / ghosts), latency, bandwidth)
    found = [
        f"| own atom, whole step, one core | {1e6 * machine.atom:.1f} µs |",
        f"| atom of another rank within the cutoff, network | {1e6 * machine.ghost:.1f} µs |",
        f"| sent for a ghost and step, both ways | {sum(GHOST_BYTES.values())} bytes |",
        f"| latency (assumed) | {1e6 * latency:g} µs |",
        f"| bandwidth of a core's share (assumed) | {1e-9 * bandwidth:g} GB/s |",
    ]
    return machine, found


def measured(sections: dict) -> list[str]:
    """What was run."""
    lines = ["| run | atoms | atom-steps/s | Pair % | Neigh % | Comm % | outside the network % |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for section in ("strong", "weak", "sizes"):
        for name, row in sections.get(section, {}).get("rows", {}).items():
            if not row["stages"]:
                continue
            shares = [100 * row["breakdown"][k] / row["seconds"] for k in ("Pair", "Neigh", "Comm")]
            shares.append(100 * outside_network(row))
            cells = [f"{row['n_atoms']:,}", f"{row['atom_steps_per_second']:,.0f}"]
            cells += [f"{share:.1f}" for share in shares]
            lines.append(f"| {section}: {name} | {' | '.join(cells)} |")
    return lines


def extrapolated(machine: Machine) -> list[str]:
    """Time of a step and efficiency, by size and number of cores."""
    lines = ["| atoms | on " + " | ".join(f"{r:,}" for r in RANKS) + " cores |"]
    lines.append("|---:|" + "---:|" * len(RANKS))
    for n in ATOMS:
        cells = []
        for ranks in RANKS:
            seconds, share = machine.step(n, ranks), machine.efficiency(n, ranks)
            cells.append(f"{duration(seconds)}, {100 * share:.0f} %")
        lines.append(f"| {n:,} | {' | '.join(cells)} |")
    return lines


def limits(machine: Machine) -> list[str]:
    """Where it stops scaling."""
    large = 1e12
    sizes = [round(10 ** (k / 50)) for k in range(1, 500)]
    owned = {
        percent: next(n for n in sizes if 100 * machine.efficiency(large, large / n) >= percent)
        for percent in (90, 50)
    }
    step = machine.step(large, large)
    return [
        f"Efficiency stays above 90 % down to {owned[90]:,} atoms a core and above 50 % down to "
        f"{owned[50]:,}. However many cores, a step lasts {duration(step)}: the shell around even "
        f"a single atom holds {shell(1, CUTOFF):,.0f} others."
    ]


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:,.0f} s" if seconds > 100 else f"{seconds:.3g} s"


def render(results: Path, latency: float, bandwidth: float) -> str:
    """What stands between the page's marks."""
    content = json.loads(results.read_text())
    sections = content["sections"]
    if "weak" not in sections:
        return NOT_MEASURED
    machine, found = fit(sections, latency, bandwidth)
    on = f"Measured on {content['machine']['processor']}, {content['machine']['cores']} cores."
    parts = [[on], measured(sections), ["| quantity | |", "|---|---:|", *found]]
    parts += [extrapolated(machine), limits(machine)]
    return "\n\n".join("\n".join(part) for part in parts)


@click.command()
@click.option("--results", type=Path, default=RESULTS, show_default=False)
@click.option("--page", type=Path, default=PAGE, show_default=False)
@click.option("--latency", default=2e-6, show_default=True, help="Seconds a message.")
@click.option("--bandwidth", default=0.4e9, show_default=True, help="Bytes/s of a core's share.")
def main(results: Path, page: Path, latency: float, bandwidth: float) -> None:
    """Rewrite the generated part of the page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    text = render(results, latency, bandwidth)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
