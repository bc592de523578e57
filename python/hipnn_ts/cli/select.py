"""`hipnn-ts select`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.argument("trajectories", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Extended XYZ to write.")
@click.option(
    "--above",
    default=0.0,
    show_default=True,
    help="Lower bound on the largest force deviation (or uncertainty) in a frame, eV/Å.",
)
@click.option(
    "--below",
    type=float,
    help="Upper bound on it, beyond which geometries may make no sense [no bound].",
)
@click.option(
    "-n", "--number", type=click.IntRange(1), help="Largest number of frames [all but copies]."
)
@click.option("--topology", type=click.Path(), help="File with the atoms of a DCD trajectory.")
@click.option(
    "--elements", default="", help="Elements of the atom types of a LAMMPS dump, such as 'O H'."
)
def select(model, trajectories, output, above, below, number, topology, elements):
    """Choose the frames of TRAJECTORIES that are worth labelling.

    MODEL is a committee or a single network with force uncertainty.

    The command considers frames whose largest force deviation (or uncertainty) lies between --above
    and --below. It takes the most uncertain one first, and then repeatedly the one that is least
    like those already taken, so that near-copies are not chosen twice. It writes each frame with
    that deviation (max_devi_f) and those of its atoms (forces_std, or forces_uncertainty for a
    single network), and without reference values.
    """
    from hipnn_ts.committee.deviations import deviations_of, load_judge, wording_of
    from hipnn_ts.committee.selection import select as choose
    from hipnn_ts.committee.trajectory import read_trajectories
    from hipnn_ts.errors import InputError
    from hipnn_ts.frames import write_frames

    potential = load_judge(model)
    network = potential.metadata.network
    frames = read_trajectories(trajectories, topology, elements.split())
    n_frames, within = 0, []
    for frame in deviations_of(potential, frames):
        n_frames += 1
        if above <= frame.largest and (below is None or frame.largest <= below):
            within.append(frame)
    if n_frames == 0:
        raise InputError(f"{trajectories[0]}: expected frames, found none")
    chosen = choose(within, network.elements, network.cutoff, number)
    written = []
    for index in chosen:
        atoms = within[index].atoms.copy()
        atoms.info = {"max_devi_f": within[index].largest, "source": within[index].name}
        atoms.arrays = {name: atoms.arrays[name] for name in ("numbers", "positions")}
        atoms.set_array(wording_of(potential.metadata)[2], within[index].deviations.forces)
        written.append(atoms)
    write_frames(output, written)
    click.echo(f"{output}: {len(chosen)} of {len(within)} frames within bounds, of {n_frames}")
