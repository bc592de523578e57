# SPDX-License-Identifier: GPL-2.0-or-later
"""`python weaken.py LIBRARY`: make a library load where functions are missing that nobody defines.

LAMMPS opens plugins so that every function which they use must be there at once. Another version of
LAMMPS may lack some, and would then only log a name that nobody knows. A function that is used
weakly may be missing; the plugin compares versions before it calls any.
"""

import struct
import sys
from pathlib import Path

GLOBAL, WEAK = 1, 2


def weaken(library: bytearray) -> int:
    """Make the use of undefined symbols without a version (LAMMPS's and MPI's) weak; how many."""
    assert library[:6] == b"\x7fELF\x02\x01", "expected a 64-bit little-endian ELF file"
    (start,) = struct.unpack_from("<Q", library, 0x28)
    size, count, name_table = struct.unpack_from("<HHH", library, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", library, start + k * size) for k in range(count)]
    names = sections[name_table][4]
    places = {}
    for section in sections:
        name = names + section[0]
        places[bytes(library[name : library.index(0, name)])] = section[4], section[5]
    symbols, n_bytes = places[b".dynsym"]
    versions, _ = places[b".gnu.version"]
    changed = 0
    for k in range(n_bytes // 24):
        place = symbols + 24 * k
        info, section = library[place + 4], struct.unpack_from("<H", library, place + 6)[0]
        (version,) = struct.unpack_from("<H", library, versions + 2 * k)
        if section == 0 and info >> 4 == GLOBAL and version <= 1:
            library[place + 4] = WEAK << 4 | info & 15
            changed += 1
    return changed


if __name__ == "__main__":
    path = Path(sys.argv[1])
    content = bytearray(path.read_bytes())
    weaken(content)
    path.write_bytes(content)
