"""The command line `hipnn-ts`."""

import os
import sys
from importlib import import_module

import click

from hipnn_ts.errors import InputError
from hipnn_ts.extras import explained

# Set before torch loads OpenMP: threads that spin while they wait can make a run on a shared
# machine fifty times slower than on one thread.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Commands are imported on use, because `--help` must not wait for torch.
COMMANDS = {
    "train": "Train a potential on reference data.",
    "learn": "Train a committee, and label the structures that it does not know.",
    "evaluate": "Print the errors of a potential on reference data.",
    "export": "Write one TorchScript file that every engine runs.",
    "deviate": "Compare the members of a committee on a trajectory.",
    "distil": "Write frames that a committee labels, to train one network on.",
    "stability": "Test whether molecular dynamics with a potential remains stable.",
    "select": "Choose the frames of a trajectory that are worth labelling.",
    "import-hippynn": "Make a checkpoint from a model that hippynn trained.",
    "info": "Print what an exported potential says about itself.",
    "ipi": "Serve forces of an exported potential to i-PI.",
    "doctor": "Try every engine, and say how to repair those that do not work.",
    "selftest": "Check that every engine here computes what the model says.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        return getattr(import_module(f"hipnn_ts.cli.{module}"), module)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (InputError, ModuleNotFoundError) as error:
            if isinstance(error, ModuleNotFoundError):
                error = explained(error, f"hipnn-ts {ctx.invoked_subcommand}")
            if not isinstance(error, InputError):
                raise
            click.echo(f"hipnn-ts: error: {error}", err=True)
            sys.exit(1)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hipnn-ts")
def main():
    """HIP-NN-TS interatomic potentials: train, export, run."""
