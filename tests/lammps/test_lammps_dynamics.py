"""Properties that show only in a run over several steps or several boxes."""

import numpy as np
import pytest
import torch
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

NVE = """
timestep {timestep}
velocity all create 300 4928459 loop geom
neigh_modify every 1 delay 0 check yes
fix integrate all nve
thermo_style custom step pe ke etotal
run 0
variable energy equal etotal
fix record all ave/time 1 1 1 v_energy file {name}.energies format " %.17g"
run {steps}
unfix record
"""


def energies(folder, name):
    return np.loadtxt(folder / f"{name}.energies")[:, 1]


@pytest.mark.parametrize("ranks", [1, 2])
def test_energy_is_conserved(tmp_path, water, random_model, ranks):
    """The energy error of the Verlet integrator falls with the square of the time step."""
    spread = {}
    for name, timestep, steps in (("coarse", 2e-4, 100), ("fine", 1e-4, 200)):
        script = set_up(tmp_path, name, water(3), hipnn(random_model()))
        script += NVE.format(name=name, timestep=timestep, steps=steps)
        run = lmp(tmp_path, script, ranks)
        assert run.returncode == 0, run.stdout + run.stderr
        spread[name] = np.ptp(energies(tmp_path, name))
    assert spread["coarse"] < 0.02 * 81 * 0.0388
    assert spread["fine"] < 0.4 * spread["coarse"]


def test_ranks_follow_one_path(tmp_path, water, random_model):
    """Any number of ranks gives the same trajectory, although atoms move between ranks."""
    found = []
    for ranks in (1, 2, 4):
        name = f"ranks{ranks}"
        # The skin is thin, so that neighbour lists are rebuilt often.
        script = set_up(tmp_path, name, water(3), hipnn(random_model()))
        script += "neighbor 0.1 bin\n" + NVE.format(name=name, timestep=2e-4, steps=40)
        run = lmp(tmp_path, script + evaluate(name), ranks)
        assert run.returncode == 0, run.stdout + run.stderr
        builds = int(run.stdout.split("Neighbor list builds = ")[2].split()[0])
        assert builds >= 3
        found.append(read_evaluation(tmp_path, name))
    assert_same(found[1], found[0], 1e-8)
    assert_same(found[2], found[0], 1e-8)


def test_pressure_is_the_derivative_of_the_energy(tmp_path, water, random_model):
    """All six components equal central differences over boxes that LAMMPS itself deforms."""
    step = 1e-5
    deformations = {
        f"{axis}{sign}": f"change_box all {axis} scale {1 + factor * step:.17g} remap units box"
        for axis in "xyz"
        for sign, factor in (("-", -1), ("+", 1))
    }
    length = water(3).cell[0, 0]
    deformations |= {
        f"{tilt}{sign}": f"change_box all {tilt} final {factor * step * length} remap units box"
        for tilt in ("xy", "xz", "yz")
        for sign, factor in (("-", -1), ("+", 1))
    }
    script = ""
    for name, deformation in {"rest": "", **deformations}.items():
        script += set_up(tmp_path, name, water(3), hipnn(random_model()))
        script += f"change_box all triclinic\n{deformation}\n{evaluate(name)}"
    run = lmp(tmp_path, script)
    assert run.returncode == 0, run.stdout + run.stderr
    energy = {name: read_evaluation(tmp_path, name).energy for name in deformations}
    derivative = [
        (energy[f"{key}+"] - energy[f"{key}-"]) / (2 * step)
        for key in ("x", "y", "z", "xy", "xz", "yz")
    ]
    virial = read_evaluation(tmp_path, "rest").virial
    assert np.abs(virial).min() > 1e-3  # every component is far above the tolerance below
    np.testing.assert_allclose(virial, -np.array(derivative), rtol=1e-5, atol=1e-4)


def test_barostat_in_single_precision(tmp_path, water, random_model):
    """The box changes at every step, and the barostat needs the pressure at every step."""
    script = set_up(tmp_path, "npt", water(3), hipnn(random_model(torch.float32)))
    script += """
timestep 0.0002
velocity all create 300 4928459
fix integrate all npt temp 300 300 0.1 iso 0 0 1.0
run 50
""" + evaluate("npt")
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert np.isfinite(read_evaluation(tmp_path, "npt").virial).all()


def test_insertion_and_exchange(tmp_path, water, random_potential, random_model):
    """fix gcmc and fix atom/swap compute energies between steps, with other atoms and types."""
    script = set_up(tmp_path, "swap", water(2), hipnn(random_model()))
    script += """
fix exchange all atom/swap 1 5 82741 5000 ke no types 1 2
run 10
fix insert all gcmc 1 5 0 1 29494 5000 -2030 0.1
run 10
write_data final.data nocoeff
unfix exchange
unfix insert
""" + evaluate("swap")
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    from ase.io import read

    final = read(tmp_path / "final.data", format="lammps-data", atom_style="atomic", units="metal")
    final.wrap()
    assert len(final) != 24 or (final.symbols != water(2).symbols).any()
    expected = reference(random_potential(), final)
    assert_same(read_evaluation(tmp_path, "swap"), expected, 1e-8)
