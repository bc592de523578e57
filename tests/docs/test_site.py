"""The site builds without warnings, and README's figures equal the benchmark results."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_site_builds_without_warnings(tmp_path):
    programs = sysconfig.get_path("scripts")
    run = subprocess.run(
        [Path(programs) / "sphinx-build", "--fail-on-warning", "--quiet", "docs", tmp_path],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    home = (tmp_path / "index.html").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        generated = name.startswith("generated/")
        assert f'href="{name}"' in home or name == "index.html" or generated, (
            f"{page} is in no menu"
        )


def test_readme_follows_from_the_results():
    command = [sys.executable, "-m", "docs.rendering", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_changed_figure_is_noticed(tmp_path):
    """A changed figure makes README stale; rows without results are left out and named."""
    code = (
        "import copy\n"
        "from docs.rendering.readme import headlines, stale\n"
        "from docs.rendering.results import load\n"
        "results = load()\n"
        "changed = copy.deepcopy(results)\n"
        "changed['cpu']['networks'] = {'x': {**next(iter(results['cpu']['networks'].values())), "
        "'us_per_atom': 1.25, 'times_hippynn': 7.0}}\n"
        "assert stale(changed), 'a changed figure'\n"
        "assert '1.2 µs/atom' in headlines(changed)\n"
        "del changed['demo']\n"
        "assert '`make bench-demo`' in headlines(changed).split('Left out')[1]\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_every_results_file_says_where_it_is_from():
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        content = json.loads(path.read_text())
        assert {"date", "commit", "machine", "versions", "checks"} <= set(content), path
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", content["date"])
