"""The command line that all benchmarks share: run, judge, write the report."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from benchmarks.report import Check, print_checks, results_file, write_report

Measure = Callable[..., tuple[dict, list[Check]]]


def benchmark(name: str, quick: str = "Small and short: does it run?") -> Callable:
    """Make a command of a function that returns figures and checks.

    The function is told whether it is to be ``quick``. The report is results/NAME.json; of --quick
    it lies in build/quick. The exit status is 1 where a bar is missed, but not with --quick. The
    command's help is the docstring of the function's module.
    """

    def decorate(measure: Measure) -> click.Command:
        @click.command(help=measure.__globals__["__doc__"])
        @click.option("--quick", is_flag=True, help=quick)
        @click.option("--output", type=click.Path(path_type=Path), help="Another file to write.")
        @wraps(measure)
        def command(quick: bool, output: Path | None, **options) -> None:
            figures, checks = measure(quick=quick, **options)
            path = output or results_file(name, quick)
            write_report(path, figures, checks)
            reached = print_checks(checks)
            print(path)
            sys.exit(0 if quick or reached else 1)

        return command

    return decorate
