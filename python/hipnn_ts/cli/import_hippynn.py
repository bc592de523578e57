"""`hipnn-ts import-hippynn`."""

import click


@click.command(name="import-hippynn")
@click.argument("path", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Checkpoint to write.")
@click.option(
    "--config", type=click.Path(), help="YAML file with the facts that the model does not store."
)
@click.option(
    "--energy-unit",
    help="Unit of the model's energies, which hippynn does not store: eV, kcal/mol, kJ/mol or "
    "hartree [default: the config's].",
)
@click.option(
    "--trust",
    is_flag=True,
    help="Read files that can run code stored in them (needs hippynn for experiment folders).",
)
def import_hippynn(path, output, config, energy_unit, trust):
    """Make a checkpoint in eV and Å from a model that hippynn trained.

    PATH is an experiment folder (needs --trust and an energy unit), or a file with a state dict
    such as best_model.pt (needs a config that gives the cutoff).
    """
    from hipnn_ts.checkpoint import save_checkpoint
    from hipnn_ts.hippynn import import_hippynn as run
    from hipnn_ts.hippynn.settings import parse_settings
    from hipnn_ts.model import cusp
    from hipnn_ts.validation import read_mapping

    content = read_mapping(config) if config else {}
    if energy_unit:
        content["energy_unit"] = energy_unit
    settings = parse_settings(content, config or path)
    potential, provenance = run(path, settings, trust)
    save_checkpoint(output, potential, provenance)
    network = potential.config
    click.echo(
        f"{output}: l_max {network.l_max}, elements {' '.join(network.elements)}, features "
        f"{' '.join(map(str, network.n_features))}, cutoff {network.cutoff:g} Å; energies from "
        f"{provenance['energy_unit']} to eV (× {provenance['energy_factor']:.10g})"
    )
    remark = cusp.remark(potential)
    if remark:
        click.echo(f"{output}: warning: {remark}", err=True)
