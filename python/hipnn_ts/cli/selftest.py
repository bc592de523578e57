"""`hipnn-ts selftest`."""

import click

MARKS = {True: ("ok", "green"), None: ("-", "yellow"), False: ("WRONG", "red")}
HEADINGS = ("dE/dr", "dE/dstrain", "energies", "forces", "virials", "invariances", "drift")


@click.command()
@click.argument("model", type=click.Path(), required=False)
@click.option("--portable", is_flag=True, help="Without MODEL: use a portable model.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float64",
    show_default=True,
    help="Without MODEL: precision of the model that is used.",
)
def selftest(model, portable, dtype):
    """Check that this installation computes what MODEL, an exported file, says.

    Every installed path (each instruction set, LAMMPS on one and two ranks, OpenMM's platforms, a
    GPU) evaluates the same configurations. The command compares forces and virial with differences
    of the path's own energy; energies, forces and virials with plain torch in float64 (without
    torch: with the first path that works); and the forces on translated, rotated and permuted atoms
    with each other. Drift is the change of the total energy divided by that of the kinetic energy
    in 100 steps of dynamics. All figures are relative.

    The last line says up to which displacement the force constants of MODEL are valid, which
    depends on its cusp regularisation. This is a remark on the model, not a failure.

    Without MODEL, the command uses a small network with random weights. Paths that are not
    installed are marked "-". The exit status is 1 if a figure exceeds its limit (marked "!"), or if
    something that is installed does not work. The command takes a minute or two.
    """
    import tempfile
    from itertools import chain
    from pathlib import Path

    from hipnn_ts.selftest import selftest as rows_of
    from hipnn_ts.selftest import smoothness
    from hipnn_ts.selftest.model import random_model, write_random_model

    trained = model is not None
    with tempfile.TemporaryDirectory() as folder:
        if not trained and portable:
            model = Path(folder) / "random.pt"
            write_random_model(model, dtype, portable)
        elif not trained:
            model = random_model(dtype)
        rows = rows_of(Path(model))
        first = next(rows)  # a file that is not a model is refused before the table starts
        click.echo(f"{'':<8}{'':<23}" + "".join(f"{heading:>12}" for heading in HEADINGS))
        wrong = [row.name for row in chain([first], rows) if not _print(row)]
        if trained:
            click.echo(smoothness(Path(model)))
    if wrong:
        raise SystemExit(1)


def _print(row) -> bool:
    """Print one line; return whether nothing is wrong with it."""
    mark, colour = MARKS[row.ok]
    cells = row.problem
    if row.figures:
        cells = "".join(f"{_cell(row, heading):>12}" for heading in HEADINGS)
    click.echo(f"{click.style(f'{mark:<8}', fg=colour)}{row.name:<23}{cells}")
    return row.ok is not False


def _cell(row, heading) -> str:
    if heading not in row.figures:
        return "."
    return f"{row.figures[heading]:.1e}" + ("!" if row.exceeded(heading) else " ")
