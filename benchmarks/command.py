"""The command line that all benchmarks share: run, judge, write the report."""

import json
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from inspect import isgenerator, signature
from pathlib import Path
from typing import Any

import click

from benchmarks.report import Check, print_checks, results_file, write_report
from hipnn_ts.files import replacing

Findings = tuple[dict, list[Check]]  # figures and checks


def benchmark(name: str, **quick: Any) -> Callable[[Callable], click.Command]:
    """Make a command of a function that returns figures and checks.

    Each argument of the function that has a default becomes an option; with --quick those in
    ``quick`` have the values given there. An argument ``scratch`` is a temporary folder. A function
    that takes ``earlier`` gets the content of the existing report, and yields figures and checks
    each time that they should be written. The report is results/NAME.json, or build/quick/NAME.json
    with --quick; without figures no report is written. The exit status is 1 if a bar is missed, but
    not with --quick. The command's help is the docstring of the function's module.
    """

    def decorate(measure: Callable) -> click.Command:
        parameters = signature(measure).parameters

        @wraps(measure)
        def run(is_quick: bool, output: Path | None, **settings) -> None:
            path = output or results_file(name, is_quick)
            settings |= quick if is_quick else {}
            with tempfile.TemporaryDirectory() as scratch:
                if "scratch" in parameters:
                    settings["scratch"] = Path(scratch)
                if "earlier" in parameters:
                    settings["earlier"] = json.loads(path.read_text()) if path.exists() else {}
                found, checks = measure(**settings), []
                for figures, checks in found if isgenerator(found) else [found]:
                    if figures:
                        write_report(path, figures, checks)
                        print(path, flush=True)
            reached = print_checks(checks)
            sys.exit(0 if is_quick or reached else 1)

        smaller = ", ".join(f"{option} {value}" for option, value in quick.items())
        options = [
            click.Option(["--quick", "is_quick"], is_flag=True, help=f"Does it run? {smaller}"),
            click.Option(["--output"], type=click.Path(path_type=Path), help="Another file."),
        ]
        for option, given in parameters.items():
            if given.default is not given.empty:
                dashed = f"--{option.replace('_', '-')}"
                options.append(click.Option([dashed], default=given.default, show_default=True))
        return click.command(help=measure.__globals__["__doc__"], params=options)(run)

    return decorate


def kept(path: Path, make: Callable[..., Any], *arguments: Any) -> Any:
    """Content of a JSON file, made if it is missing: an interrupted benchmark can continue."""
    if not path.exists():
        content = make(*arguments)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(content))
    return json.loads(path.read_text())
