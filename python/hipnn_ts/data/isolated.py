"""Isolated atoms in the data, whose energies become the self energies of their elements."""

import re
from collections.abc import Iterator

from hipnn_ts.data.read import NamedFrames
from hipnn_ts.data.split import select
from hipnn_ts.errors import InputError

SAME = 1e-3  # eV; larger differences between isolated atoms of one element are a contradiction


def take_isolated(data: NamedFrames, config_type: str) -> tuple[NamedFrames, dict[str, float], int]:
    """The other frames, the energy of an isolated atom of each element (eV), and their number.

    A frame of one atom counts as isolated if its ``config_type`` is IsolatedAtom (isolated_atom, in
    any case). In a file with such a frame, a frame of one atom without a cell and a config_type
    counts as well.

    Raises
    ------
    InputError
        The energies of an element differ, or there are no other frames.
    """
    isolated = list(_isolated(data, config_type))
    energies: dict[str, tuple[float, str]] = {}
    for index in isolated:
        frame, name = data.frames[index], data.names[index]
        energy = frame.calc.results.get("energy")
        if energy is None:
            continue
        symbol = frame.get_chemical_symbols()[0]
        first, where = energies.setdefault(symbol, (energy, name))
        if abs(energy - first) > SAME:
            raise InputError(
                f"{name}: expected {first:.6g} eV for an isolated atom of {symbol}, as in {where}, "
                f"found {energy:.6g} eV"
            )
    if not isolated:
        return data, {}, 0
    if len(isolated) == len(data.frames):
        raise InputError(
            f"{data.names[0].rpartition(':')[0]}: expected configurations beside isolated atoms, "
            "found none"
        )
    gone = set(isolated)
    others = [index for index in range(len(data.frames)) if index not in gone]
    found = {symbol: energy for symbol, (energy, _) in energies.items()}
    return select(data, others, data.remarks), found, len(isolated)


def _isolated(data: NamedFrames, config_type: str) -> Iterator[int]:
    lone: dict[str, list[int]] = {}  # candidates of each file, without a config_type
    files: set[str] = set()
    for index, frame in enumerate(data.frames):
        if len(frame) != 1:
            continue
        file = data.names[index].rpartition(":")[0]
        if names_isolated(str(frame.info.get(config_type, ""))):
            files.add(file)
            yield index
        elif config_type not in frame.info and not frame.cell.any():
            lone.setdefault(file, []).append(index)
    for file in files:
        yield from lone.get(file, ())


def names_isolated(config_type: str) -> bool:
    """Whether a config_type marks isolated atoms."""
    return re.sub(r"[^a-z]", "", config_type.lower()) in ("isolatedatom", "isolatedatoms")
