"""`hipnn-ts deviate`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.argument("trajectories", nargs=-1, required=True, type=click.Path())
@click.option("--topology", type=click.Path(), help="File with the atoms of a DCD trajectory.")
@click.option(
    "--elements", default="", help="Elements of the atom types of a LAMMPS dump, such as 'O H'."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="Table to write, in the format of DeePMD-kit's model_devi.out.",
)
def deviate(model, trajectories, topology, elements, output):
    """Compare the members of the committee MODEL on the frames of TRAJECTORIES.

    MODEL may also be a single network with force uncertainty, which then replaces the deviations
    of forces; those of energy and virial are nan in the table.

    TRAJECTORIES are text dumps of LAMMPS, DCD files, extended XYZ, or any other format that ASE
    reads. The command prints a histogram of the largest force deviation in each frame, and the
    frames with the largest ones.
    """
    import numpy as np

    from hipnn_ts.committee.deviations import (
        deviations_of,
        histogram,
        load_judge,
        row_of,
        wording_of,
        write_table,
    )
    from hipnn_ts.committee.trajectory import read_trajectories
    from hipnn_ts.errors import InputError

    potential = load_judge(model)
    frames = read_trajectories(trajectories, topology, elements.split())
    names, rows = [], []
    for frame in deviations_of(potential, frames):
        names.append(frame.name)
        rows.append(row_of(frame))
    if not rows:
        raise InputError(f"{trajectories[0]}: expected frames, found none")
    table = np.array(rows)
    if output:
        write_table(output, table)
    largest = table[:, 3]
    kind, measure, _ = wording_of(potential.metadata)
    click.echo(f"{len(rows)} frames, {kind}: largest {measure} of a force in each, meV/Å")
    click.echo(histogram(largest))
    for index in np.argsort(-largest, kind="stable")[:5]:
        click.echo(f"{1e3 * largest[index]:12.3f}  {names[index]}")
