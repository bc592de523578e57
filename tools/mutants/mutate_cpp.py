"""Mutation testing of the networks' C++ code: which changes do tests miss?

Each of MUTANTS changes one expression. All are compiled into one build in build/mutants, where the
environment variable HIPNN_TS_MUTANT selects one; TESTS run on each. A mutant that no test notices
is printed as survived. `make mutants` runs this.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
TESTS = [
    *(f"operators/test_{name}.py" for name in ("geometry", "sensitivities", "invariants")),
    "operators/test_inference.py",
    "export/test_extrapolation.py",
]
# File in csrc/core, an expression that it has once, and the expression that replaces it.
MUTANTS = [
    ("radial_terms.hpp", "z * z / -2", "z * z / -3"),
    ("radial_terms.hpp", "-rate * sine * cosine", "rate * sine * cosine"),
    ("radial_terms.hpp", "cosine * cosine - sine * sine", "cosine * cosine + sine * sine"),
    ("radial_terms.hpp", "c * x * x * rate", "c * x * rate"),
    ("radial_terms.hpp", "-slope * t.gap", "slope * t.gap"),
    ("radial_terms.hpp", "2 * k.sigma * t.z", "k.sigma * t.z"),
    ("components.hpp", "T(1) / 3", "T(1) / 2"),
    ("components.hpp", "first * second * third - trace / 5", "first * second * third - trace / 4"),
    ("norm_terms.hpp", "yz * yz + xx * yy", "yz * yz - xx * yy"),
    ("norm_terms.hpp", "6 * (xyz * xyz)", "3 * (xyz * xyz)"),
    ("norm_terms.hpp", "2 * yy + xx", "2 * yy"),
    ("norm_terms.hpp", "xyy + xzz", "xyy - xzz"),
    ("norm_terms.hpp", "k_t - t * along * inverse * inverse", "k_t - t * along * inverse"),
    ("geometry_terms.hpp", "k[d] - rate * s.u[d]", "k[d] + rate * s.u[d]"),
    ("cpu/geometry.hpp", "d < x.cutoff", "d < x.cutoff + 1"),
    ("cpu/sensitivities.hpp", "active ? v + 1 : high[k]", "active ? v : high[k]"),
    ("repulsion_terms.hpp", "3 * x.cubic", "2 * x.cubic"),
    ("closest_approach.hpp", "lowest * limit * limit", "lowest * limit"),
]
SWITCH = """#pragma once
#ifdef __cplusplus
#include <cstdlib>
inline const int hipnn_ts_mutant =
    std::getenv("HIPNN_TS_MUTANT") ? std::atoi(std::getenv("HIPNN_TS_MUTANT")) : 0;
#endif
"""


def write_if_changed(path, text):
    """Write a file, unless it has that text already, so that it is not compiled again."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def sources():
    """Write the project with all mutants to BUILD/source."""
    changed = {}
    for number, (file, before, after) in enumerate(MUTANTS, 1):
        path = ROOT / "csrc" / "core" / file
        text = changed.get(path, path.read_text())
        if path.read_text().count(before) != 1:
            sys.exit(f"{path}: expected '{before}' once, found {path.read_text().count(before)}")
        switched = f"(hipnn_ts_mutant == {number} ? ({after}) : ({before}))"
        changed[path] = text.replace(before, switched)
    for folder in ("csrc", "cmake", "build_backend"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and path not in changed:
                changed[path] = path.read_text()
    for name in ("CMakeLists.txt", "pyproject.toml"):
        changed[ROOT / name] = (ROOT / name).read_text()
    for path, text in changed.items():
        write_if_changed(BUILD / "source" / path.relative_to(ROOT), text)
    write_if_changed(BUILD / "mutant.hpp", SWITCH)


def build():
    """Build the package with its torch operators; return the folder of its installation."""
    configure = ["cmake", "-S", BUILD / "source", "-B", BUILD / "objects", "-DHIPNN_TS_LAMMPS=OFF"]
    configure += ["-DCMAKE_BUILD_TYPE=None", f"-DPython_EXECUTABLE={sys.executable}"]
    configure += [f"-DCMAKE_CXX_FLAGS=-O1 -w -include {BUILD}/mutant.hpp"]
    if shutil.which("ccache"):
        configure += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    install = BUILD / "install"
    for command in (
        [*configure, "-DHIPNN_TS_WARNINGS_AS_ERRORS=OFF"],
        ["cmake", "--build", BUILD / "objects", "--parallel", "2"],
        ["cmake", "--install", BUILD / "objects", "--prefix", install],
    ):
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "python" / "hipnn_ts", install / "hipnn_ts", dirs_exist_ok=True)
    return install


def tests_pass(install, number):
    environment = {**os.environ, "PYTHONPATH": str(install), "HIPNN_TS_MUTANT": str(number)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [str(ROOT / "tests" / test) for test in TESTS]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def main():
    sources()
    install = build()
    if not tests_pass(install, 0):
        sys.exit("the tests fail without any mutant")
    survived = 0
    for number, (file, before, after) in enumerate(MUTANTS, 1):
        passed = tests_pass(install, number)
        survived += passed
        print(f"{'SURVIVED' if passed else 'killed'} {file}: {before} -> {after}", flush=True)
    print(f"{len(MUTANTS) - survived} of {len(MUTANTS)} mutants killed")


if __name__ == "__main__":
    main()
