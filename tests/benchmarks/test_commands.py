"""Every benchmark can still be imported, and every command has a help text."""

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.accuracy.recipe_candidates import CANDIDATES

ROOT = Path(__file__).parents[2]
NAMED = r"-m ((?:benchmarks|docs)\.[\w.]+)"
ASK = """
import importlib, sys
import click
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    command = getattr(module, "main", None)
    if isinstance(command, click.Command):
        text = command.get_help(click.Context(command))
        assert "--quick" in text or "--steps" in text or "--model" in text, text
        print(name)
"""


def modules() -> set[str]:
    paths = (path.relative_to(ROOT) for path in (ROOT / "benchmarks").rglob("*.py"))
    return {".".join(path.with_suffix("").parts) for path in paths if path.stem != "__init__"}


def test_every_module_is_imported_and_every_command_says_what_it_does():
    asked = sorted(modules())
    done = subprocess.run(
        [sys.executable, "-c", ASK, *asked], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 20


def test_commands_that_files_name_are_there():
    files = [ROOT / "Makefile", *(ROOT / "benchmarks").rglob("*.*")]
    files = [file for file in files if file.suffix in ("", ".py", ".sh", ".md")]
    named = {name for file in files for name in re.findall(NAMED, file.read_text())}
    assert len(named) > 20
    assert named - {"docs.rendering"} <= modules()


def test_candidates_that_the_makefile_names_are_there():
    named = re.findall(r'--candidate ("[^"]+"|\S+)', (ROOT / "Makefile").read_text())
    assert len(named) > 10
    assert {name.strip('"') for name in named} <= CANDIDATES.keys()
