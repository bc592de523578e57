"""`hipnn-ts distil`."""

import click

from hipnn_ts.cli.stability import POSITIVE


@click.command()
@click.argument("model", type=click.Path())
@click.argument("structures", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Extended XYZ to write.")
@click.option(
    "-n", "--number", type=click.IntRange(1), default=2000, show_default=True, help="Of frames."
)
@click.option(
    "--temperature",
    "temperatures",
    type=POSITIVE,
    multiple=True,
    required=True,
    help="K; several are taken in turn.",
)
@click.option(
    "--stop",
    type=POSITIVE,
    default=1.0,
    show_default=True,
    help="Force deviation (or uncertainty) of an atom at which a walk ends, eV/Å.",
)
@click.option("--timestep", type=POSITIVE, default=0.5, show_default=True, help="fs.")
@click.option(
    "--interval", type=POSITIVE, default=25.0, show_default=True, help="fs between frames."
)
@click.option(
    "--length", type=click.IntRange(1), default=10, show_default=True, help="Frames of a walk."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--processes", type=click.IntRange(1), default=1, show_default=True, help="Walks at once."
)
def distil(model, structures, output, number, temperatures, processes, **how):
    """Write frames that MODEL labels, on which another potential can be trained.

    MODEL is an exported file, best a committee. Langevin dynamics at constant volume begin from
    frames of STRUCTURES (whatever ASE reads) in turn with new velocities. Each frame receives the
    energy, forces and stress of MODEL; of a committee, those of its mean.

    A network that is trained on reference data and on such frames (data.distilled of hipnn-ts
    train) errs as little as the committee and costs as little as one member.
    """
    from ase.io import write

    from hipnn_ts.committee.trajectory import read_trajectories
    from hipnn_ts.distillation import Sampling
    from hipnn_ts.distillation import distil as sample
    from hipnn_ts.errors import InputError
    from hipnn_ts.files import replacing

    starts = [atoms for _, atoms in read_trajectories(structures)]
    if not starts:
        raise InputError(f"{structures[0]}: expected frames, found none")
    sampling = Sampling(temperatures, **how)
    frames = []
    with click.progressbar(
        sample(model, starts, number, sampling, processes), length=number, label="walking"
    ) as progress:
        frames.extend(progress)
    with replacing(output) as temporary:
        write(temporary, frames, format="extxyz")
    for line in report(output, frames):
        click.echo(line)


def report(output, frames):
    """How many frames each temperature gave, and how far the members deviate there."""
    import numpy as np

    yield f"{output}: {len(frames)} frames"
    for temperature in sorted({frame.info["temperature"] for frame in frames}):
        found = [
            1000 * frame.info["max_devi_f"]
            for frame in frames
            if frame.info["temperature"] == temperature
        ]
        middle, high = np.percentile(found, [50, 95])
        yield (
            f"{temperature:g} K: {len(found)} frames, largest deviation of a force in each, "
            f"meV/Å: median {middle:.0f}, 95 of 100 below {high:.0f}"
        )
