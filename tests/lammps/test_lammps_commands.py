"""The pair style together with other LAMMPS commands that read its results or change its atoms."""

import numpy as np
import pytest
from ase.io import read
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

KINETIC = 1.0364269e-4  # LAMMPS's mvv2e in units metal


def run(folder, script, ranks=1, **options):
    result = lmp(folder, script, ranks, **options)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result


def final_atoms(folder, pbc=True):
    """Return the atoms in `final.data`; the file does not record the boundary conditions."""
    path = folder / "final.data"
    atoms = read(path, format="lammps-data", atom_style="atomic", units="metal")
    atoms.pbc = pbc
    atoms.wrap()
    return atoms


@pytest.mark.parametrize("ranks", [1, 2])
def test_heat_flux(tmp_path, water, random_potential, random_model, ranks):
    """With compute stress/atom, the flux is the sum of e_i v_i - S_i v_i that LAMMPS documents."""
    script = set_up(tmp_path, "flux", water(3), hipnn(random_model()))
    script += """
velocity all create 300 4711
compute ke all ke/atom
compute pe all pe/atom
compute stress all stress/atom NULL virial
compute flux all heat/flux ke pe stress
thermo_style custom step pe c_flux[1]
dump d all custom 1 flux.dump id mass vx vy vz
dump_modify d sort id format float %.17g
run 0
print "$(c_flux[1]:%.17g) $(c_flux[2]:%.17g) $(c_flux[3]:%.17g)" file flux.txt
"""
    run(tmp_path, script, ranks)
    table = np.loadtxt(tmp_path / "flux.dump", skiprows=9)
    mass, v = table[:, 1], table[:, 2:5]
    expected = reference(random_potential(), water(3))
    energies = expected.atom_energies + 0.5 * KINETIC * mass * (v**2).sum(axis=1)
    xx, yy, zz, xy, xz, yz = expected.atom_virials.T
    virials = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    flux = energies @ v + np.einsum("abi,ib->a", virials, v)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "flux.txt"), flux, rtol=1e-9)


def test_enthalpy_is_conserved(tmp_path, water, random_model):
    """The barostat conserves its quantity only if pressure and energy are consistent."""
    script = set_up(tmp_path, "nph", water(3), hipnn(random_model()))
    script += """
timestep 0.0001
velocity all create 300 4928459 loop geom
fix integrate all nph aniso 0 0 0.05
thermo_style custom step vol etotal econserve
run 0
variable total equal etotal
variable conserved equal econserve
variable volume equal vol
fix record all ave/time 1 1 1 v_total v_conserved v_volume file nph.txt format " %.17g"
run 200
"""
    run(tmp_path, script, ranks=2)
    total, conserved, _ = np.ptp(np.loadtxt(tmp_path / "nph.txt")[:, 1:], axis=0)
    assert conserved < 0.02 * total


def test_minimisation_with_the_box(tmp_path, water, random_potential, random_model):
    script = set_up(tmp_path, "start", water(3), hipnn(random_model())) + evaluate("start")
    script += """
fix relax all box/relax aniso 0.0 vmax 0.002
minimize 0 1e-3 40 200
unfix relax
write_data final.data nocoeff
""" + evaluate("relaxed")
    run(tmp_path, script, ranks=2)
    start, relaxed = (read_evaluation(tmp_path, name) for name in ("start", "relaxed"))
    assert relaxed.energy < start.energy - 1.0
    assert_same(relaxed, reference(random_potential(), final_atoms(tmp_path)), 1e-8)


def test_evaporation_and_deposition(tmp_path, water, random_potential, random_model):
    """Atoms are deleted and inserted between steps, on any rank."""
    atoms = water(2)
    atoms.pbc = (True, True, False)
    atoms.cell[2, 2] += 12.0
    atoms.positions[:, 2] += 1.0
    script = set_up(tmp_path, "film", atoms, hipnn(random_model()))
    script += """
timestep 0.0002
region film block INF INF INF INF 0 7
region vapour block 0 6.2 0 6.2 12 16
fix integrate all nve
fix out all evaporate 5 2 film 49892
fix in all deposit 3 1 7 12345 region vapour near 2.0
run 22
velocity all set 0 0 0
write_data final.data nocoeff
""" + evaluate("film")
    run(tmp_path, script, ranks=2)
    atoms = final_atoms(tmp_path, atoms.pbc)
    assert len(atoms) == 24 - 2 * 4 + 3
    assert_same(read_evaluation(tmp_path, "film"), reference(random_potential(), atoms), 1e-8)


@pytest.mark.parametrize("ranks", [1, 2])
def test_restart_is_exact(tmp_path, water, random_model, ranks):
    """The restart file holds only the atoms; the script must give the pair style again."""
    integrate = "timestep 0.0002\nfix integrate all nve\n"
    script = set_up(tmp_path, "start", water(3), hipnn(random_model()))
    script += integrate + "velocity all create 300 4928459 loop geom\nrun 10\n"
    script += "write_restart half.restart\nrun 10\n" + evaluate("through")
    script += "clear\nread_restart half.restart\n" + hipnn(random_model()) + integrate
    script += "run 10\n" + evaluate("restarted")
    run(tmp_path, script, ranks)
    through, restarted = (read_evaluation(tmp_path, name) for name in ("through", "restarted"))
    np.testing.assert_array_equal(restarted.forces, through.forces)
    np.testing.assert_array_equal(restarted.energy, through.energy)


def test_partitions(tmp_path, water, random_potential, random_model):
    """One mpirun holds two partitions of one rank each, which simulate different systems."""
    sizes = {"small": 2, "large": 3}
    for name, repeats in sizes.items():
        script = set_up(tmp_path, name, water(repeats), hipnn(random_model()))
    script = script.replace("large.data", "${name}.data") + evaluate("${name}")
    script = "variable name world small large\n" + script
    run(tmp_path, script, ranks=2, options=("-partition", "2x1"))
    for name, repeats in sizes.items():
        expected = reference(random_potential(), water(repeats))
        assert_same(read_evaluation(tmp_path, name), expected, 1e-10)


def test_members_of_a_committee(tmp_path, water, random_potential, random_model):
    """With one sub-style per member, the mean drives the atoms and each energy can be computed."""
    architectures = {"l_max": 1}, {"n_features": (12, 6), "cutoff": 3.7}
    first, second = (random_model(**each) for each in architectures)
    pair = f"""
pair_style hybrid/scaled 0.5 hipnn/ts 0.5 hipnn/ts
pair_coeff * * hipnn/ts 1 {first} O H
pair_coeff * * hipnn/ts 2 {second} O H
"""
    script = set_up(tmp_path, "mean", water(3), pair)
    script += """
compute first all pair hipnn/ts 1
compute second all pair hipnn/ts 2
thermo_style custom step pe c_first c_second
dump d all custom 1 mean.dump id fx fy fz
dump_modify d sort id format float %.17g
run 0
print "$(pe:%.17g) $(c_first:%.17g) $(c_second:%.17g)" file mean.txt
"""
    run(tmp_path, script, ranks=2)
    members = [reference(random_potential(**each), water(3)) for each in architectures]
    mean, *energies = np.loadtxt(tmp_path / "mean.txt")
    np.testing.assert_allclose(energies, [each.energy for each in members], rtol=1e-12)
    np.testing.assert_allclose(mean, np.mean(energies), rtol=1e-12)
    forces = np.loadtxt(tmp_path / "mean.dump", skiprows=9)[:, 1:]
    np.testing.assert_allclose(forces, np.mean([m.forces for m in members], axis=0), atol=1e-10)


def test_energies_of_atoms_for_other_commands(tmp_path, water, random_potential, random_model):
    """fix pair stores the energy of each atom, here from within a hybrid style."""
    pair = f"""
pair_style hybrid/overlay hipnn/ts zbl 2.0 2.5
pair_coeff * * hipnn/ts {random_model()} O H
pair_coeff 1 1 zbl 8 8
pair_coeff 1 2 zbl 8 1
pair_coeff 2 2 zbl 1 1
"""
    script = set_up(tmp_path, "atoms", water(3), pair, units="real")
    script += """
fix energies all pair 1 hipnn/ts energy 0
dump d all custom 1 atoms.dump id f_energies
dump_modify d sort id format float %.17g
run 0
"""
    run(tmp_path, script, ranks=2)
    found = np.loadtxt(tmp_path / "atoms.dump", skiprows=9)[:, 1] / 23.060549
    expected = reference(random_potential(), water(3)).atom_energies
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("pair_write 1 2 10 r 1.0 4.0 table.txt OH", "does not support pair_write"),
        ("compute c all group/group all\nrun 0", "does not support"),
    ],
)
def test_what_has_no_meaning_is_refused(tmp_path, water, random_model, command, sentence):
    script = set_up(tmp_path, "refused", water(2), hipnn(random_model())) + command + "\n"
    result = lmp(tmp_path, script, ranks=2)
    assert result.returncode != 0
    errors = [line for line in result.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1 and sentence in errors[0], result.stdout[-2000:]
