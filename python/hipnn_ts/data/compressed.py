"""Text files, plain or compressed, read to their very end."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from hipnn_ts.errors import InputError

CHUNK = 1 << 16


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """The file's text, decompressed if the suffix is .xz or .gz.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, is cut off, or contains anything after the compressed
        data.
    """
    try:
        with _OPENERS.get(path.suffix, _plain)(path) as file:
            yield io.TextIOWrapper(file, encoding="utf-8-sig")
    except (OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable extended XYZ file ({path.suffix or 'no suffix'}), "
            f"found: {error}"
        ) from error


class _Unpacked(io.RawIOBase):
    """The content of an .xz file."""

    def __init__(self, path: Path):
        self._file = path.open("rb")
        self._chunks = _unpacked(self._file)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: bytearray) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        content, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(content)] = content
        return len(content)


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    """The content of all streams, one after the other; none of them may be empty.

    Python's own reader silently ends at the first byte that does not begin another stream.
    """
    packed = b""
    while True:
        stream = lzma.LZMADecompressor()
        while not stream.eof:
            if stream.needs_input and not packed and not (packed := file.read(CHUNK)):
                raise EOFError("the end of the file before that of what is compressed")
            content, packed = stream.decompress(packed, CHUNK), b""
            if content:
                yield content
        packed = stream.unused_data.lstrip(b"\0")  # zeros may fill the space between streams
        while not packed:
            if not (more := file.read(CHUNK)):
                return
            packed = more.lstrip(b"\0")


def _plain(path: Path) -> io.BufferedReader:
    return path.open("rb")


_OPENERS = {
    ".xz": lambda path: io.BufferedReader(_Unpacked(path), CHUNK),
    ".gz": lambda path: gzip.GzipFile(path),
}
