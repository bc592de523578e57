"""Read the benchmarks' results, and name the commands that made them."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
# Other results files are made by `make bench-NAME`.
COMMANDS = {
    "ase_steps": "make bench-ase",
    "gpu": "benchmarks/speed/gpu/run.sh",
    "small_networks": "make bench-small-networks FOLDER=...",
    "soak": "make soak",
}


def load(folder: Path = RESULTS) -> dict[str, dict]:
    """The content of every results file, by its path without suffix."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): json.loads(path.read_text())
        for path in sorted(folder.rglob("*.json"))
    }


def command_of(name: str) -> str:
    """The command that makes a results file; those of one folder have one command."""
    first = name.split("/")[0]
    return COMMANDS.get(first, f"make bench-{first.replace('_', '-')}")


def not_measured(*names: str) -> str:
    """Text in place of results that do not exist, with the commands that make them."""
    commands = ", ".join(f"`{command_of(name)}`" for name in names)
    return f"Not measured here: {commands}."
