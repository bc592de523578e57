"""A list for data that does not fit in memory."""

import os
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TypeVar

from hipnn_ts.errors import InputError

Entry = TypeVar("Entry")


class ListOnDisk(Sequence[Entry]):
    """Entries are kept in a temporary file, and read again each time one is requested.

    Only 8 bytes per entry remain in memory. The file has no name: its space is freed when it is
    closed, when no list refers to it any more, or when the process ends in any way. ``TMPDIR``
    names its folder.

    Raises
    ------
    InputError
        The file cannot be created, or its disk is full.
    """

    def __init__(self):
        with _room():
            self._shared = _SharedFile()
        self._file = self._shared.stream
        self._starts = array("q")

    def append(self, entry: Entry) -> None:
        """Write an entry to the end of the file."""
        with _room():
            start = self._file.seek(0, os.SEEK_END)
            pickle.dump(entry, self._file, pickle.HIGHEST_PROTOCOL)
            self._file.flush()  # so that a full disk is noticed here and not while reading
        self._starts.append(start)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Entry:
        self._file.seek(self._starts[index])
        return pickle.load(self._file)

    def chosen(self, indices: Iterable[int]) -> "ListOnDisk[Entry]":
        """Some of the entries, in the given order, from the same file."""
        part = copy(self)
        part._starts = array("q", (self._starts[index] for index in indices))
        return part

    def close(self) -> None:
        """Free the space."""
        self._shared.close()


class _SharedFile:
    """A file without a name that is closed together with the last list that refers to it."""

    def __init__(self):
        self.stream = tempfile.TemporaryFile()  # noqa: SIM115
        self.close = weakref.finalize(self, self.stream.close)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.tempdir or 'TMPDIR'}: expected room for data that is not kept in memory, "
            f"found: {error.strerror}; set TMPDIR to a folder with more"
        ) from error
