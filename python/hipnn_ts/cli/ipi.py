"""`hipnn-ts ipi`."""

import click


@click.command()
@click.argument("model", type=click.Path())
@click.option(
    "--atoms",
    "start",
    required=True,
    type=click.Path(),
    help="A file that ASE reads, with the elements in i-PI's order: i-PI sends only positions.",
)
@click.option(
    "--address",
    default="localhost",
    show_default=True,
    help="Host, or address of the UNIX socket, as in i-PI's input.",
)
@click.option(
    "--port",
    default=31415,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port, as in i-PI's input.",
)
@click.option(
    "--unix", is_flag=True, help="Use a UNIX socket: /tmp/ipi_ADDRESS, or an absolute path."
)
@click.option(
    "--wait", default=10.0, show_default=True, help="Seconds to keep trying while nobody listens."
)
@click.option(
    "--pbc",
    default="TTT",
    show_default=True,
    help="Periodic directions, T or F for each cell vector; FFF for a molecule.",
)
@click.option(
    "--beyond-training",
    type=click.Choice(["warn", "stop", "ignore"]),
    default="warn",
    show_default=True,
    help="What to do when atoms come closer than in the training data.",
)
@click.option(
    "--atomic-energies", is_flag=True, help="Send atomic energies, in hartree, as i-PI's extras."
)
def ipi(model, start, address, port, unix, wait, pbc, beyond_training, atomic_energies):
    """Serve forces of MODEL, an exported file, to i-PI.

    The command runs until i-PI ends. It evaluates beads one after the other with all OpenMP
    threads; start it several times to evaluate several beads at once.
    """
    import warnings

    from hipnn_ts.ase import HIPNNTSCalculator
    from hipnn_ts.errors import InputError
    from hipnn_ts.export.extrapolation import ExtrapolationError
    from hipnn_ts.export.potential import ExportedPotential
    from hipnn_ts.export.structures import SpeciesOfAtoms
    from hipnn_ts.ipi import serve

    atoms = _read(start)
    if len(pbc) != 3 or not set(pbc) <= set("TF"):
        raise InputError(f"--pbc: expected T or F for each of three cell vectors, found '{pbc}'")
    atoms.pbc = [letter == "T" for letter in pbc]
    calculator = HIPNNTSCalculator(model, beyond_training=beyond_training)
    SpeciesOfAtoms(ExportedPotential.read(model)).of(atoms)  # refuses before i-PI is contacted
    warnings.showwarning = _say
    try:
        served = serve(calculator, atoms, address, port, unix, wait, atomic_energies)
    except ExtrapolationError as error:
        raise InputError(str(error)) from error
    click.echo(
        f"i-PI ended: {served.evaluations} evaluations in {served.evaluating:.2f} s, "
        f"{served.waiting:.2f} s between them"
    )


def _read(path):
    """The atoms in a file; any error of ASE becomes an InputError."""
    from ase.io import read

    from hipnn_ts.errors import InputError

    try:
        return read(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:  # ASE's readers raise any exception
        raise InputError(f"{path}: expected a file that ASE reads, found {error!r}") from error


def _say(message, *_):
    click.echo(f"hipnn-ts: warning: {message}", err=True)
