"""`hipnn-ts stability`."""

import click

from hipnn_ts.cli.numbers import POSITIVE, POSITIVE_OR_INFINITE


@click.command()
@click.argument("model", type=click.Path())
@click.argument("structures", nargs=-1, required=True, type=click.Path())
@click.option("--temperature", type=POSITIVE, default=300.0, show_default=True, help="K.")
@click.option("--picoseconds", type=POSITIVE, default=10.0, show_default=True, help="Of each run.")
@click.option("--timestep", type=POSITIVE, default=0.5, show_default=True, help="fs.")
@click.option(
    "--runs", type=click.IntRange(1), default=5, show_default=True, help="Of other velocities."
)
@click.option(
    "--bond-change",
    type=POSITIVE_OR_INFINITE,
    default=0.5,
    show_default=True,
    help="Å by which the length of a bond may differ from that at the start; inf for reactions.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("-o", "--output", type=click.Path(), help="JSON to write.")
@click.option(
    "--frames",
    type=click.Path(),
    help="Extended XYZ to write: how broken runs ended, to be labelled.",
)
def stability(
    model, structures, temperature, picoseconds, timestep, runs, bond_change, seed, output, frames
):
    """Test whether molecular dynamics with MODEL remains stable.

    MODEL is an exported file. Each run begins with another frame of STRUCTURES (whatever ASE reads;
    evenly spaced, in turn where there are fewer frames than runs) and follows Langevin dynamics
    until the length of a bond between nonmetals has changed by more than --bond-change, two atoms
    are closer than 0.8 of the closest approach in the training data, the temperature is five times
    the one asked for, or forces are not finite.

    Small errors of forces on a test set do not tell that dynamics holds; this does.
    """
    import json

    import numpy as np

    from hipnn_ts.ase import HIPNNTSCalculator
    from hipnn_ts.committee.trajectory import read_trajectories
    from hipnn_ts.errors import InputError
    from hipnn_ts.export.extrapolation import limits
    from hipnn_ts.files import replacing
    from hipnn_ts.frames import write_frames
    from hipnn_ts.stability import Conditions, first_frame, run

    calculator = HIPNNTSCalculator(model, beyond_training="ignore", uncertainty=False)
    metadata = calculator.metadata
    starts = list(read_trajectories(structures))
    if not starts:
        raise InputError(f"{structures[0]}: expected frames, found none")
    conditions = Conditions(temperature, picoseconds, timestep, bond_change=bond_change)
    known = limits(metadata, "warn")
    outcomes = []
    for number in range(runs):
        name, start = starts[first_frame(number, runs, len(starts))]
        random = np.random.default_rng([seed, number])
        try:
            outcome = run(start, calculator, conditions, metadata.network.elements, known, random)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        outcomes.append(outcome)
        click.echo(f"run {number + 1}: {described(outcome)}")
    held = sum(outcome.picoseconds for outcome in outcomes)
    to_the_end = sum(outcome.held for outcome in outcomes)
    click.echo(
        f"held for {held:g} of {runs * picoseconds:g} ps, {to_the_end} of {runs} runs to the end"
    )
    if output:
        settings = conditions._asdict()
        if bond_change == float("inf"):  # JSON has no such number
            settings["bond_change"] = None
        with replacing(output) as temporary:
            content = {"conditions": settings, "runs": [outcome.row() for outcome in outcomes]}
            temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    broken = [outcome for outcome in outcomes if not outcome.held]
    if frames and broken:
        write_frames(frames, map(ended, broken))


def described(outcome):
    """A run in words."""
    words = f"{outcome.picoseconds:g} ps at {outcome.temperature:.0f} K"
    if outcome.largest_change is not None:
        words += f", bonds changed by at most {outcome.largest_change:.2f} Å"
    return words if outcome.held else f"{words}: {outcome.end}"


def ended(outcome):
    """The structure a run ended in, and why."""
    atoms = outcome.atoms.copy()
    atoms.info = {"end": outcome.end, "picoseconds": outcome.picoseconds}
    return atoms
