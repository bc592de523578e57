"""Update README's figures and picture from benchmarks/results; `make figures` runs it.

    python -m docs.rendering [--check]

Rewrites the text between the marks in README.md, and its picture. --check only compares; its exit
status is 1 if something is stale. The docs' own tables and plots are made when they are built.
"""

import sys

import click

from docs.rendering.cost_accuracy import draw
from docs.rendering.readme import PICTURE, README, filled, stale
from docs.rendering.results import load


@click.command(help=__doc__)
@click.option("--check", is_flag=True, help="Compare; write nothing.")
def main(check: bool) -> None:
    results = load()
    if check:
        files = stale(results)
        for file in files:
            print(f"{file}: does not follow from benchmarks/results; run make figures")
        sys.exit(1 if files else 0)
    README.write_text(filled(README.read_text(), results))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    draw(results, PICTURE)


main()
