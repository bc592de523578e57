"""The reference method that labels: an ASE calculator, by its name and arguments."""

from importlib import import_module
from typing import Any

from ase.calculators.calculator import Calculator, get_calculator_class

from hipnn_ts.errors import InputError
from hipnn_ts.learning.sections import ReferenceConfig


def make_calculator(reference: ReferenceConfig) -> Calculator:
    """A new calculator.

    Raises
    ------
    InputError
        There is no such name, or it does not take these arguments.
    """
    arguments = dict(reference.arguments)
    if reference.profile is not None:
        profile = reference.profile
        kind = _imported(profile.kind, "reference.profile.kind")
        arguments["profile"] = _made(kind, profile.arguments, "reference.profile.arguments")
    name = reference.calculator
    kind = _imported(name, "reference.calculator") if "." in name else _of_ase(name)
    return _made(kind, arguments, "reference.arguments")


def _of_ase(name: str) -> Any:
    try:
        return get_calculator_class(name)
    except (ImportError, KeyError, AttributeError) as error:
        raise InputError(
            f"reference.calculator: expected an import path such as tblite.ase.TBLite, or ASE's "
            f"name of a calculator, found {name!r} ({_first_line(error)})"
        ) from error


def _imported(path: str, key: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{key}: expected the import path of a class, module.Class, found {path!r} "
            f"({_first_line(error)})"
        ) from error


def _made(kind: Any, arguments: dict[str, Any], key: str) -> Any:
    try:
        return kind(**arguments)
    except Exception as error:  # whatever others raise
        raise InputError(
            f"{key}: expected arguments of {kind.__module__}.{kind.__qualname__}, found "
            f"{arguments} ({_first_line(error)})"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
