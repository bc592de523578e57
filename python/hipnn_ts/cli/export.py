"""`hipnn-ts export`."""

import click


@click.command()
@click.argument("checkpoint", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="File to write.")
@click.option(
    "--portable",
    is_flag=True,
    help="Plain TorchScript: slower, runs in any libtorch without hipnn-ts.",
)
@click.option(
    "--metatomic",
    is_flag=True,
    help="For metatomic's engines: plain TorchScript that they run without hipnn-ts.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Precision of the network [default: the checkpoint's].",
)
@click.option(
    "--no-uncertainty",
    is_flag=True,
    help="Leave out the force uncertainty: for versions of hipnn-ts that do not know it, or for a "
    "smaller file.",
)
@click.option(
    "--zbl",
    nargs=2,
    type=float,
    metavar="INNER OUTER",
    help="Use the ZBL repulsion of nuclei in full below INNER and not beyond OUTER (Å), in place "
    "of the one that training adds where its data has no atoms.",
)
def export(checkpoint, output, portable, metatomic, dtype, no_uncertainty, zbl):
    """Export CHECKPOINT to one TorchScript file for LAMMPS, OpenMM and ASE.

    CHECKPOINT may be the directory of an ensemble (`hipnn-ts train --members`). The file then
    contains a committee of all members, and engines compute their mean and their deviations.

    The file of a single model also contains the force uncertainty that training fitted.

    The command reloads the file and compares it with the model before it replaces an older one.
    """
    if metatomic:
        return _metatomic(checkpoint, output, portable, dtype, zbl)
    from pathlib import Path

    import torch

    from hipnn_ts.checkpoint import load_checkpoint, read_checkpoint
    from hipnn_ts.errors import InputError
    from hipnn_ts.evaluation.ensemble import members_of
    from hipnn_ts.export import added_repulsion, export_committee, export_potential
    from hipnn_ts.model import cusp

    precision = getattr(torch, dtype) if dtype else None
    if Path(checkpoint).is_dir():
        if portable:
            raise InputError(
                f"{checkpoint}: --portable: expected one checkpoint, found a directory of several; "
                "only hipnn-ts's own kernels run committees"
            )
        files = members_of(checkpoint)
        members = [_loaded(load_checkpoint(file), zbl) for file in files]
        metadata = export_committee(members, output, [str(file) for file in files], precision)
    else:
        *loaded, uncertainty = read_checkpoint(checkpoint)
        potential, provenance = _loaded(loaded, zbl)
        members = [(potential, provenance)]
        metadata = export_potential(
            potential,
            output,
            provenance,
            portable,
            precision,
            None if no_uncertainty else uncertainty,
        )
    click.echo(
        f"{output}: {metadata.flavour}, {metadata.dtype}, "
        f"{'' if len(members) == 1 else f'committee of {len(members)}, '}elements "
        f"{' '.join(metadata.network.elements)}, cutoff {metadata.network.cutoff:g} Å"
        f"{'' if metadata.uncertainty is None else ', with force uncertainty'}; "
        "energies and forces checked against the model"
    )
    for potential, provenance in members:
        closest = provenance.get("closest_approach")
        remarks = [cusp.remark(potential, closest)]
        if zbl:
            remarks.append(added_repulsion.remark(zbl[1], closest))
        for remark in filter(None, remarks):
            click.echo(f"{output}: warning: {remark}", err=True)
        if any(remarks):
            break


def _loaded(loaded, zbl):
    """A potential and its provenance, with the repulsion that was asked for."""
    from hipnn_ts.export.added_repulsion import with_repulsion

    potential, provenance = loaded
    if zbl:
        potential = with_repulsion(potential, provenance.get("closest_approach"), *zbl)
    return potential, provenance


def _metatomic(checkpoint, output, portable, dtype, zbl):
    import torch

    from hipnn_ts.checkpoint import load_checkpoint
    from hipnn_ts.errors import InputError
    from hipnn_ts.export.metatomic import export_metatomic

    if portable:
        raise InputError("expected --portable or --metatomic, found both")
    potential, provenance = _loaded(load_checkpoint(checkpoint), zbl)
    export_metatomic(potential, output, provenance, getattr(torch, dtype) if dtype else None)
    network = potential.config
    click.echo(
        f"{output}: metatomic, elements {' '.join(network.elements)}, cutoff {network.cutoff:g} Å; "
        "energies and forces checked against the model"
    )
