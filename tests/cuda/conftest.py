"""Fixtures that run the CUDA kernels on the CPU: compiled as C++ with CUDA's language emulated."""

import contextlib
import fcntl
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
    """Function that compiles a program of kernels with constants NAME=VALUE; returns its path."""

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
def common(tmp_path_factory):
    """Folder for compiled libraries, shared by all processes of a test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "emulation").mkdir(exist_ok=True)
    return folder / "emulation"


def made_once(path, command):
    """Run a command that makes ``path``, unless it exists; other processes wait meanwhile."""
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = path.with_name(f"{path.name}.part")
            subprocess.run(command.replace("PATH", str(part)), shell=True, check=True)
            part.rename(path)


@pytest.fixture(scope="session")
def emulation(common, tmp_path_factory):
    """Environment variables that name the emulation's compiler script and its folder."""
    folder = tmp_path_factory.mktemp("emulation")
    kernels = SOURCES / "core" / "cuda"
    script = folder / "compile"
    # Kernels compiled with the same constants are copied, since one file is loaded only once.
    script.write_text(
        '#!/bin/sh\nout=$1; file=$2; shift 2\nfor each; do defines="$defines -D$each"; done\n'
        f'kept={common}/$(echo "$file$defines" | md5sum | cut -c 1-32)\n'
        f"make() {{ {COMPILER} -O1 $defines -I{kernels} -I{SOURCES} -include {HERE}/emulation.hpp "
        f"-x c++ {kernels}/kernels/$file -o $kept.part && mv $kept.part $kept; }}\n"
        '(flock 9; [ -f "$kept" ] || make) 9> "$kept.lock" && exec cp "$kept" "$out"\n'
    )
    script.chmod(0o755)
    return {
        "HIPNN_TS_EMULATION_COMPILE": str(script),
        "HIPNN_TS_EMULATION_FOLDER": str(folder),
    }


@pytest.fixture(scope="session")
def emulated_nvidia(common):
    """Folder with the emulated NVIDIA driver, NVRTC and cuBLAS, which run on the CPU."""
    (common / "nvidia").mkdir(exist_ok=True)
    library = common / "nvidia" / "libcuda.so.1"
    made_once(library, f"{COMPILER} -O1 {HERE}/nvidia.cc -o PATH -ldl")
    for name in ("libnvrtc.so.12", "libcublas.so.12"):
        with contextlib.suppress(FileExistsError):
            (common / "nvidia" / name).symlink_to("libcuda.so.1")
    return common / "nvidia"


@pytest.fixture
def run(tmp_path, emulation, emulated_nvidia):
    """Function that runs `lmp` with the emulated libraries; tests share compiled kernels."""
    kept = Path(emulation["HIPNN_TS_EMULATION_FOLDER"]) / "cache"
    return EmulatedLammps(tmp_path, emulated_nvidia, {**emulation, "XDG_CACHE_HOME": str(kept)})


@pytest.fixture(scope="session")
def emulated(common, emulation):
    """torch.ops.hipnn_ts_emulated: the CUDA operators, whose kernels run on the CPU."""
    os.environ.update(emulation)
    root = Path(torch.__file__).parent
    installed = Path(_core.__file__).parent / "lib"
    library = common / "operators.so"
    made_once(
        library,
        f"{COMPILER} -O0 -I{SOURCES} -I{HERE.parent} -isystem {root}/include "
        f"-isystem {root}/include/torch/csrc/api/include {HERE}/*.cpp -o PATH "
        f"-L{installed} -lhipnn_ts_torch -L{root}/lib -ltorch_cpu -lc10 -ldl "
        f"-Wl,-rpath,{installed} -Wl,-rpath,{root}/lib",
    )
    torch.ops.load_library(library)
    return torch.ops.hipnn_ts_emulated
