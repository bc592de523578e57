"""Run one code block of a page."""

import os
import subprocess
import sysconfig
from pathlib import Path

import yaml

from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.training.config import parse_config

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sysconfig.get_path("scripts"))


def shell(command, folder, time_limit):
    """Run a command; show its output if it fails."""
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HIPNN_TS": str(ROOT),
    }
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=time_limit
    )
    assert run.returncode == 0, f"{command}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"


def run_block(block, folder, names, time_limit=120):
    """Run a block according to its language; the page's Python blocks share ``names``."""
    if block.caption:
        (folder / block.caption).write_text(block.body)
    elif block.language == "python":
        exec(compile(block.body, "block", "exec"), names)
    elif block.language in ("bash", "sh"):
        shell(["bash", "-e", "-o", "pipefail", "-c", block.body], folder, time_limit)
    elif block.language == "lammps":
        (folder / "in.block").write_text(block.body)
        shell([PROGRAMS / "lmp", "-in", "in.block", "-log", "none"], folder, time_limit)
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
