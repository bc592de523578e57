"""Figures of README and docs, from benchmarks/results/*.json alone.

    python benchmarks/figures.py [--check]

Rewrites what stands between the marks of README.md and its picture; --check only compares, and its
exit status is 1 where something is stale. `make docs` calls write_pages, which writes one file for
each table and plot. A row whose file is not there is left out and said so.
"""

import json
import re
import sys
from pathlib import Path

import click
import cost_accuracy
from headlines import HEADLINES
from markup import checks_table, origin
from plots import PLOTS, draw_headline, fingerprint
from result_tables import TABLES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "pictures" / "headline.svg"
MARKED = "<!-- begin: {name} -->{body}<!-- end: {name} -->"
COMMANDS = {
    "accuracy": "make bench-accuracy",
    "ase_steps": "make bench-ase",
    "committee": "make bench-committee",
    "learning": "make bench-learning",
    "cpu": "make bench-cpu",
    "demo": "make bench-demo",
    "cusp_accuracy": "make bench-cusp-accuracy",
    "density": "make bench-density",
    "derived_physics": "make bench-derived-physics",
    "gpu": "benchmarks/gpu/run.sh",
    "lammps": "make bench-lammps",
    "molecule_drift": "make bench-molecule-drift",
    "openmm": "make bench-openmm",
    "path_integral_water": "make bench-path-integral-water",
    "peers": "make bench-peers",
    "published": "make bench-published",
    "reach": "make bench-reach",
    "recipe": "make bench-recipe",
    "small_networks": "make bench-small-networks FOLDER=...",
    "soak": "make soak",
    "uncertainty": "make bench-uncertainty",
    "water_structure": "make bench-water-structure",
}


def load(folder: Path = RESULTS) -> dict[str, dict]:
    """Every results file, by its path without ending."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): json.loads(path.read_text())
        for path in sorted(folder.rglob("*.json"))
    }


def command_of(name: str) -> str:
    return COMMANDS.get(name.split("/")[0], f"benchmarks/results/{name}.json")


def headlines(results: dict) -> str:
    """The README's table: what, figure, and where it comes from."""
    lines = ["| | measured | by |", "|---|---|---|"]
    absent = []
    for what, name, figure in HEADLINES:
        if name not in results:
            absent.append(command_of(name))
            continue
        value = figure(results[name])
        if value is not None:
            date, commit = results[name]["date"][:10], results[name]["commit"]
            lines.append(f"| {what} | {value} | `{command_of(name)}`, {date}, {commit} |")
    machines = {
        f"{r['machine']['processor']}, {r['machine']['cores']} cores, "
        f"{r['machine']['instruction_set']}"
        for r in results.values()
    }
    lines += ["", f"Machine: {'; '.join(sorted(machines))}."]
    if absent:
        missing = ", ".join(f"`{command}`" for command in dict.fromkeys(absent))
        lines.append(f"Left out, because not measured here: {missing}.")
    return "\n".join(lines)


def short(results: dict) -> str:
    """Bars that were judged and missed, for the list of what does not work."""
    lines = []
    for name, result in results.items():
        for check in result["checks"]:
            if check["passed"] is False:
                sign = "≤" if check["better"] == "lower" else "≥"
                lines.append(
                    f"- {check['name']}: {check['value']:.3g}, bar {sign} {check['limit']:g} "
                    f"(`{command_of(name)}`)"
                )
    return "\n".join(lines) or "- none"


BLOCKS = {"headline": headlines, "short": short}


def filled(text: str, results: dict) -> str:
    """README's text with every marked block anew."""
    for name, block in BLOCKS.items():
        body = MARKED.format(name=name, body=f"\n{block(results)}\n")
        pattern = MARKED.format(name=name, body=".*?")
        text, n = re.subn(pattern, lambda _, body=body: body, text, flags=re.DOTALL)
        if n != 1:
            raise SystemExit(f"README.md: expected one block '{name}', found {n}")
    return text


def is_stale(results: dict) -> list[str]:
    """What does not follow from the results."""
    found = []
    if filled(README.read_text(), results) != README.read_text():
        found.append(str(README.relative_to(ROOT)))
    if not PICTURE.is_file() or fingerprint(results) not in PICTURE.read_text():
        found.append(str(PICTURE.relative_to(ROOT)))
    return found


def write_pages(folder: Path, results: dict | None = None) -> None:
    """Tables as NAME.md, plots as NAME.svg beside them, for the docs to include."""
    results = load() if results is None else results
    folder.mkdir(parents=True, exist_ok=True)
    for name, (source, table) in TABLES.items():
        if source is None:
            text = table(results)
        elif source not in results:
            text = f"Not measured here: `{command_of(source)}`."
        else:
            plot = ""
            if name in PLOTS:
                PLOTS[name](results[source], folder / f"{name}.svg")
                plot = f"![{name}](generated/{name}.svg)\n\n"
            where = origin(results[source], command_of(source))
            text = f"{plot}{table(results[source])}\n\n{where}"
        (folder / f"{name}.md").write_text(text + "\n")
    if cost_accuracy.points(results):
        cost_accuracy.draw(results, folder / "cost_accuracy.svg")
    (folder / "cost_accuracy.md").write_text(cost_accuracy.text(results) + "\n")
    bars = [
        f"### `{command_of(name)}`\n\n{checks_table(result)}\n\n{origin(result)}"
        for name, result in results.items()
    ]
    (folder / "bars.md").write_text("\n\n".join(bars) + "\n")


@click.command()
@click.option("--check", is_flag=True, help="Compare; write nothing.")
def main(check: bool) -> None:
    """Bring README.md and its picture up to date."""
    results = load()
    if check:
        stale = is_stale(results)
        for file in stale:
            print(f"{file}: does not follow from benchmarks/results; run make figures")
        sys.exit(1 if stale else 0)
    README.write_text(filled(README.read_text(), results))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    draw_headline(results, PICTURE)


if __name__ == "__main__":
    main()
