"""The guide for developers names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = re.findall(r"`((?:csrc|python|tests|benchmarks|lammps_plugin|docs)/[\w/.]+)`", PAGE)


@pytest.mark.parametrize("file", [file for file in FILES if "ENGINE" not in file])
def test_file_exists(file):
    assert (ROOT / file).exists()


def test_every_file_that_tells_orders_apart_is_named():
    """In the kernels a new order is a new branch on the number of components."""
    branches = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "csrc").rglob("*.*")
        if re.search(r"\(C >= [49]\)|\bn_components (?:>=|==) [49]", path.read_text())
    ]
    assert len(branches) > 10
    assert set(branches) <= set(FILES)
