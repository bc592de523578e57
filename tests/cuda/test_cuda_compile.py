"""The CUDA kernels compile without a GPU, and the cache finds compiled kernels again."""

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from hipnn_ts import _core

pytestmark = pytest.mark.slow

LIBRARIES = str(Path(torch.__file__).parent / "lib")
KERNELS = (
    b"interaction_forward",
    b"sender_backward",
    b"onsite_forward_1",
    b"find_pairs",
    b"repulsion",
    b"sum_forces",
)
RANK_KERNELS = (b"near_pairs", b"sender_pairs", b"unpack_rows", b"sum_results", b"row_virials")
TRAINING_KERNELS = (b"moments_change", b"sum_rows", b"geometry_backward", b"invariants_backward")
# Bytes of local memory per thread: enough for copies of a few arguments. Sums over neighbours in
# local memory, rather than in registers, would take several times as much.
MOST_STACK = 80
# Kernels without sums over neighbours may spill registers into local memory.
PER_ATOM = "polynomial"


def compiled(architecture=90, **constants):
    defaults = {
        "double_precision": False,
        "n_components": 9,
        "n_sensitivities": 20,
        "n_features": 128,
        "lane_features": 4,
        "max_window": 7,
    }
    return _core.compile_kernels(
        architecture=architecture, torch_libraries=LIBRARIES, **{**defaults, **constants}
    )


def largest_stack(binary, folder):
    """Return the largest local memory of any kernel in bytes, from Triton's cuobjdump."""
    (triton,) = find_spec("triton").submodule_search_locations
    program = Path(triton) / "backends" / "nvidia" / "bin" / "cuobjdump"
    file = folder / "kernels.cubin"
    file.write_bytes(binary)
    command = [program, "--dump-resource-usage", file]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"Function (\w+):\s+REG:\d+ STACK:(\d+)", text)
    assert len(found) > 5
    return max(int(stack) for name, stack in found if PER_ATOM not in name)


def small(architecture=90):
    """Return the kernels that compile fastest."""
    return compiled(
        architecture,
        n_components=1,
        n_sensitivities=4,
        n_features=32,
        lane_features=1,
        max_window=1,
        program="rank.cu",
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Folder of an empty cache for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hipnn-ts"


@pytest.mark.parametrize("architecture", [80, 100])
def test_compiles_for(architecture, tmp_path):
    binary = compiled(architecture)
    assert binary.startswith(b"\x7fELF")
    assert all(name in binary for name in KERNELS)
    assert largest_stack(binary, tmp_path) <= MOST_STACK


@pytest.mark.parametrize(
    "constants",
    [
        {"double_precision": True, "n_components": 4, "n_features": 64, "lane_features": 2},
        {"n_components": 1, "n_features": 96, "lane_features": 1, "max_window": 20},
    ],
    ids=["l1-double", "l0"],
)
def test_compiles_with_other_constants(constants):
    assert compiled(**constants).startswith(b"\x7fELF")


TRAINING = ("training.cu", TRAINING_KERNELS)
# Numbers of components and precisions include the ones that need most registers.
PROGRAMS = [(*TRAINING, n, 1, double) for n, double in ((1, True), (4, False), (9, True))]
PROGRAMS += [(*TRAINING, 16, 1, double) for double in (False, True)]
PROGRAMS += [("rank.cu", RANK_KERNELS, 1, 4, double) for double in (False, True)]


@pytest.mark.parametrize(
    ("program", "kernels", "n_components", "n_sensitivities", "double_precision"), PROGRAMS
)
def test_other_programs_compile(
    program, kernels, n_components, n_sensitivities, double_precision, tmp_path
):
    binary = compiled(
        double_precision=double_precision,
        n_components=n_components,
        n_sensitivities=n_sensitivities,
        n_features=32,
        lane_features=1,
        max_window=1,
        program=program,
    )
    assert binary.startswith(b"\x7fELF")
    assert all(name in binary for name in kernels)
    assert largest_stack(binary, tmp_path) <= MOST_STACK


def test_a_gpu_newer_than_the_compiler_gets_ptx():
    assert b".visible .entry near_pairs" in small(990)


def test_a_gpu_too_old_is_refused():
    with pytest.raises(RuntimeError, match="compute capability 20 is older than this NVRTC"):
        small(20)


def test_compiled_kernels_are_kept(cache):
    binary = small()
    (file,) = cache.iterdir()
    kept = file.read_bytes()
    assert kept.startswith(binary)
    before = file.stat().st_mtime_ns
    assert small() == binary
    assert file.stat().st_mtime_ns == before
    small(80)
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_file_is_replaced(cache):
    small()
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    half = whole[: len(whole) // 2]
    file.write_bytes(half)
    # NVRTC's output differs between calls.
    binary = small()
    assert binary.startswith(b"\x7fELF")
    kept = file.read_bytes()
    assert kept != half
    assert kept[:-16] == binary == small()


@pytest.mark.parametrize("place", ["/proc/none", "relative"])
def test_no_cache_is_no_error(monkeypatch, place):
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    monkeypatch.setenv("HOME", "")
    assert small().startswith(b"\x7fELF")
    assert not Path(place).exists()
    if place == "relative":
        assert _core.cache_folder() == ""
    assert os.environ["HOME"] == ""
