"""docs/lammps_scaling.md says what benchmarks/results/lammps.json says."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_page_follows_from_the_measurements(tmp_path):
    if not (ROOT / "benchmarks" / "results" / "lammps.json").is_file():
        pytest.skip("no benchmarks/results/lammps.json: make bench-lammps")
    page = ROOT / "docs" / "lammps_scaling.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text())
    script = ROOT / "benchmarks" / "lammps_extrapolation.py"
    subprocess.run([sys.executable, script, "--page", copy], check=True)
    assert copy.read_text() == page.read_text()
