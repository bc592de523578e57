"""The developers' guide names only files that exist."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = re.findall(r"`((?:csrc|python|tests|benchmarks|lammps_plugin|docs)/[\w/.]+)`", PAGE)


@pytest.mark.parametrize("file", [file for file in FILES if "ENGINE" not in file])
def test_file_exists(file):
    assert (ROOT / file).exists()


def test_no_kernel_tells_orders_apart():
    """Kernels loop over tensor orders, which only csrc/core/components.hpp defines."""
    branch = re.compile(r"\b(?:C|n_components) (?:>=|==) (?:4|9|16)\b")
    assert not [path for path in (ROOT / "csrc").rglob("*.*pp") if branch.search(path.read_text())]
    assert not [path for path in (ROOT / "csrc").rglob("*.cu*") if branch.search(path.read_text())]
