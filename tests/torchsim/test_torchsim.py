"""Exported potentials in TorchSim: its checks of models, static runs, dynamics, relaxation."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

pytest.importorskip("torch_sim", reason="no TorchSim: pip install 'hipnn-ts[torchsim]'")

import torch_sim as ts
from torch_sim.models.interface import validate_model_outputs

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.torchsim import HIPNNTSModel

pytestmark = pytest.mark.slow

FULL = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]  # of a stress in Voigt order
CPU = torch.device("cpu")


@pytest.fixture
def systems(water):
    """Systems of different sizes and cells, all periodic, as TorchSim requires of one state."""
    skewed = water(2)
    skewed.set_cell(skewed.cell.array + np.array([[0, 0, 0], [0.4, 0, 0], [0.2, -0.3, 0]]), True)
    small = water(1)
    return [water(2), skewed, small, water(2)[:7]]


def state_of(systems, dtype=torch.float64):
    return ts.io.atoms_to_state(systems, CPU, dtype)


def check(results, systems, model, tolerance=1e-10):
    """Check that the results of each system equal the ASE calculator's."""
    calculator = HIPNNTSCalculator(model)
    first = 0
    for k, atoms in enumerate(systems):
        atoms.calc = calculator
        own = slice(first, first + len(atoms))
        first += len(atoms)
        close = {"rtol": 0, "atol": tolerance}
        np.testing.assert_allclose(results["energy"][k], atoms.get_potential_energy(), **close)
        np.testing.assert_allclose(
            results["energies"][own], atoms.get_potential_energies(), **close
        )
        np.testing.assert_allclose(results["forces"][own], atoms.get_forces(), **close)
        stress = atoms.get_stress()[FULL] if atoms.pbc.any() else np.zeros((3, 3))
        np.testing.assert_allclose(results["stress"][k], stress, **close)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torchsims_own_checks(dtype, random_model):
    """TorchSim's own checks of models, which use silicon and iron, pass."""
    model = HIPNNTSModel(random_model(dtype, elements=("Si", "Fe")))
    validate_model_outputs(model, CPU, dtype)


@pytest.mark.quick
def test_equals_ase(random_model, systems):
    check(HIPNNTSModel(random_model())(state_of(systems)), systems, random_model())


def test_one_system_equals_ase(random_model, systems):
    model = HIPNNTSModel(random_model())
    for atoms in systems:
        check(model(state_of([atoms])), [atoms], random_model())


def test_molecules(random_model):
    molecules = [molecule("H2O"), molecule("H2O2"), molecule("H2")]
    check(HIPNNTSModel(random_model())(state_of(molecules)), molecules, random_model())


def test_cells_and_numbers_of_atoms_that_change(random_model, systems):
    model = HIPNNTSModel(random_model())
    check(model(state_of(systems)), systems, random_model())
    for atoms in systems:
        atoms.set_cell(atoms.cell.array * 1.01, True)
    check(model(state_of(systems[1:])), systems[1:], random_model())
    check(model(state_of(systems[:1])), systems[:1], random_model())


def test_a_state_as_a_dict(random_model, systems):
    state = state_of(systems)
    names = ("positions", "cell", "pbc", "atomic_numbers", "system_idx")
    found = HIPNNTSModel(random_model())({name: getattr(state, name) for name in names})
    check(found, systems, random_model())


def test_precisions(random_model, systems):
    """States may be in single precision, or in double with a single-precision network."""
    single = random_model(torch.float32)
    model = HIPNNTSModel(single)
    assert model.dtype == torch.float32
    found = model(state_of(systems, torch.float32))
    assert {each.dtype for each in found.values()} == {torch.float32}
    exact = HIPNNTSModel(random_model())(state_of(systems))
    for name, each in found.items():
        np.testing.assert_allclose(each, exact[name], rtol=1e-4, atol=1e-4)
    check(HIPNNTSModel(single, dtype=torch.float64)(state_of(systems)), systems, single)


def test_what_is_not_wanted_is_left_out(random_model, systems):
    model = HIPNNTSModel(random_model(), compute_stress=False, compute_forces=False)
    assert set(model(state_of(systems))) == {"energy", "energies"}


def test_static(random_model, systems):
    found = ts.static(systems, HIPNNTSModel(random_model()))
    for atoms, row in zip(systems, found, strict=True):
        atoms.calc = HIPNNTSCalculator(random_model())
        np.testing.assert_allclose(
            row["potential_energy"], atoms.get_potential_energy(), rtol=1e-12
        )
        np.testing.assert_allclose(row["stress"][0], atoms.get_stress()[FULL], rtol=0, atol=1e-10)


def test_dynamics_conserves_energy(random_model, water):
    """NVE dynamics of two boxes at once conserves their energies."""
    state = state_of([water(2), water(1)])
    model = HIPNNTSModel(random_model())
    start, step = ts.nve(
        model,
        kT=torch.tensor(0.025, dtype=torch.float64),
        dt=torch.tensor(0.002, dtype=torch.float64),
    )
    moving = start(state, seed=1)
    totals = []
    for _ in range(40):
        moving = step(moving)
        kinetic = ts.calc_kinetic_energy(
            masses=moving.masses, momenta=moving.momenta, system_idx=moving.system_idx
        )
        totals.append(moving.energy + kinetic)
    totals, moved = torch.stack(totals), (moving.positions - state.positions).abs().max()
    assert moved > 0.01
    assert np.ptp(totals.numpy(), axis=0).max() < 1e-4
    check({**model(moving)}, moving.to_atoms(), random_model())


def test_integrate(random_model, systems):
    final = ts.integrate(
        systems,
        HIPNNTSModel(random_model()),
        integrator=ts.nvt_langevin,
        n_steps=5,
        temperature=300,
        timestep=0.0005,
    )
    assert torch.isfinite(final.positions).all()
    assert final.n_systems == len(systems)


def test_relaxation(random_model, water):
    """Systems relax together to the same energies as alone."""
    start = [water(1), water(1)]
    start[1].rattle(0.05, seed=3)
    model = HIPNNTSModel(random_model())
    before = model(state_of(start))["energy"]
    converged = ts.generate_force_convergence_fn(0.01, include_cell_forces=False)
    together = ts.optimize(start, model, optimizer=ts.optimizers.fire, convergence_fn=converged)
    assert (together.energy < before - 0.01).all()
    check(model(together), together.to_atoms(), random_model())
    for k, atoms in enumerate(start):
        alone = ts.optimize(atoms, model, optimizer=ts.optimizers.fire, convergence_fn=converged)
        np.testing.assert_allclose(alone.energy[0], together.energy[k], rtol=0, atol=1e-4)


def test_relaxation_of_cells(random_model, water):
    """Relaxing cells lowers the energy, so the stress has the right sign; there is no minimum."""
    start = [water(2), water(2)]
    start[1].set_cell(start[1].cell.array * 1.1, True)
    model = HIPNNTSModel(random_model())
    before = model(state_of(start))["energy"]
    final = ts.optimize(
        start,
        model,
        optimizer=ts.frechet_cell_fire,
        max_steps=5,
        convergence_fn=lambda state, _: torch.zeros(state.n_systems, dtype=torch.bool),
    )
    assert (final.cell - state_of(start).cell).abs().amax(dim=(1, 2)).min() > 1e-4
    assert (final.energy < before).all()


def test_stress_is_the_derivative_with_respect_to_strain(random_model, water):
    """The sign is also that of TorchSim's Lennard-Jones model, whose value is doubled in 0.3.0."""
    from torch_sim.models.lennard_jones import LennardJonesModel

    argon = bulk("Ar", "fcc", 4.5, cubic=True) * (2, 2, 2)
    argon.rattle(0.05, seed=1)
    lennard_jones = LennardJonesModel(
        sigma=3.4, epsilon=0.01, cutoff=4.4, dtype=torch.float64, device=CPU, compute_stress=True
    )

    def both(model, atoms):
        energies = []
        for strain in (1e-5, -1e-5):
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ np.diag([1.0, 1.0 + strain, 1.0]), True)
            energies.append(float(model(state_of([strained]))["energy"][0]))
        found = float(model(state_of([atoms]))["stress"][0, 1, 1])
        return found, (energies[0] - energies[1]) / (2e-5 * atoms.get_volume())

    ours, expected = both(HIPNNTSModel(random_model()), water(2))
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    theirs, expected = both(lennard_jones, argon)
    assert np.sign(theirs) == np.sign(expected)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda s: s.symbols.__setitem__(1, "Na"),
            "system 1: atom 1: expected one of the elements H O of .*, found Na",
        ),
        (
            lambda s: s.positions.__setitem__(2, s.positions[0]),
            "system 1: atoms .*: expected distinct positions",
        ),
        (
            lambda s: s.positions.__setitem__(2, np.nan),
            "system 1: atom 2: expected finite coordinates",
        ),
    ],
)
def test_mistakes_name_the_system(spoil, sentence, random_model, water):
    systems = [water(1), water(1)]
    spoil(systems[1])
    with pytest.raises(InputError, match=sentence):
        HIPNNTSModel(random_model())(state_of(systems))


def test_a_wrong_element_of_one_system(random_model):
    with pytest.raises(InputError, match="system 0: atom 0: expected one of the elements H O"):
        HIPNNTSModel(random_model())(state_of([bulk("Si")]))


def test_other_devices_and_files(random_model, tmp_path):
    with pytest.raises(InputError, match="TorchSim's model runs only on the CPU"):
        HIPNNTSModel(random_model(), "cuda")
    with pytest.raises(InputError, match="expected a fused file for TorchSim, found a portable"):
        HIPNNTSModel(random_model(portable=True))
    with pytest.raises(InputError, match="no such file"):
        HIPNNTSModel(tmp_path / "none.pt")


def test_closer_than_in_training(random_potential, tmp_path):
    from hipnn_ts.export import export_potential
    from hipnn_ts.export.extrapolation import ExtrapolationError, ExtrapolationWarning

    path = tmp_path / "model.pt"
    seen = {"closest_approach": {"H-H": 1.2, "H-O": 1.2, "O-O": 2.0}}
    export_potential(random_potential(), path, seen)
    state = state_of([Atoms("OH", [[0, 0, 0], [0, 0, 1.5]]), Atoms("OH", [[0, 0, 0], [0, 0, 1.0]])])
    with pytest.warns(ExtrapolationWarning, match="system 1: atoms . and . are 1 Å apart"):
        HIPNNTSModel(path)(state)
    with pytest.raises(ExtrapolationError, match="system 1: "):
        HIPNNTSModel(path, beyond_training="stop")(state)
