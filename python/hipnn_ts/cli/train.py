"""`hipnn-ts train`."""

import os
import zipfile
from pathlib import Path

import click

DATA = (".xyz", ".extxyz", ".xz", ".gz", ".db", ".npz", ".h5", ".hdf5")


class _WithDefaults(click.Command):
    """Help that ends with every key of the configuration."""

    def format_epilog(self, ctx, formatter):
        from hipnn_ts.training.config import SECTIONS, describe

        for name, model in SECTIONS.items():
            with formatter.section(f"{name} (lengths in Å, energies in eV)"):
                formatter.write_dl(describe(model, name), col_max=44)


@click.command(cls=_WithDefaults)
@click.argument("config", type=click.Path())
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("-o", "--output", required=True, type=click.Path(), help="Directory for the results.")
@click.option(
    "--resume", is_flag=True, help="Continue the run that was interrupted in this directory."
)
@click.option(
    "--members",
    type=click.IntRange(min=2),
    help="Train an ensemble of this many members, with consecutive seeds.",
)
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
def train(config, overrides, output, resume, members, overwrite):
    """Train a potential as the YAML file CONFIG says.

    Keys given as SECTION.KEY=VALUE override the file, for example training.epochs=5. Relative
    paths of data files and checkpoints start at CONFIG's folder.

    The output directory receives best.ckpt, the model with the lowest validation loss, which
    hipnn-ts export takes; metrics.csv, with one row per epoch; config.yaml, the configuration with
    every default filled in; and last.ckpt, the state from which --resume continues. A resumed run
    ends with the same model as one that was not interrupted. With --members each member has a
    directory of its own, and hipnn-ts evaluate takes the whole directory as one model.

    With training.start_from in CONFIG the run fine-tunes a checkpoint.

    Several processes share each batch: torchrun --nproc-per-node 2 --no-python hipnn-ts train ...
    """
    from hipnn_ts.errors import InputError
    from hipnn_ts.training.config import read_config

    if Path(config).suffix in DATA and Path(config).is_file():
        raise InputError(
            f"{config}: expected a configuration (YAML), found a data file by its name; to train "
            "on it name it under data.train"
        )
    if zipfile.is_zipfile(config):
        raise InputError(
            f"{config}: expected a configuration (YAML), found a checkpoint, model or archive; to "
            "start from a checkpoint name it under training.start_from"
        )
    settings = read_config(config, overrides)
    if resume and overwrite:
        raise InputError("expected --resume or --overwrite, found both")
    from hipnn_ts.checkpoint import load_checkpoint
    from hipnn_ts.evaluation.table import error_table
    from hipnn_ts.training.errors import UNITS
    from hipnn_ts.training.fit import train as run

    first = os.environ.get("RANK", "0") == "0"  # among the processes that torchrun started
    tell = click.echo if first else None
    for folder, seed in _members(output, settings.training.seed, members):
        member = settings.training.model_copy(update={"seed": seed})
        path = run(
            settings.model_copy(update={"training": member}),
            folder,
            overwrite=overwrite,
            resume=resume,
            progress_bar=True,
            tell=tell,
        )
        if first:
            provenance = load_checkpoint(path)[1]
            click.echo(error_table({**provenance["validation_errors"], "units": UNITS}))
            click.echo(f"{path}: epoch {provenance['epoch']}, lowest validation loss")
        tell = None  # the members have the same data


def _members(output, seed, members):
    """Directory and seed of each run."""
    if members is None:
        return [(Path(output), seed)]
    return [(Path(output) / f"member-{k + 1}", seed + k) for k in range(members)]
