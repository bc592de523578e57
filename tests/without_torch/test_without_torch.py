"""Programs that run exported files need no torch, and do not import it if it is installed."""

import json
import os

import numpy as np
import pytest
from ase.build import molecule

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.export.metadata import FORMAT_VERSION
from hipnn_ts.selftest import model

pytestmark = pytest.mark.slow

ASE = """
from ase.build import molecule
from hipnn_ts.ase import HIPNNTSCalculator
atoms = molecule("H2O", cell=[6, 6, 6], pbc=True)
atoms.calc = HIPNNTSCalculator(sys.argv[1])
atoms.get_stress()
forces = atoms.get_forces()
"""

OPENMM = """
import openmm
from ase.build import molecule
from hipnn_ts.openmm import create_force
atoms = molecule("H2O")
system = openmm.System()
for mass in atoms.get_masses():
    system.addParticle(mass)
system.setDefaultPeriodicBoxVectors([0.6, 0, 0], [0, 0.6, 0], [0, 0, 0.6])
system.addForce(create_force(sys.argv[1], atoms.numbers, None, True, "python"))
system = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
CONTEXT
"""

OPENMM_ML = """
import openmm
from ase.build import molecule
from openmm import app
from openmmml import MLPotential
atoms = molecule("H2O")
topology = app.Topology()
residue = topology.addResidue("HOH", topology.addChain())
for symbol in atoms.symbols:
    topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
topology.setPeriodicBoxVectors([[0.6, 0, 0], [0, 0.6, 0], [0, 0, 0.6]])
potential = MLPotential("hipnn-ts", model_path=sys.argv[1])
system = potential.createSystem(topology, implementation="python")
CONTEXT
"""

CONTEXT = """
platform = openmm.Platform.getPlatformByName("Reference")
context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
context.setPositions(atoms.positions * 0.1)
found = context.getState(forces=True).getForces(asNumpy=True)._value
forces = found * 0.1 / 96.48533212331002
"""

INFO = """
from click.testing import CliRunner
from hipnn_ts.cli import main
result = CliRunner().invoke(main, ["info", "--json", sys.argv[1]])
assert result.exit_code == 0, result.output
"""

SELFTEST = """
from itertools import islice
from pathlib import Path
from hipnn_ts.selftest import selftest
rows = list(islice(selftest(Path(sys.argv[1])), 2))
assert rows[1].name == "Python, plain" and rows[1].ok, rows
"""

HELP = """
from click.testing import CliRunner
from hipnn_ts.cli import COMMANDS, main
for command in COMMANDS:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0, result.output
"""

PROGRAMS = {
    "ASE": ASE,
    "OpenMM": OPENMM.replace("CONTEXT", CONTEXT),
    "OpenMM-ML": OPENMM_ML.replace("CONTEXT", CONTEXT),
    "info": INFO,
    "selftest": SELFTEST,
    "help": HELP,
}

BEGIN = "import sys\n"
END = """
assert "torch" not in sys.modules, sorted(sys.modules)
if "forces" in globals():
    print(forces.tolist())
"""


@pytest.mark.parametrize("environment", ["with_torch", "without_torch"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_torch_is_not_imported(request, random_model, environment, program):
    path = random_model()
    run = request.getfixturevalue(environment).run
    done = run(BEGIN + PROGRAMS[program] + END, path)
    assert done.returncode == 0, done.stdout + done.stderr
    if "forces" in PROGRAMS[program]:
        atoms = molecule("H2O", cell=[6, 6, 6], pbc=True)
        atoms.calc = HIPNNTSCalculator(path)
        found = json.loads(done.stdout.splitlines()[-1])
        np.testing.assert_allclose(found, atoms.get_forces(), rtol=0, atol=1e-10)


CLI = "import sys; from hipnn_ts.cli import main; main(prog_name='hipnn-ts')"


def test_doctor(without_torch):
    done = without_torch.run(CLI, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line[8:29].strip(): line[:8].strip() for line in done.stdout.splitlines()}
    works = ["hipnn-ts", "kernels", "ASE", "OpenMM", "PythonForce"]
    assert {name: rows[name] for name in works} == dict.fromkeys(works, "ok")
    assert {rows[name] for name in ("torch", "LAMMPS", "TorchForce")} == {"-"}
    assert "-> pip install 'hipnn-ts[train]'" in done.stdout
    assert "-> pip install 'hipnn-ts[openmm-torch]'" in done.stdout


def test_selftest_with_the_model_of_the_package(without_torch):
    done = without_torch.run(CLI, "selftest", "--dtype", "float32")
    assert done.returncode == 0, done.stdout + done.stderr
    marks = {line[8:31].strip(): line[:8].strip() for line in done.stdout.splitlines()[1:]}
    assert marks["plain torch, float64"] == "-"
    assert marks["Python, plain"] == marks["OpenMM, CPU"] == "ok"
    compared = next(line for line in done.stdout.splitlines() if "OpenMM, CPU" in line)
    assert compared.count("e-") == 5  # compared with the first available path, too


def test_selftest_of_a_model(without_torch, random_model):
    done = without_torch.run(CLI, "selftest", random_model())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == (
        "displacements for force constants: only torch can tell (pip install 'hipnn-ts[train]')"
    )


NEEDED = {
    "train": (["train", "{yaml}", "-o", "run"], "hipnn-ts train"),
    "evaluate": (["evaluate", "model.ckpt", "data.xyz"], "hipnn-ts evaluate"),
    "export": (["export", "model.ckpt", "-o", "model.pt"], "hipnn-ts export"),
    "import": (["import-hippynn", "weights.pt", "-o", "model.ckpt"], "hipnn-ts import-hippynn"),
    "selftest": (["selftest", "--portable"], "hipnn-ts selftest"),
    "portable": (["info", "{portable}"], "{portable}: loading a portable file"),
}


@pytest.mark.parametrize("what", NEEDED)
def test_a_command_that_needs_torch_says_so(without_torch, random_model, tmp_path, what):
    files = {
        "yaml": tmp_path / "train.yaml",
        "portable": random_model(portable=True),
    }
    files["yaml"].write_text("data: {train: [data.xyz]}\ntraining: {epochs: 1}\n")
    words, purpose = NEEDED[what]
    words = [word.format(**files) for word in words]
    done = without_torch.run(CLI, *words, folder=tmp_path)
    assert done.returncode == 1
    purpose = purpose.format(**files)
    assert done.stderr == (
        f"hipnn-ts: error: {purpose} needs the package torch, found none; "
        "pip install 'hipnn-ts[train]'\n"
    )
    assert os.listdir(tmp_path) == ["train.yaml"]


CALLS = {
    "HIPNNTSCalculator(model, device='cuda')": "device 'cuda' needs the package torch, found none",
    "HIPNNTSCalculator(portable)": "portable.pt: loading a portable file needs the package torch",
    "create_force(model, [8], None, False, 'torch')": (
        "implementation 'torch': openmmtorch cannot be used (No module named 'openmmtorch'); "
        "pip install 'hipnn-ts[openmm-torch]', or use implementation='python'"
    ),
    "create_force(portable, [8], periodic=False)": "portable.pt: loading a portable file needs",
    "MLPotential('hipnn-ts', model_path=portable)": "portable.pt: loading a portable file needs",
    "hipnn_ts.export.export_potential": "hipnn_ts.export.export_potential needs the package torch",
}

CALL = """
import sys
from hipnn_ts.ase import HIPNNTSCalculator
import hipnn_ts.export
from hipnn_ts.openmm import create_force
from openmmml import MLPotential
model, portable = sys.argv[2:]
try:
    eval(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_needs_torch_says_so(without_torch, random_model, tmp_path, call):
    portable = tmp_path / "portable.pt"
    portable.symlink_to(random_model(portable=True))
    done = without_torch.run(CALL, call, random_model(), portable)
    assert done.returncode == 0, done.stderr
    assert CALLS[call] in done.stdout
    assert done.stdout.count("\n") == 1


def test_the_calculator_is_imported_quickly(with_torch):
    """Import times vary on shared machines, so slow packages must not be imported at all."""
    code = "import hipnn_ts.ase, sys; print(*sys.modules)"
    done = with_torch.run(code)
    assert done.returncode == 0, done.stderr
    slow = {"scipy", "torch", "matplotlib", "yaml", "pydantic", "openmm"}
    assert slow & set(done.stdout.split()) == set()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_model_of_the_package_is_of_the_current_format(dtype):
    """If this fails, run tools/make_selftest_models.py."""
    metadata = checked_metadata(model.random_model(dtype))
    assert metadata.format_version == FORMAT_VERSION
    assert (metadata.dtype, metadata.network) == (dtype, model.NETWORK)
