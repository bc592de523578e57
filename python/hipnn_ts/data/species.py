"""Chemical elements as written in files."""

from ase.data import atomic_numbers, chemical_symbols

ISOTOPES = ("D", "T")  # isotopes of hydrogen; a potential does not know masses


def atomic_number(text: str) -> int | None:
    """Atomic number of a symbol in upper or lower case, an atomic number, or an isotope of
    hydrogen.

    None for anything else, such as "Hw", "O1" or "X".
    """
    text = text.strip()
    if text.isdecimal():
        return int(text) if 0 < int(text) < len(chemical_symbols) else None
    symbol = text.capitalize()
    return 1 if symbol in ISOTOPES else atomic_numbers.get(symbol) or None
