"""`pair_style hipnn/ts device cuda` without torch, on an emulated GPU.

All code above NVIDIA's libraries is the code that runs on a GPU: it finds and calls the driver,
NVRTC and cuBLAS, allocates memory, copies between host and device, and launches kernels.
"""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from emulated_lammps import script_of
from lammps_run import assert_same, read_evaluation

from hipnn_ts.lammps import plugin

pytestmark = pytest.mark.slow

EMULATION = Path(__file__).parent / "emulation"
SOURCES = Path(__file__).parents[2] / "csrc"


@pytest.mark.parametrize("ranks", [1, 2])
def test_equals_the_processor(tmp_path, run, water, random_model, ranks):
    model = random_model()
    done = run(script_of(tmp_path, water(2), model), ranks)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "device cuda" in done.stdout
    assert_same(read_evaluation(tmp_path, "gpu"), read_evaluation(tmp_path, "cpu"), 1e-12)
    maps = (tmp_path / "maps").read_text()
    assert "libnvrtc.so" in maps or "libcuda.so" in maps
    assert not re.search(r"libtorch|libc10", maps)


@pytest.mark.parametrize("ranks", [1, 2])
def test_committees(tmp_path, run, water, random_committee, ranks):
    """The mean and the members' deviations equal the CPU's."""
    script = script_of(tmp_path, water(2), random_committee())
    for name in ("cpu", "gpu"):
        keywords = f"committee every 1 file {name}.out\n"
        style = "pair_style hipnn/ts" + (" device cuda" if name == "gpu" else "")
        script = script.replace(f"{style}\n", f"{style} {keywords}")
    done = run(script, ranks)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert_same(read_evaluation(tmp_path, "gpu"), read_evaluation(tmp_path, "cpu"), 1e-12)
    tables = [np.loadtxt(tmp_path / f"{name}.out") for name in ("cpu", "gpu")]
    assert tables[0][4] > 1e-3
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-9)


def test_members_are_compared_in_some_steps(tmp_path, run, water, random_committee):
    """With Kokkos, positions are then taken from the host, at a rebuild (step 6) and elsewhere."""
    dynamics = "velocity all create 600 1\nneigh_modify every 2 delay 0 check no\n"
    dynamics += "timestep 0.0005\nfix 1 all nve\nrun 10\nunfix 1\n"
    script = script_of(tmp_path, water(2), random_committee(), dynamics)
    for style in ("pair_style hipnn/ts", "pair_style hipnn/ts device cuda"):
        script = script.replace(f"{style}\n", f"{style} committee every 3\n")
    run.equal(script)


def test_polynomials_of_wide_layers(tmp_path, run, water, random_model):
    """cuBLAS computes the matrix products of wide layers, in single precision."""
    model = random_model(
        torch.float32, l_max=3, invariants="polynomials", normalisation="group", n_features=(40, 24)
    )
    run.equal(script_of(tmp_path, water(2), model), tolerance=1e-4)


def test_ten_steps(tmp_path, run, water, random_model):
    """Results stay equal while memory is freed and reused and the neighbour list changes."""
    dynamics = "velocity all create 600 1\nneigh_modify every 2 check no\ntimestep 0.0005\n"
    dynamics += "fix 1 all nve\nrun 10\nunfix 1\n"
    run.equal(script_of(tmp_path, water(2), random_model(), dynamics))


STYLE = "region b block 0 1 0 1 0 1\ncreate_box 1 b\npair_style hipnn/ts device cuda\n"


def test_no_driver(tmp_path, run):
    done = run(STYLE, driver=tmp_path)
    assert done.returncode != 0
    assert "device cuda: expected an NVIDIA GPU, found none; use cpu or auto" in done.stdout


@pytest.mark.parametrize("name", ["nvrtc", "cublas"])
def test_a_library_is_missing(tmp_path, run, emulated_nvidia, name):
    """The driver supports CUDA 12.8, so libraries of CUDA 13 are not used."""
    driver, libraries = tmp_path / "driver", tmp_path / "libraries"
    driver.mkdir(), libraries.mkdir()
    (driver / "libcuda.so.1").symlink_to(emulated_nvidia / "libcuda.so.1")
    for each in ("nvrtc", "cublas"):
        version = 13 if each == name else 12
        (libraries / f"lib{each}.so.{version}").symlink_to(emulated_nvidia / "libcuda.so.1")
    alone = tmp_path / "site" / "hipnn_ts" / "lib"
    alone.mkdir(parents=True)
    (alone / "hipnnplugin.so").write_bytes((Path(plugin.folder()) / "hipnnplugin.so").read_bytes())
    done = run(STYLE, 1, libraries, driver, alone)
    assert done.returncode != 0
    found = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    assert len(found) == 1, done.stdout + done.stderr
    assert f"device cuda: CUDA: expected lib{name}.so.12, found none; pip install " in found[0]
    assert "or let HIPNN_TS_CUDA_LIBRARIES name its folder" in found[0]


def test_products_of_matrices(tmp_path, emulated_nvidia):
    """Products of row-major matrices are right with cuBLAS, which is column-major."""
    program = tmp_path / "products"
    sources = [EMULATION / "cublas.cc"]
    sources += [
        SOURCES / "core" / "cuda" / f"{name}.cpp" for name in ("cublas", "driver", "library")
    ]
    command = ["g++", "-std=c++17", f"-I{SOURCES}", *sources, "-ldl", "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [program],
        env={"LD_LIBRARY_PATH": str(emulated_nvidia)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "0 of 8 products differ\n", done.stderr
    assert done.returncode == 0
