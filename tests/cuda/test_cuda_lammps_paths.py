"""Work of a LAMMPS rank besides the network, on an emulated GPU: finding pairs from positions,
adding and removing rows of atoms, exchanging messages between ranks."""

import re

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from emulated_lammps import on_gpu, script_of
from lammps_run import assert_same, evaluate, hipnn, set_up

pytestmark = pytest.mark.slow

NVE = """
velocity all create 900 4928459 loop geom
neighbor 0.3 bin
neigh_modify every 1 delay 0 check yes
timestep 0.0005
fix 1 all nve
run 15
unfix 1
"""


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_and_rebuilds(tmp_path, run, water, random_model, ranks):
    """Atoms move between ranks and rows, with three blocks and a box of one and a half cutoffs."""
    model = random_model(n_features=(7, 5, 6))
    run.equal(script_of(tmp_path, water(2), model, NVE), ranks)
    log = (tmp_path / "log.lammps").read_text()
    assert min(int(n) for n in re.findall(r"Neighbor list builds = (\d+)", log)[::2]) > 1


@pytest.mark.parametrize("ranks", [1, 2])
def test_single_precision(tmp_path, run, water, random_model, ranks):
    """Messages pack two float32 into each double; odd widths leave half of the last one unused."""
    model = random_model(torch.float32, n_features=(7, 5))
    run.equal(script_of(tmp_path, water(2), model), ranks, 1e-5)


def test_barostat_in_a_tilted_box(tmp_path, run, water, random_model):
    """Images move with the box between rebuilds, though only positions of atoms are copied."""
    dynamics = """
change_box all triclinic
change_box all xy final 1.1 xz final -0.7 yz final 0.9 remap units box
neigh_modify delay 100
velocity all create 300 4928459 loop geom
timestep 0.0005
fix 1 all npt temp 300 300 0.05 tri 0 5000 0.05
run 8
unfix 1
"""
    run.equal(script_of(tmp_path, water(2), random_model(), dynamics), 2)


def test_atoms_that_are_displaced_without_the_box(tmp_path, run, water, random_model):
    """fix numdiff/virial displaces ghosts from the lattice images, so all positions are copied."""
    dynamics = """
fix n all numdiff/virial 1 1e-5
run 0
print "$(f_n[1]:%.12g) $(f_n[2]:%.12g) $(f_n[3]:%.12g) $(f_n[4]:%.12g)" append virials
unfix n
"""
    run.equal(script_of(tmp_path, water(2), random_model(), dynamics))
    cpu, gpu = np.loadtxt(tmp_path / "virials")
    assert np.abs(cpu).max() > 1.0
    np.testing.assert_allclose(gpu, cpu, rtol=1e-5, atol=1e-3)


def test_insertion_and_exchange(tmp_path, run, water, random_model):
    """Atoms and types change between steps, and some atoms are hidden from all others."""
    dynamics = """
fix exchange all atom/swap 1 3 82741 5000 ke no types 1 2
fix insert all gcmc 1 3 0 1 29494 5000 -2030 0.1
run 4
unfix exchange
unfix insert
variable n equal count(all)
print "$n" append numbers
"""
    run.equal(script_of(tmp_path, water(2), random_model(), dynamics), 2)
    assert len(set(np.loadtxt(tmp_path / "numbers"))) == 1


def test_types_without_an_element_beside_another_style(tmp_path, run, water, random_model):
    atoms = Atoms("Ar4", positions=np.random.default_rng(1).uniform(0, 6.2, (4, 3))) + water(2)
    atoms.set_cell(water(2).cell)
    atoms.pbc = True
    pair = f"""
pair_style hybrid hipnn/ts zero 5.0
pair_coeff * * hipnn/ts {random_model()} NULL O H
pair_coeff 1 * zero
"""
    run.equal(script_of(tmp_path, atoms, None, pair=pair, elements=("Ar", "O", "H")), 2)


@pytest.mark.parametrize("ranks", [1, 2])
def test_overlay_of_two_models_and_a_longer_range(tmp_path, run, water, random_model, ranks):
    """Two models send messages of different widths; some ghosts are beyond both cutoffs."""
    cpu = f"""
pair_style hybrid/overlay hipnn/ts hipnn/ts zbl 5.0 6.0
pair_coeff * * hipnn/ts 1 {random_model(n_features=(9, 12))} O H
pair_coeff * * hipnn/ts 2 {random_model(cutoff=3.7)} O H
pair_coeff * * zbl 1 1
pair_coeff 1 1 zbl 8 8
pair_coeff 1 2 zbl 8 1
"""
    gpu = cpu.replace("overlay hipnn/ts hipnn/ts", "overlay " + 2 * "hipnn/ts device cuda ")
    script = "".join(
        set_up(tmp_path, name, water(2), pair) + evaluate(name)
        for name, pair in (("cpu", cpu), ("gpu", gpu))
    )
    run.equal(script, ranks)


def test_ranks_without_atoms_and_an_open_box(tmp_path, run, random_model):
    """Four ranks share a molecule in one corner and a lone atom in another."""
    atoms = molecule("H2O") + Atoms("H", positions=[[18.0, 18.0, 18.0]])
    atoms.set_cell([20.0, 20.0, 20.0])
    atoms.positions[:3] += 2.0
    run.equal(script_of(tmp_path, atoms, random_model(), boundary="f f f"), 4)


@pytest.mark.parametrize("ranks", [1, 2])
def test_ghosts_without_tags(tmp_path, run, water, random_model, ranks):
    """Without tags, images cannot be matched to atoms: each gets a row and receives features."""
    atoms, commands = water(2), hipnn(random_model())
    width = atoms.cell[0, 0]
    places = "".join(
        f"create_atoms {1 + (symbol == 'H')} single {x:.15g} {y:.15g} {z:.15g}\n"
        for symbol, (x, y, z) in zip(atoms.symbols, atoms.positions % width, strict=True)
    )
    made = f"""
clear
units metal
atom_modify id no
region box block 0 {width} 0 {width} 0 {width}
create_box 2 box
{places}mass 1 16
mass 2 1
"""
    evaluation = evaluate("NAME").replace("sort id ", "").replace("id fx", "type fx")
    script = "".join(
        made + pair + evaluation.replace("NAME", name)
        for name, pair in (("cpu", commands), ("gpu", on_gpu(commands)))
    )
    run.equal(script, ranks)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("forces", ["mean", "member 2"])
def test_committees_that_are_not_compared(tmp_path, run, water, random_committee, ranks, forces):
    """In steps that do not compare members, the GPU sums their results."""
    script = script_of(tmp_path, water(2), random_committee(), "reset_timestep 3\n")
    for style in ("pair_style hipnn/ts\n", "pair_style hipnn/ts device cuda\n"):
        script = script.replace(style, f"{style.strip()} committee every 10 forces {forces}\n")
    run.equal(script, ranks)


@pytest.mark.parametrize("n_features", [(8,), (8, 6)])
def test_heat_flux(tmp_path, run, water, random_model, n_features):
    """The heat flux equals the CPU's; only this computation needs LAMMPS's neighbour list."""
    dynamics = """
compute c all centroid/stress/atom NULL virial
compute k all ke/atom
compute p all pe/atom
compute j all heat/flux k p c
velocity all create 300 4928459 loop geom
run 0
print "$(c_j[1]:%.12g) $(c_j[2]:%.12g) $(c_j[3]:%.12g)" append fluxes
uncompute j
uncompute c
uncompute k
uncompute p
"""
    model = random_model(n_features=n_features)
    run.equal(script_of(tmp_path, water(2), model, dynamics), 2)
    cpu, gpu = np.loadtxt(tmp_path / "fluxes")
    np.testing.assert_allclose(gpu, cpu, rtol=1e-9, atol=1e-9 * np.abs(cpu).max())


def test_the_scale_of_fix_adapt(tmp_path, run, water, random_model):
    dynamics = "variable s equal 0.25\nfix a all adapt 0 pair hipnn/ts scale * * v_s\n"
    script = script_of(tmp_path, water(2), random_model(), dynamics)
    cpu, gpu = run.evaluations(script)
    assert_same(gpu, cpu, 1e-9)
    whole = run.evaluations(script.replace("equal 0.25", "equal 1.0"))[0]
    np.testing.assert_allclose(4 * cpu.forces, whole.forces, atol=1e-9)
