"""`hipnn-ts distil`."""

import click

from hipnn_ts.cli.numbers import POSITIVE, POSITIVE_OR_INFINITE


@click.command()
@click.argument("model", type=click.Path())
@click.argument("structures", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Extended XYZ to write.")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Number of frames.",
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
    type=POSITIVE_OR_INFINITE,
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
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of processes that walk at the same time.",
)
def distil(model, structures, output, number, temperatures, processes, **how):
    """Write frames that MODEL labels, on which another potential can be trained.

    MODEL is an exported file, best a committee. Langevin dynamics at constant volume begin from
    frames of STRUCTURES (whatever ASE reads), drawn at random, with new velocities. Single atoms
    are left out. Each frame receives the energy, forces and stress of MODEL; of a committee, those
    of its mean.

    A network that is trained on reference data and on such frames (data.distilled of hipnn-ts
    train) errs about as little as the committee and costs as little as one member.
    """
    from hipnn_ts.committee.trajectory import read_trajectories
    from hipnn_ts.distillation import Sampling, distil, measured
    from hipnn_ts.errors import InputError
    from hipnn_ts.frames import write_frames

    starts = [(name, atoms) for name, atoms in read_trajectories(structures) if len(atoms) != 1]
    if not starts:
        raise InputError(f"{structures[0]}: expected structures of several atoms, found none")
    frames = distil(model, starts, number, Sampling(temperatures, **how), processes)
    infos = []
    with click.progressbar(frames, length=number, label="walking") as progress:
        write_frames(output, _noting(progress, infos))
    click.echo(f"{output}: {number} frames")
    for line in report(temperatures, infos, measured(model)):
        click.echo(line)


def _noting(frames, infos):
    """The same frames, whose info is appended to ``infos``."""
    for frame in frames:
        infos.append(frame.info)
        yield frame


def report(temperatures, infos, measure):
    """How many frames each temperature gave, and the largest deviations or uncertainties there."""
    import numpy as np

    if measure is None:
        yield "a single network without force uncertainty: --stop had no effect"
    for temperature in temperatures:
        of_it = [info for info in infos if info["temperature"] == temperature]
        line = f"{temperature:g} K: {len(of_it)} frames"
        if of_it and measure is not None:
            found = [1000 * info["max_devi_f"] for info in of_it]
            middle, high = np.percentile(found, [50, 95])
            line += f", largest {measure} of a force in each, meV/Å: median {middle:.0f}, "
            line += f"95 of 100 below {high:.0f}"
        yield line
