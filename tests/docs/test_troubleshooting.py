"""docs/troubleshooting.md quotes only existing messages, and all messages of the engines."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
QUOTED = re.findall(r"^\| `([^`]+)` +\|", PAGE, re.MULTILINE)
# Sources of messages that users of the engines see: the page must give a cure for each.
COMPLETE = (
    "lammps_plugin/pair_commands.cpp",
    "lammps_plugin/pair_deviations.cpp",
    "lammps_plugin/pair_checks.cpp",
    "lammps_plugin/pair_extract.cpp",
    "lammps_plugin/pair_hipnn_ts.cpp",
    "lammps_plugin/kokkos/pair_hipnn_ts_kokkos.cpp",
    "python/hipnn_ts/openmm/force.py",
    "python/hipnn_ts/openmm/reporter.py",
    "python/hipnn_ts/openmm/particles.py",
    "python/hipnn_ts/ase/calculator.py",
    "python/hipnn_ts/ipi/connection.py",
    "python/hipnn_ts/ipi/driver.py",
    "python/hipnn_ts/torchsim.py",
)
RAISED = re.compile(r"raise InputError\(|error->(?:all|one)\(|fault\.sentence = fmt::format\(")


def joined(text):
    """Return source code with adjacent string literals joined."""
    return re.sub(r'"\s*\n\s*f?"', "", text)


def fragments(message):
    return [part.strip(" '") for part in message.split("…") if len(part.strip(" '")) > 2]


@pytest.fixture(scope="module")
def source():
    files = [
        path
        for folder in ("python", "csrc", "lammps_plugin")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".cpp", ".hpp", ".h")
    ]
    return "\n".join(joined(path.read_text()) for path in files)


@pytest.mark.parametrize("message", QUOTED)
def test_message_exists(message, source):
    parts = fragments(message)
    assert parts, "a message of names and numbers alone says nothing"
    for fragment in parts:
        assert fragment in source, fragment


@pytest.mark.parametrize("file", COMPLETE)
def test_every_message_of_the_engines_has_a_cure(file):
    text = joined((ROOT / file).read_text())
    for found in RAISED.finditer(text):
        call = text[found.end() : found.end() + 400].split(";\n")[0]
        literals = re.findall(r'"((?:[^"\\]|\\.)+)"', call)
        if literals and literals[0] != "{}: {}":  # sentences built elsewhere
            assert any(describes(message, literals[0]) for message in QUOTED), literals[0]


def describes(message, literal):
    """Whether the literal contains all fragments of the message, and they are most of its text."""
    parts, fixed = fragments(message), re.sub(r"\{[^{}]*\}", "", literal)
    return all(part in literal for part in parts) and sum(map(len, parts)) > 0.4 * len(fixed)
