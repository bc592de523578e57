"""Every code block of README and docs, run as it stands."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from blocks import blocks_of
from prepared import prepare

from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.training.config import parse_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = Path(sysconfig.get_path("scripts"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    prepare(folder)
    return folder


def shell(command, folder):
    """Run; show what was said where it fails."""
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HIPNN_TS": str(ROOT),
        "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
    }
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, f"{command}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"


def run_block(block, folder, names):
    """``names`` is what the page's Python blocks share."""
    if block.caption:
        (folder / block.caption).write_text(block.body)
    elif block.language == "python":
        exec(compile(block.body, "block", "exec"), names)
    elif block.language in ("bash", "sh"):
        shell(["bash", "-e", "-o", "pipefail", "-c", block.body], folder)
    elif block.language == "lammps":
        (folder / "in.block").write_text(block.body)
        shell([PROGRAMS / "lmp", "-in", "in.block", "-log", "none"], folder)
    elif block.language == "yaml":
        content = yaml.safe_load(block.body)
        if "energy_unit" in content:
            parse_settings(content, "block")
        else:
            complete = {"data": {"train": ["x.xyz"]}, "training": {"epochs": 1}}
            for section, keys in content.items():
                complete[section] = {**complete.get(section, {}), **keys}
            parse_config(complete, "block")
    else:
        assert block.language in ("text", "cpp", "cmake"), f"language '{block.language}' is not run"


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
    """None is missed by its form."""
    for page in PAGES:
        fences = sum(line.startswith("```") for line in page.read_text().splitlines())
        directives = page.read_text().count("```{") - page.read_text().count("```{code-block}")
        assert fences == 2 * (len(blocks_of(page)) + directives), page
