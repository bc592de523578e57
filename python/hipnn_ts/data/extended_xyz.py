"""Reading extended XYZ, frame by frame, without silently skipping anything."""

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from ase.io.extxyz import key_val_str_to_dict, read_xyz

from hipnn_ts.data.compressed import open_text
from hipnn_ts.data.findings import Findings
from hipnn_ts.data.labels import Raw, raw_frame
from hipnn_ts.data.species import atomic_number
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

LONGEST = 15  # largest number of characters of a number of atoms
_PROPERTIES = re.compile(r"\bProperties\s*=\s*[\"']?([^\s\"']+)")
# For such a key ASE would keep only six of its nine numbers. No key of a file can have this name.
_STRESS = "\0stress"


class _Text(NamedTuple):
    """One frame of the file."""

    place: str  # file and frame
    line: int  # line of the number of atoms, from 1
    lines: list[str]  # number of atoms, comment, atoms


def read_extended_xyz(path: Path, labels: LabelConfig, findings: Findings) -> Iterator[Raw]:
    """Frames of a file, plain or compressed.

    Empty lines between frames are skipped. Symbols may be atomic numbers, D or T.

    Raises
    ------
    InputError
        Any other text that is not a frame; the message names the line.
    """
    for text in _texts(path, findings):
        frame = _parsed(text, findings)
        if len(text.lines) > 2 and len(text.lines[2].split()) > _columns(text.lines[1])[0]:
            findings.add(
                "atoms with more columns than Properties names, not read, in configurations",
                text.place,
            )
        yield raw_frame(text.place, frame, labels)


def _texts(path: Path, findings: Findings) -> Iterator[_Text]:
    """ASE itself seeks backwards (which is very slow in a compressed file), and ends at an empty
    line."""
    index, number, last = 0, 0, 0
    with open_text(path) as file:
        while line := file.readline():
            number += 1
            if not line.strip():
                continue
            if not line.strip().isdecimal() or len(line) > LONGEST:
                hint = f"; is the number in line {last} right?" if last else ""
                raise InputError(
                    f"{path}: line {number}: expected the number of atoms of frame {index}, found "
                    f"{line.strip()[:40]!r}{hint}"
                )
            n_atoms, last = int(line), number
            lines = [line, *islice(file, n_atoms + 1)]
            number += len(lines) - 1
            if len(lines) < n_atoms + 2:
                raise InputError(
                    f"{path}: frame {index} (line {last}): expected {n_atoms} atoms, found the end "
                    f"of the file after {max(0, len(lines) - 2)}"
                )
            if not lines[-1].endswith("\n"):
                findings.add("last line without an end, perhaps cut off, in files", str(path))
            yield _Text(f"{path}: frame {index}", last, lines)
            index += 1


def _parsed(text: _Text, findings: Findings) -> Atoms:
    try:
        return _by_ase(text.lines)
    except Exception as error:  # ASE's parser does not declare its exceptions
        met = error
    try:
        lines = _with_symbols(text, findings)
        if lines != text.lines:
            return _by_ase(lines)
    except InputError:
        raise
    except Exception as error:
        met = error
    reason = " ".join(str(met).split())
    raise InputError(
        f"{text.place}: expected extended XYZ, found what ASE cannot parse ({reason}); the frame "
        f"begins in line {text.line}"
    ) from met


def _by_ase(lines: list[str]) -> Atoms:
    frame = next(read_xyz(io.StringIO("".join(lines)), 0, properties_parser=_comment))
    if _STRESS in frame.info:
        frame.calc = frame.calc or SinglePointCalculator(frame)
        frame.calc.results["stress"] = frame.info.pop(_STRESS)
    return frame


def _comment(line: str) -> dict:
    info = key_val_str_to_dict(line)
    if "stress" in info:
        info[_STRESS] = info.pop("stress")
    return info


def _with_symbols(text: _Text, findings: Findings) -> list[str]:
    """The lines of the frame, with symbols that ASE knows.

    Raises
    ------
    InputError
        A line lacks columns, or has no chemical element.
    """
    n_columns, column = _columns(text.lines[1])
    lines = [text.lines[0], text.lines[1].replace("species:I:", "species:S:")]
    for number, line in enumerate(text.lines[2:], text.line + 2):
        words = line.split()
        if len(words) < n_columns:
            raise InputError(
                f"{text.place}: line {number}: expected {n_columns} columns, found {len(words)}"
            )
        if column is not None:
            symbol = words[column]
            known = atomic_number(symbol)
            if known is None and symbol.upper() != "X":  # refused with the other values
                raise InputError(
                    f"{text.place}: line {number}: expected a chemical element, found "
                    f"{symbol[:20]!r}"
                )
            if symbol.capitalize() != chemical_symbols[known or 0]:
                findings.add(
                    f"'{symbol[:20]}' read as {chemical_symbols[known or 0]}, atoms",
                    f"{text.place}: line {number}",
                )
                words[column] = chemical_symbols[known or 0]
                line = " ".join(words) + "\n"
        lines.append(line)
    return lines


def _columns(comment: str) -> tuple[int, int | None]:
    """The number of columns of each atom, and the index of its symbol."""
    named = _PROPERTIES.search(comment)
    fields = (named.group(1) if named else "species:S:1:pos:R:3").split(":")
    total, column = 0, None
    for name, width in zip(fields[::3], fields[2::3], strict=False):
        if name == "species":
            column = total
        total += int(width) if width.isdecimal() else 0
    return total, column
