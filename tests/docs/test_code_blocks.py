"""Every code block of README and docs runs unchanged."""

import shutil
from pathlib import Path

import pytest
from blocks import blocks_of
from prepared import prepare
from running import ROOT, run_block

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.md"))  # run by test_recipes.py


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    prepare(folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, prepared, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(prepared, tmp_path / "page"))
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.reason:
            continue
        try:
            run_block(block, folder, names)
        except Exception as error:
            raise AssertionError(f"{page.name}, line {block.line}: {error!r}") from error


def test_extractor_finds_every_fence():
    """The extractor misses no code block because of its form."""
    for page in PAGES + RECIPES:
        fences = sum(line.startswith("```") for line in page.read_text().splitlines())
        directives = page.read_text().count("```{") - page.read_text().count("```{code-block}")
        assert fences == 2 * (len(blocks_of(page)) + directives), page
