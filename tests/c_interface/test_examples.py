"""The example programs, built as a user would build them, agree with ASE."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from comparing import largest

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.libraries import FOLDER

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def needs(program):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    return program


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """Folder with the library, its header and package files, moved from where it was installed."""
    root = tmp_path_factory.mktemp("moved") / "hipnn ts" / "hipnn_ts"
    root.mkdir(parents=True)
    for part in ("cmake", "pkgconfig"):
        shutil.copytree(FOLDER / part, root / "lib" / part)
    for file in FOLDER.glob("libhipnn_ts.so*"):
        shutil.copy(file, root / "lib")
    shutil.copytree(FOLDER.parent / "include", root / "include")
    return root


def run(command, folder, **options):
    done = subprocess.run(
        [str(each) for each in command], cwd=folder, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def by_pkg_config(compiler, source, root, folder):
    asked = [needs("pkg-config"), "--cflags", "--libs", "hipnn_ts"]
    flags = run(asked, folder, env={"PKG_CONFIG_PATH": f"{root}/lib/pkgconfig"})
    flags = [each.replace("\\ ", " ") for each in re.findall(r"(?:\\ |\S)+", flags)]
    run([*compiler, *WARNINGS, source, *flags, "-o", "water"], folder)
    return folder / "water"


def by_cmake(root, folder):
    source = shutil.copytree(EXAMPLES / "c", folder / "source")
    configure = [needs("cmake"), "-S", source, "-B", "build", f"-DCMAKE_PREFIX_PATH={root}"]
    run([*configure, f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}"], folder)
    run(["cmake", "--build", "build"], folder)
    return folder / "build" / "water"


def build(way, root, folder):
    if way == "cmake":
        return by_cmake(root, folder)
    if way == "fortran":
        compiler = [needs("gfortran"), "-std=f2008"]
        return by_pkg_config(compiler, EXAMPLES / "fortran" / "water.f90", root, folder)
    compiler = [needs("gcc"), "-std=c99", "-pedantic"]
    return by_pkg_config(compiler, EXAMPLES / "c" / "water.c", root, folder)


def by_ase(path):
    """Return the first forces, and potential and total energies of steps 0 to 10, from ASE."""
    positions = [[0, 0, 0.119262], [0, 0.763239, -0.477047], [0, -0.763239, -0.477047]]
    atoms = Atoms("OHH", positions, masses=[15.999, 1.008, 1.008])
    atoms.calc = HIPNNTSCalculator(path, beyond_training="ignore")
    forces, energies = atoms.get_forces(), []
    dynamics = VelocityVerlet(atoms, 0.5 * units.fs)
    dynamics.attach(
        lambda: energies.append((atoms.get_potential_energy(), atoms.get_total_energy()))
    )
    dynamics.run(10)
    return forces, np.array(energies)


def build_and_run(way, root, folder, *arguments):
    """Build and run the example; return its output."""
    return run([build(way, root, folder), *arguments], folder)


def on_arm(folder, *arguments):
    """Build the C example against the library of `make arm`; return its output under QEMU."""
    library = os.environ.get("HIPNN_TS_ARM_LIBRARY")
    if not library:
        pytest.skip("only in `make arm`")
    built, target = Path(library), "aarch64-linux-gnu"
    headers = Path(__file__).parents[2] / "csrc" / "include"
    source = [EXAMPLES / "c" / "water.c", "-I", headers, built, f"-Wl,-rpath,{built.parent}"]
    run([needs(f"{target}-gcc"), *WARNINGS, *source, "-o", "water"], folder)
    emulator = [needs("qemu-aarch64-static"), "-L", f"/usr/{target}"]
    return run([*emulator, folder / "water", *arguments], folder)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("way", ["c", "cmake", "fortran"])
def test_water(random_model, moved, way, dtype, tmp_path):
    path = random_model(dtype)
    check_water(build_and_run(way, moved, tmp_path, path), path, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(
    "network",
    [
        {},
        {"l_max": 0},
        {"n_features": (48, 40)},
        {"l_max": 3, "invariants": "polynomials"},
    ],
    ids=["norms", "l_max 0", "wide", "polynomials"],
)
def test_water_on_arm(random_model, network, dtype, tmp_path):
    path = random_model(dtype, **network)
    check_water(on_arm(tmp_path, path), path, dtype)


def check_water(output, path, dtype):
    """Check that printed forces and energies equal ASE's on this machine."""
    number = r" +(-?\d+\.\d+)"
    forces = re.findall(rf"^force \d{number * 3}$", output, re.MULTILINE)
    energies = re.findall(rf"^step \d+ potential{number} total{number}$", output, re.MULTILINE)
    expected = by_ase(path)
    tolerance = 1e-8 if dtype == torch.float64 else 1e-4
    np.testing.assert_allclose(np.array(forces, float), expected[0], rtol=0, atol=tolerance)
    # ASE's constants are of another CODATA year: only eight digits agree.
    np.testing.assert_allclose(
        np.array(energies, float), expected[1], rtol=0, atol=largest(tolerance, 1e-6)
    )
    assert np.ptp(expected[1][:, 0]) > 1e-3  # the atoms moved


@pytest.mark.parametrize("way", ["c", "fortran"])
def test_a_model_that_is_none_ends_in_a_sentence(moved, way, tmp_path):
    program = build(way, moved, tmp_path)
    done = subprocess.run([program, "none.pt"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "water: none.pt: expected a file that can be read, found none" in said
