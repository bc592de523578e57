"""`hipnn-ts evaluate`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", nargs=-1, required=True, type=click.Path())
@click.option("--batch-size", default=8, show_default=True, help="Configurations at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(model, data, batch_size, as_json):
    """Errors of MODEL, a checkpoint or an exported file, on DATA (extended XYZ, also .xz, .gz).

    Prints mean absolute and root mean square errors of the energy per atom (meV/atom), of force
    components (meV/Å) and, where the data has stress, of its components (meV/Å^3).
    """
    import json
    from pathlib import Path

    from hipnn_ts.data.read import read_named
    from hipnn_ts.training.errors import UNITS
    from hipnn_ts.training.evaluate import evaluate as errors_of
    from hipnn_ts.training.evaluate import load_potential

    potential = load_potential(model)
    frames, names, _ = read_named(tuple(Path(file) for file in data))
    errors = errors_of(potential, frames, names, batch_size)
    if as_json:
        click.echo(json.dumps({"frames": len(frames), "units": UNITS, **errors}, indent=2))
    else:
        click.echo(f"{len(frames)} frames")
        click.echo(error_table(errors))


def error_table(errors):
    """Errors as ``hipnn_ts.training.errors`` names them, as lines of text."""
    from hipnn_ts.training.errors import UNITS

    lines = [f"{'':8}{'MAE':>10}{'RMSE':>10}"]
    for quantity, unit in UNITS.items():
        if f"{quantity}_mae" in errors:
            mae, rmse = errors[f"{quantity}_mae"], errors[f"{quantity}_rmse"]
            lines.append(f"{quantity:8}{mae:10.3f}{rmse:10.3f} {unit}")
    return "\n".join(lines)
