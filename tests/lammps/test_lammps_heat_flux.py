"""The virials of `compute centroid/stress/atom`, and the exact heat flux computed from them."""

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from ase import Atoms
from lammps_run import (
    ENERGY,
    HAS_TORCH,
    PRESSURE,
    evaluate,
    hipnn,
    lmp,
    read_evaluation,
    reference,
    set_up,
)

from hipnn_ts.neighbours import neighbour_pairs

pytestmark = pytest.mark.slow

NINE = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1))
THREE_LAYERS = {"n_features": (7, 5, 6), "n_middle_features": (8, 4, 6)}
# Exact virials depend on atoms within 2 * n_layers cutoffs: a short cutoff keeps clusters small.
NEAR = THREE_LAYERS | {"cutoff": 3.0, "soft_max": 2.6}


def unfolded(atoms, reach):
    """Return a non-periodic copy of the atoms with all images within ``reach`` as real atoms."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    extent = np.linalg.norm(np.ptp(atoms.positions, axis=0))
    repeats = np.where(atoms.pbc, np.ceil((reach + extent) / heights).astype(int), 0)
    positions, numbers = [atoms.positions], [atoms.numbers]
    for shift in product(*(range(-n, n + 1) for n in repeats)):
        images = atoms.positions + np.array(shift) @ atoms.cell.array
        distances = np.linalg.norm(images[:, None] - atoms.positions[None], axis=2).min(axis=1)
        near = (distances < reach) & any(shift)
        positions.append(images[near])
        numbers.append(atoms.numbers[near])
    return Atoms(np.concatenate(numbers), np.concatenate(positions))


def atom_energies(potential, cluster, positions):
    i, j, _ = neighbour_pairs(cluster.positions, np.eye(3), [False] * 3, potential.config.cutoff)
    i, j = torch.from_numpy(i), torch.from_numpy(j)
    species = torch.tensor([list(potential.config.elements).index(s) for s in cluster.symbols])
    return potential(species, i, j, positions[j] - positions[i])


def centroid_virials(potential, atoms):
    """Return W_k = sum_i (r_i - r_k) de_i/dr_k, (n, 9) in eV, from an unfolded cluster."""
    n_layers = len(potential.config.n_features)
    cluster = unfolded(atoms, 2 * n_layers * potential.config.cutoff + 0.1)
    x = torch.from_numpy(cluster.positions).requires_grad_()
    energies = atom_energies(potential, cluster, x)
    of_energy = torch.autograd.grad(energies.sum(), x, retain_graph=True)[0]
    result = torch.zeros(len(atoms), 3, 3, dtype=torch.float64)
    for a in range(3):
        moment = (x[:, a].detach() * energies).sum()
        gradient = torch.autograd.grad(moment, x, retain_graph=True)[0]
        result[:, a] = (gradient - x[:, a : a + 1].detach() * of_energy)[: len(atoms)]
    return torch.stack([result[:, a, b] for a, b in NINE], dim=1).numpy()


def centroid(name):
    return f"""
compute c all centroid/stress/atom NULL virial
dump c all custom 1 {name}.centroid id c_c[*]
dump_modify c sort id format float %.17g
run 0
undump c
uncompute c
"""


def read_centroid(folder, name, units="metal"):
    table = np.loadtxt(folder / f"{name}.centroid", skiprows=9, ndmin=2)
    return -table[:, 1:] / PRESSURE[units]


def periodic(water):
    return water(3)


def triclinic(water):
    atoms = water(2)
    length = atoms.cell[0, 0]
    skew = [[length, 0, 0], [0.3 * length, 0.9 * length, 0], [-0.2 * length, 0.25 * length, length]]
    atoms.set_cell(skew, scale_atoms=True)
    return atoms


def slab(water):
    atoms = water(2)
    atoms.pbc = (True, True, False)
    atoms.cell[2, 2] += 9.0
    atoms.positions[:, 2] += 4.5
    return atoms


def molecules(water):
    atoms = water(2)[:12]
    atoms.positions += 1.5
    atoms.set_cell(np.eye(3) * 40)
    atoms.pbc = False
    return atoms


def smaller_than_cutoff(water):
    atoms = water(1)
    atoms.rattle(0.05, seed=3)
    return atoms


# Each case: system, architecture, dtype, portable, units.
CASES = {
    "one layer": (periodic, {"n_features": (8,)}, torch.float64, False, "metal"),
    "two layers": (periodic, {}, torch.float64, False, "metal"),
    "order 0": (periodic, {"l_max": 0}, torch.float64, False, "metal"),
    "not residual": (triclinic, {"residual": False}, torch.float64, False, "metal"),
    "repulsion": (triclinic, {"zbl": (2.0, 2.5)}, torch.float64, False, "metal"),
    "triclinic": (triclinic, NEAR, torch.float64, False, "real"),
    "portable": (triclinic, NEAR | {"zbl": (2.0, 2.5)}, torch.float64, True, "metal"),
    "slab": (slab, {}, torch.float64, False, "metal"),
    "molecules": (molecules, THREE_LAYERS, torch.float64, False, "metal"),
    "small": (smaller_than_cutoff, THREE_LAYERS, torch.float64, False, "metal"),
    "float32": (triclinic, {}, torch.float32, False, "metal"),
    "float32 portable": (triclinic, {}, torch.float32, True, "metal"),
}
if not HAS_TORCH:
    CASES = {name: case for name, case in CASES.items() if not case[3]}


@pytest.fixture(scope="module", params=[1, 2, 4])
def results(request, tmp_path_factory, water, random_model):
    """Nine virial components per atom and the total evaluation, by case, all from one run."""
    folder = tmp_path_factory.mktemp("centroid")
    script = ""
    for name, (system, architecture, dtype, portable, units) in CASES.items():
        file = name.replace(" ", "_")
        model = random_model(dtype, portable, **architecture)
        script += set_up(folder, file, system(water), hipnn(model), units)
        script += evaluate(file) + centroid(file)
    run = lmp(folder, script, request.param)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    found = {}
    for name, case in CASES.items():
        file, units = name.replace(" ", "_"), case[4]
        found[name] = read_centroid(folder, file, units), read_evaluation(folder, file, units)
    return found


@pytest.fixture(scope="module")
def exact(water, random_potential):
    """Function that returns the reference virials of a case."""

    @cache
    def of(name):
        system, architecture, *_ = CASES[name]
        return centroid_virials(random_potential(**architecture), system(water))

    return of


@pytest.mark.parametrize("name", CASES)
def test_is_the_exact_one(results, exact, name):
    dtype, expected = CASES[name][2], exact(name)
    found, whole = results[name]
    tolerance = 1e-9 if dtype == torch.float64 else 2e-5
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())
    np.testing.assert_allclose(
        found.sum(axis=0)[:6], whole.virial, atol=1e-5 * np.abs(expected).max()
    )


def moving(water):
    """Return a cluster without periodicity, and velocities in Å/ps."""
    atoms = water(2)
    atoms.pbc = False
    atoms.set_cell(np.eye(3) * 40)
    atoms.positions += 15.0
    return atoms, np.random.default_rng(1).normal(0, 10.0, atoms.positions.shape)


FLUX = """
compute ke all ke/atom
compute pe all pe/atom
compute s all {stress} NULL virial
compute flux all heat/flux ke pe s
thermo_style custom step c_flux[1] c_flux[2] c_flux[3] c_flux[4] c_flux[5] c_flux[6]
run 0
print "$(c_flux[1]:%.17g) $(c_flux[2]:%.17g) $(c_flux[3]:%.17g) $(c_flux[4]:%.17g) &
$(c_flux[5]:%.17g) $(c_flux[6]:%.17g)" file flux
"""


def heat_flux(folder, model, atoms, velocities, stress, ranks=1, style="", units="metal"):
    """Run LAMMPS; return the convective and the virial part of the heat flux in eV Å/ps."""
    pair = f"pair_style hipnn/ts {style}\npair_coeff * * {model} O H\n"
    script = set_up(folder, "moving", atoms, pair, units)
    unit = {"metal": 1.0, "real": 1e-3}[units]  # Å/ps in Å/fs
    for k, v in enumerate(velocities * unit):
        script += f"set atom {k + 1} vx {v[0]:.17g} vy {v[1]:.17g} vz {v[2]:.17g}\n"
    run = lmp(folder, script + FLUX.format(stress=stress), ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    flux = np.loadtxt(folder / "flux") / unit / ENERGY[units]
    return flux[3:], flux[:3] - flux[3:]


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_heat_flux_is_the_change_of_the_energies_place(
    tmp_path, water, random_potential, random_model, ranks, layers
):
    """The virial part is d/dt sum_i r_i (e_i + m_i v_i^2 / 2) less the convective part.

    Central differences give the potential term; the power of each atom's force the kinetic one.
    """
    architecture = {"n_features": (8,) * layers}
    potential = random_potential(**architecture)
    atoms, velocities = moving(water)

    def moment(time):
        moved = atoms.copy()
        moved.positions += time * velocities
        with torch.no_grad():
            e = atom_energies(potential, moved, torch.from_numpy(moved.positions)).numpy()
        return moved.positions.T @ (e - self_energies), e

    self_energies = potential.self_energies.numpy()[(atoms.numbers == 8).astype(int)]
    step = 1e-5

    def slope(h):
        return (moment(h)[0] - moment(-h)[0]) / (2 * h)

    derivative = (4 * slope(step) - slope(2 * step)) / 3
    power = (reference(potential, atoms).forces * velocities).sum(axis=1)
    expected = derivative - (moment(0)[1] - self_energies) @ velocities + power @ atoms.positions
    model = random_model(**architecture)
    found = heat_flux(tmp_path, model, atoms, velocities, "centroid/stress/atom", ranks)[1]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1e-6 * scale)
    halves = heat_flux(tmp_path, model, atoms, velocities, "stress/atom", ranks)[1]
    assert np.abs(halves - expected).max() > 0.01 * scale  # stress/atom gives a wrong flux


def test_units_real(tmp_path, water, random_model):
    atoms, velocities = moving(water)
    arguments = tmp_path, random_model(), atoms, velocities, "centroid/stress/atom", 2
    metal, real = heat_flux(*arguments), heat_flux(*arguments, units="real")
    np.testing.assert_allclose(real[1], metal[1], rtol=1e-6)


@pytest.mark.parametrize("portable", [False, True])
def test_self_energies_can_be_left_out(tmp_path, water, random_potential, random_model, portable):
    """Self-energies, thousands of eV per atom, move with the atoms but carry no heat."""
    atoms, velocities = moving(water)
    arguments = random_model(portable=portable), atoms, velocities, "centroid/stress/atom", 2
    with_them, without = (
        heat_flux(tmp_path, *arguments),
        heat_flux(tmp_path, *arguments, style="self_energies no"),
    )
    self_energies = random_potential().self_energies.numpy()[(atoms.numbers == 8).astype(int)]
    scale = np.abs(self_energies).max() * np.abs(velocities).max()
    np.testing.assert_allclose(
        with_them[0] - without[0], self_energies @ velocities, atol=1e-9 * scale
    )
    np.testing.assert_allclose(with_them[1], without[1], rtol=1e-9)
    log = (tmp_path / "log.lammps").read_text()
    assert "device cpu, without self energies" in log


HYBRID = """
pair_style {style}
pair_coeff * * hipnn/ts {model} O H
pair_coeff 1 1 zbl 8 8
pair_coeff 1 2 zbl 8 1
pair_coeff 2 2 zbl 1 1
"""
ZBL = "pair_style zbl 2.0 2.5\npair_coeff 1 1 8 8\npair_coeff 1 2 8 1\npair_coeff 2 2 1 1\n"


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_styles_add_theirs(tmp_path, water, random_model, ranks):
    """A pairwise style adds half of each pair's virial to each of the two atoms."""
    atoms, model = water(3), random_model()
    pairs = {
        "alone": hipnn(model),
        "zbl": ZBL,
        "overlay": HYBRID.format(style="hybrid/overlay hipnn/ts zbl 2.0 2.5", model=model),
        "scaled": HYBRID.format(style="hybrid/scaled 0.3 hipnn/ts 0.7 zbl 2.0 2.5", model=model),
    }
    script = ""
    for name, pair in pairs.items():
        script += set_up(tmp_path, name, atoms, pair) + centroid(name)
    run = lmp(tmp_path, script, ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    alone, zbl, overlay, scaled = (read_centroid(tmp_path, name) for name in pairs)
    scale = np.abs(alone).max()
    np.testing.assert_allclose(overlay, alone + zbl, atol=1e-10 * scale)
    np.testing.assert_allclose(scaled, 0.3 * alone + 0.7 * zbl, atol=1e-10 * scale)


def test_green_kubo_in_a_run(tmp_path, water, random_model):
    """fix ave/correlate reads the flux every few steps while atoms move between ranks."""
    setup = set_up(tmp_path, "water", water(3), hipnn(random_model()))
    script = f"""{setup}
velocity all create 3000 1
timestep 0.0005
fix 1 all nve
compute ke all ke/atom
compute pe all pe/atom
compute s all centroid/stress/atom NULL virial
compute flux all heat/flux ke pe s
fix jj all ave/correlate 5 4 20 c_flux[1] c_flux[2] c_flux[3] type auto file jj.txt
thermo 20
thermo_style custom step pe c_flux[1] c_flux[2] c_flux[3]
thermo_modify format float %.12g
run 40
"""
    tables = []
    for ranks in (1, 2):
        run = lmp(tmp_path, script, ranks)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr
        lines = [line.split() for line in run.stdout.splitlines()]
        rows = [line for line in lines if len(line) == 5 and line[0] in ("0", "20", "40")]
        tables.append(np.array(rows, dtype=float))
    assert tables[0].shape == (3, 5)
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-6)
