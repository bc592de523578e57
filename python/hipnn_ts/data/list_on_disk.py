"""A list for what does not fit in memory."""

import os
import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TypeVar

from hipnn_ts.errors import InputError

Entry = TypeVar("Entry")


class ListOnDisk(Sequence[Entry]):
    """Entries are kept in a temporary file, and read anew whenever one is asked for.

    In memory remain 8 bytes an entry. The file has no name: its space is free again once it is
    closed or the process ends, however that ends. ``TMPDIR`` says in which folder it is.

    Raises
    ------
    InputError
        The file cannot be made, or its disk is full.
    """

    def __init__(self):
        with _room():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._starts = array("q")

    def append(self, entry: Entry) -> None:
        """Write an entry to the end of the file."""
        with _room():
            start = self._file.seek(0, os.SEEK_END)
            pickle.dump(entry, self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()  # a full disk is noticed here, not while reading
        self._starts.append(start)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Entry:
        self._file.seek(self._starts[index])
        return pickle.load(self._file)

    def chosen(self, indices: Iterable[int]) -> "ListOnDisk[Entry]":
        """Some of the entries, in the order given, of the same file."""
        part = copy(self)
        part._starts = array("q", (self._starts[index] for index in indices))
        return part

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.tempdir or 'TMPDIR'}: expected room for data that is not kept in memory, "
            f"found: {error.strerror}; set TMPDIR to a folder with more"
        ) from error
