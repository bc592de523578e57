"""`hipnn-ts train`."""

import click


@click.command()
@click.argument("config", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Directory for the results.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
def train(config, output, overwrite):
    """Train a potential as the YAML file CONFIG says.

    Writes to the output directory: best.ckpt, the model with the lowest validation loss (next:
    hipnn-ts export); metrics.csv, one row per epoch; config.yaml, with every default filled in.

    \b
    CONFIG, with the defaults (lengths in Å, energies in eV, files from CONFIG's folder):
      network:
        n_features: [32, 32]      features after each interaction block
        l_max: 2                  tensor order, 0 to 2
        cutoff: 6.5               Å; soft_max below it (5.5), soft_min 0.75
        n_atom_layers: 3
        n_sensitivities: 20
      data:
        train: [FILE, ...]        extended XYZ, also .xz and .gz
        validation: 0.1           fraction held back, or [FILE, ...]
        group_by: KEY             frames that share it stay on one side of the split
        seed: 0
      training:
        epochs: N                 one of these two, or both
        max_minutes: N
        batch_size: 8             configurations
        learning_rate: 0.002
        gradient_clipping: 10
        loss: {energy: 5, forces: 1, stress: 10, hierarchicality: 0.001}
        precision: float32        or float64
        device: cpu               or cuda
        seed: 0
    """
    from hipnn_ts.errors import InputError
    from hipnn_ts.training.config import read_config

    settings = read_config(config)
    try:
        from hipnn_ts.training.fit import train as run
    except ModuleNotFoundError as error:
        raise InputError(
            f"training needs the package {error.name}, found none; install hipnn-ts[train]"
        ) from error
    from hipnn_ts.checkpoint import load_checkpoint
    from hipnn_ts.cli.evaluate import error_table

    path = run(settings, output, overwrite=overwrite, progress_bar=True)
    provenance = load_checkpoint(path)[1]
    click.echo(error_table(provenance["validation_errors"]))
    click.echo(f"{path}: epoch {provenance['epoch']}, lowest validation loss")
