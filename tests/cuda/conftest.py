"""The CUDA kernels on the processor: compiled as C++ with a small emulation of CUDA's language."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from emulated_lammps import EmulatedLammps

from hipnn_ts import _core

HERE = Path(__file__).parent / "emulation"
SOURCES = Path(__file__).parents[2] / "csrc"
COMPILER = f"{os.environ.get('CXX', 'c++')} -std=c++17 -fPIC -shared -fno-gnu-unique -w"


@pytest.fixture
def emulated_program(tmp_path):
    """A function that compiles a program of kernels with constants NAME=VALUE: its path."""

    def compile_program(name, **constants):
        defines = " ".join(f"-D{key}={value}" for key, value in constants.items())
        program = tmp_path / "program"
        subprocess.run(
            f"{COMPILER.replace(' -shared', '')} -O1 {defines} -I{SOURCES}/core/cuda -I{SOURCES} "
            f"-include {HERE}/emulation.hpp -x c++ {HERE}/{name} -o {program}",
            shell=True,
            check=True,
        )
        return program

    return compile_program


@pytest.fixture(scope="session")
def emulation(tmp_path_factory):
    """Variables by which the emulation finds what compiles its kernels, and a folder for them."""
    folder = tmp_path_factory.mktemp("emulation")
    kernels = SOURCES / "core" / "cuda"
    script = folder / "compile"
    script.write_text(
        '#!/bin/sh\nout=$1; file=$2; shift 2\nfor each; do defines="$defines -D$each"; done\n'
        f"exec {COMPILER} -O1 $defines -I{kernels} -I{SOURCES} -include {HERE}/emulation.hpp "
        f"-x c++ {kernels}/kernels/$file -o $out\n"
    )
    script.chmod(0o755)
    return {
        "HIPNN_TS_EMULATION_COMPILE": str(script),
        "HIPNN_TS_EMULATION_FOLDER": str(folder),
    }


@pytest.fixture(scope="session")
def emulated_nvidia(tmp_path_factory):
    """Folder of NVIDIA's driver, NVRTC and cuBLAS for a GPU that is the processor."""
    folder = tmp_path_factory.mktemp("nvidia")
    command = f"{COMPILER} -O1 {HERE}/nvidia.cc -o {folder}/libcuda.so.1 -ldl"
    subprocess.run(command, shell=True, check=True)
    for name in ("libnvrtc.so.12", "libcublas.so.12"):
        (folder / name).symlink_to("libcuda.so.1")
    return folder


@pytest.fixture
def run(tmp_path, emulation, emulated_nvidia):
    """`lmp` with the emulated libraries; compiled kernels are kept for other tests."""
    kept = Path(emulation["HIPNN_TS_EMULATION_FOLDER"]) / "cache"
    return EmulatedLammps(tmp_path, emulated_nvidia, {**emulation, "XDG_CACHE_HOME": str(kept)})


@pytest.fixture(scope="session")
def emulated(emulation):
    """torch.ops.hipnn_ts_emulated: the device's operators, every kernel run by the processor."""
    os.environ.update(emulation)
    root = Path(torch.__file__).parent
    installed = Path(_core.__file__).parent / "lib"
    library = Path(emulation["HIPNN_TS_EMULATION_FOLDER"]) / "operators.so"
    subprocess.run(
        f"{COMPILER} -O0 -I{SOURCES} -I{HERE.parent} -isystem {root}/include "
        f"-isystem {root}/include/torch/csrc/api/include {HERE}/*.cpp -o {library} "
        f"-L{installed} -lhipnn_ts_torch -L{root}/lib -ltorch_cpu -lc10 -ldl "
        f"-Wl,-rpath,{installed} -Wl,-rpath,{root}/lib",
        shell=True,
        check=True,
    )
    torch.ops.load_library(library)
    return torch.ops.hipnn_ts_emulated
