"""LAMMPS at scale: throughput beside SNAP and ReaxFF, strong and weak scaling, memory.

Needs the published ANI-1x potential and, in full, hours on two cores. It continues where it was
interrupted: sections that the report has are kept unless --again is given. Potentials run their own
materials at equal numbers of atoms: ours and ReaxFF liquid water, SNAP the bcc crystals it was made
for; the report has the neighbours per atom. The sides of a section alternate; medians are judged.
Memory is compared with that of `lj/cut` at our cutoff in the same box of water.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import click

from benchmarks.command import Findings, benchmark
from benchmarks.lammps import Run, run, steps
from benchmarks.speed.lammps_bars import ANI, SNAP_8, with_section
from benchmarks.speed.materials import SIDES, write_models
from benchmarks.speed.timing import in_turn

LAYOUTS = {"1 rank": (1, 1), "2 ranks": (2, 1), "1 rank of 2 threads": (1, 2)}


@dataclass
class Session:
    """Folder of the runs, seconds and repeats of each, and the most atoms."""

    folder: Path
    seconds: float
    repeats: int
    largest: int

    def sizes(self, *given: int) -> list[int]:
        """The given numbers of atoms, cut to the largest allowed."""
        return sorted({min(n_atoms, self.largest) for n_atoms in given})

    def alternate(self, cases: dict[str, tuple], repeats: int | None = None) -> dict:
        """Alternate runs of cases (side, atoms, ranks, threads), each for about ``seconds``."""

        def long_enough(case: tuple):
            trial = self.once(*case, n_steps=2, warm=1)
            n = max(2, min(2000, round(self.seconds * trial.steps / trial.seconds)))
            return partial(self.once, *case, n_steps=n, warm=max(1, n // 10))

        sides = {name: long_enough(case) for name, case in cases.items()}
        return {n: summary(r) for n, r in in_turn(sides, repeats or self.repeats).items()}

    def once(
        self, side: str, n_atoms: int, ranks: int, threads: int, *, n_steps: int, warm: int, more=""
    ) -> Run:
        """Run one case; ``more`` are other LAMMPS commands."""
        chosen = SIDES[side]
        script = chosen.commands(n_atoms) + steps(n_steps, warm, chosen.ours, more)
        found = run(script, self.folder, ranks, threads)
        print(f"  {side}, {found.n_atoms} atoms: {found.rate:,.0f} atom-steps/s", flush=True)
        return found


def summary(runs: list[Run]) -> dict:
    """Figures of the run whose rate is nearest to the median, and the rates of all."""
    rates = [each.rate for each in runs]
    chosen = min(runs, key=lambda each: abs(each.rate - median(rates)))
    return {**chosen.figures(), "atom_steps_per_second": median(rates), "raw": rates}


def peers(session: Session) -> dict:
    """Every potential at 3,000 atoms on two ranks."""
    return session.alternate({side: (side, 3000, 2, 1) for side in SIDES if side != "lj/cut"})


def strong(session: Session) -> dict:
    """Strong scaling: one box on one and two ranks, and on two threads."""
    return session.alternate(
        {
            f"{side}, {n} atoms, {layout}": (side, n, *places)
            for n in session.sizes(3000, 21000)
            for side in (ANI, SNAP_8)
            for layout, places in LAYOUTS.items()
        }
    )


def weak(session: Session) -> dict:
    """Weak scaling: as many atoms for each core on one core and on two."""
    return session.alternate(
        {
            f"{ANI}, {n} atoms a core, {layout}": (ANI, n * places[0] * places[1], *places)
            for n in session.sizes(1500, 10000)
            for layout, places in LAYOUTS.items()
        }
    )


def sizes(session: Session) -> dict:
    """From 3,000 to 1,000,000 atoms on two ranks; a step of the largest lasts half a minute."""
    rows = {}
    # The last is 1,028,376 atoms: the nearest box to a million would be a little smaller.
    for n in session.sizes(3000, 10000, 30000, 100000, 300000, 1050000):
        rows |= session.alternate({f"{n} atoms": (ANI, n, 2, 1)}, repeats=1 if n > 50000 else None)
    return rows


def memory(session: Session) -> dict:
    """Resident memory of the first rank, times ranks, beside lj/cut in the same box."""
    # The neighbour list is rebuilt, as in a run of any length.
    options = {"n_steps": 2, "warm": 1, "more": "neigh_modify every 1 check no"}
    rows = {}
    for n in session.sizes(105000, 300000, 1050000):
        for layout in ("2 ranks", "1 rank of 2 threads"):
            ranks, threads = LAYOUTS[layout]
            row = {"ranks": ranks, "threads": threads}
            for name, side in (("hipnn/ts", ANI), ("lj/cut", "lj/cut")):
                each = session.once(side, n, ranks, threads, **options)
                row["n_atoms"] = each.n_atoms
                row[name] = each.resident_mbyte * 2**20 * ranks
            row["bytes_per_atom_above_lj_cut"] = (row["hipnn/ts"] - row["lj/cut"]) / row["n_atoms"]
            rows[f"{n} atoms, {layout}"] = row
    return rows


MEASURED = {each.__name__: each for each in (peers, strong, weak, sizes, memory)}


@benchmark("lammps", seconds=1.0, repeats=1, largest=3000)
@click.argument("names", nargs=-1, metavar="[SECTION ...]", type=click.Choice(list(MEASURED)))
@click.option("--again", is_flag=True, help="Measure what is in the file already, too.")
def main(
    scratch: Path,
    earlier: dict,
    names: tuple[str, ...],
    again: bool,
    seconds=10.0,
    repeats=5,
    largest=2_000_000,
) -> Iterator[Findings]:
    """Measure the sections one after the other."""
    write_models(scratch)
    session, report = Session(scratch, seconds, repeats, largest), earlier
    for name in names or MEASURED:
        if again or name not in report.get("sections", {}):
            print(f"{name}: {MEASURED[name].__doc__}", flush=True)
            report, checks = with_section(report, name, MEASURED[name](session))
            yield report, checks


if __name__ == "__main__":
    main()
