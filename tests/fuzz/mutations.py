"""Damage files: change any bytes, or rewrite the records of an archive with valid checksums."""

import io
import re
import struct
import zipfile

import numpy as np


def damaged(random: np.random.Generator, content: bytes) -> bytes:
    """Return the content with a few bytes changed, moved, removed or added."""
    out = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        if not out:
            break
        place = int(random.integers(len(out)))
        length = int(random.choice([1, 2, 8, 64, 512]))
        match random.integers(6):
            case 0:
                out[place] ^= 1 << int(random.integers(8))
            case 1:
                del out[place:]
            case 2:
                del out[place : place + length]
            case 3:
                inside = out[place : place + length]
                out[place : place + length] = random.bytes(len(inside))
            case 4:
                start = int(random.integers(len(out)))
                out[place : place + length] = out[start : start + length]
            case 5:
                out[place:place] = random.bytes(length)
    return bytes(out)


def header_changed(random: np.random.Generator, document: bytes) -> bytes:
    """Return a damaged document; mostly the header is damaged, and its length stays valid."""
    (n_header,) = struct.unpack_from("<Q", document)
    header, data = document[8 : 8 + n_header], document[8 + n_header :]
    match random.integers(4):
        case 0:
            return damaged(random, document)
        case 1:
            header = damaged(random, header)
        case 2:
            header = _another_number(random, header)
        case 3:
            data = damaged(random, data)
    return struct.pack("<Q", len(header)) + header + data


def _another_number(random: np.random.Generator, text: bytes) -> bytes:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", text))
    chosen = found[int(random.integers(len(found)))]
    number = random.choice(["0", "-1", "1", "8", "1e9", str(2**32), str(2**64)])
    return text[: chosen.start()] + str(number).encode() + text[chosen.end() :]


def rearranged(random: np.random.Generator, content: bytes) -> bytes:
    """Return an archive with one record damaged, or two swapped, and valid checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    names = list(records)
    # Most records are tensors; descriptions and code shall be damaged as often.
    described = [
        name for name in names if name.endswith(("pkl", ".json", ".py", "version", "/data/0"))
    ]
    described = described or names
    first = str(random.choice(names if random.random() < 0.4 else described))
    if random.random() < 0.3:
        second = str(random.choice(names))
        records[first], records[second] = records[second], records[first]
    else:
        document = records[first][8:24] == b'{"__metadata__":'
        records[first] = (header_changed if document else damaged)(random, records[first])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, record in records.items():
            archive.writestr(name, record)
    return out.getvalue()
