"""Trajectories as engines write them, and the commands `deviate` and `select` on them."""

import shutil
import struct
import subprocess
import sys

import numpy as np
import openmm
import pytest
import uncertainties
from ase import Atoms
from ase.io import read, write
from click.testing import CliRunner
from committees import combined
from comparing import largest
from lammps_run import hipnn, lmp, set_up
from openmm import app, unit

from hipnn_ts.cli import main
from hipnn_ts.committee.dcd import read_dcd
from hipnn_ts.committee.selection import farthest_points
from hipnn_ts.committee.trajectory import read_trajectory
from hipnn_ts.errors import InputError

DUMPS = """
dump named all custom 1 named.lammpstrj id type element x y z
dump_modify named element O H format float %.17g
dump typed all custom 1 typed.lammpstrj id type x y z
dump_modify typed format float %.17g
dump packed all dcd 1 packed.dcd
timestep 0.0005
velocity all create 600 1
fix 1 all nve
run 4
"""


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, water, random_model):
    """Folder with five frames of a LAMMPS run in a tilted box, in three formats, and a topology."""
    folder = tmp_path_factory.mktemp("trajectories")
    atoms = water(3)
    atoms.set_cell([[9.3, 0, 0], [0.4, 9.2, 0], [0.3, -0.2, 9.4]], scale_atoms=True)
    done = lmp(folder, set_up(folder, "water", atoms, hipnn(random_model())) + DUMPS)
    assert done.returncode == 0, done.stdout[-2000:]
    write(folder / "topology.xyz", atoms)
    return folder


def frames_of(folder):
    return list(read_trajectory(folder / "named.lammpstrj"))


def test_dumps(folder):
    named = frames_of(folder)
    typed = list(read_trajectory(folder / "typed.lammpstrj", elements=["O", "H"]))
    start = read(folder / "topology.xyz")
    assert len(named) == len(typed) == 5
    np.testing.assert_array_equal(named[0].numbers, start.numbers)
    for first, second in zip(named, typed, strict=True):
        np.testing.assert_array_equal(first.numbers, second.numbers)
        np.testing.assert_array_equal(first.positions, second.positions)
        np.testing.assert_allclose(first.cell.array, start.cell.array, atol=1e-12)
        assert first.pbc.all()
        assert first.calc is None


def test_dcd_of_lammps(folder):
    found = list(read_trajectory(folder / "packed.dcd", folder / "topology.xyz"))
    for first, second in zip(found, frames_of(folder), strict=True):
        np.testing.assert_array_equal(first.numbers, second.numbers)
        np.testing.assert_allclose(first.cell.array, second.cell.array, atol=1e-4)
        apart = first.positions - second.positions  # LAMMPS shifts the origin
        np.testing.assert_allclose(apart - apart[0], 0, atol=2e-5)


@pytest.mark.parametrize("box", [None, np.eye(3) * 12, [[11, 0, 0], [3, 12, 0], [-2, 4, 13]]])
def test_dcd_of_openmm(box, tmp_path, water):
    atoms = water(2)
    topology = app.Topology()
    residue = topology.addResidue("W", topology.addChain())
    for symbol in atoms.symbols:
        topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if box is not None:
        topology.setPeriodicBoxVectors(np.array(box) * unit.angstrom)
        system.setDefaultPeriodicBoxVectors(*(np.array(box) * 0.1))
        force = openmm.NonbondedForce()
        force.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
        force.setCutoffDistance(0.3)
        for _ in atoms:
            force.addParticle(0, 1, 0)
        system.addForce(force)
    simulation = app.Simulation(topology, system, openmm.VerletIntegrator(0.001))
    simulation.context.setPositions(atoms.positions * unit.angstrom)
    simulation.context.setVelocitiesToTemperature(300, 1)
    simulation.reporters.append(app.DCDReporter(tmp_path / "a.dcd", 2, enforcePeriodicBox=False))
    kept = []
    for _ in range(3):
        simulation.step(2)
        state = simulation.context.getState(positions=True)
        kept.append(state.getPositions(asNumpy=True).value_in_unit(unit.angstrom))
    del simulation
    found = list(read_dcd(tmp_path / "a.dcd"))
    assert len(found) == 3
    for (positions, cell), expected in zip(found, kept, strict=True):
        np.testing.assert_allclose(positions, expected, atol=1e-5)
        if box is None:
            assert cell is None
        else:
            np.testing.assert_allclose(cell, box, atol=1e-5)


def test_damaged_dcd(folder, tmp_path):
    content = (folder / "packed.dcd").read_bytes()
    path = tmp_path / "a.dcd"
    fixed = content[:4] + b"CORD" + content[8:40] + struct.pack("<i", 3) + content[44:]
    for damaged, said in (
        (b"", "expected a DCD trajectory, found another kind of file"),
        (b"ITEM: TIMESTEP", "expected a DCD trajectory, found another kind of file"),
        (content[:-10], "damaged, or still being written: a record is cut off"),
        (content[:300], "damaged"),
        (fixed, "found 3 fixed atoms"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"^{path}: .*{said}"):
            list(read_dcd(path))
    random = np.random.default_rng(0)
    for _ in range(300):  # any damage gives frames or an error message
        bytes_ = bytearray(content)
        for place in random.integers(len(content), size=3):
            bytes_[place] ^= 1 << random.integers(8)
        path.write_bytes(bytes_[: random.integers(len(content))])
        try:
            list(read_dcd(path))
        except InputError as error:
            assert str(error).startswith(f"{path}: ")


def test_what_is_no_trajectory(folder, tmp_path):
    (tmp_path / "a.txt").write_text("nonsense\n")
    shutil.copy(folder / "packed.dcd", tmp_path / "a.dcd")
    write(tmp_path / "few.xyz", Atoms("OH"))
    for arguments, said in (
        (("missing.extxyz",), "^missing.extxyz: cannot be read: No such file or directory$"),
        ((tmp_path / "a.txt",), "a.txt: expected a trajectory, found one that ASE cannot read"),
        ((folder / "typed.lammpstrj",), "expected a column 'element', found none; name the ele"),
        ((folder / "typed.lammpstrj", None, ["O", "Q"]), "^elements: expected chemical symbols, f"),
        ((tmp_path / "a.dcd",), "a DCD trajectory holds no elements; name a file that does"),
        ((tmp_path / "a.dcd", "no.pdb"), "^no.pdb: cannot be read: No such file or directory$"),
        ((tmp_path / "a.dcd", tmp_path / "few.xyz"), "expected the 2 atoms of .*, found 81$"),
    ):
        with pytest.raises(InputError, match=said):
            list(read_trajectory(*arguments))


def test_deviate(folder, tmp_path, random_members, random_committee):
    """Every format of trajectory gives the same deviations, equal to reference values."""
    frames = frames_of(folder)
    expected = [combined(random_members(), atoms) for atoms in frames]
    write(tmp_path / "a.extxyz", frames)
    sources = {
        "named": [folder / "named.lammpstrj"],
        "typed": [folder / "typed.lammpstrj", "--elements", "O H"],
        "extxyz": [tmp_path / "a.extxyz"],
        "dcd": [folder / "packed.dcd", "--topology", folder / "topology.xyz"],
    }
    for name, source in sources.items():
        done = run("deviate", random_committee(), *source, "-o", tmp_path / name)
        assert done.exit_code == 0, done.output
        assert "5 frames, committee of 4" in done.output
        assert sum(int(line.split()[3]) for line in done.output.splitlines()[1:-5]) == 5
        leader = done.output.splitlines()[-5].split()
        assert float(leader[0]) == pytest.approx(
            1e3 * largest(each.forces_std.max() for each in expected), abs=1e-3
        )
        table = np.loadtxt(tmp_path / name)
        np.testing.assert_array_equal(table[:, 0], range(5))
        n = len(frames[0])
        for row, found in zip(table, expected, strict=True):
            virial = found.virial_std[[0, 1, 2, 3, 4, 5, 3, 4, 5]] / n
            of_virial = [virial.max(), virial.min(), np.sqrt((virial**2).mean())]
            forces = found.forces_std
            of_forces = [forces.max(), forces.min(), forces.mean()]
            tolerance = 1e-4 if name in ("dcd", "extxyz") else 1e-9  # digits of these files
            np.testing.assert_allclose(
                row[1:], [*of_virial, *of_forces, found.energy_std / n], rtol=0, atol=tolerance
            )


def test_select(folder, tmp_path, random_members, random_committee):
    frames = frames_of(folder)
    spread = [combined(random_members(), atoms).forces_std for atoms in frames]
    leaders = np.array([each.max() for each in spread])
    threshold = np.sort(leaders)[1]
    out = tmp_path / "chosen.extxyz"
    # The file is given twice, but copies of chosen frames are not chosen.
    source = [folder / "named.lammpstrj"] * 2
    done = run("select", random_committee(), *source, "-o", out, "--above", threshold - 1e-9)
    assert done.output == f"{out}: 4 of 8 frames within bounds, of 10\n"
    chosen = read(out, ":")
    assert chosen[0].info["max_devi_f"] == pytest.approx(leaders.max(), abs=1e-8)
    sources = [int(each.info["source"].split()[-1]) for each in chosen]
    assert sorted(sources) == sorted(np.argsort(leaders)[1:])
    for index, atoms in zip(sources, chosen, strict=True):
        np.testing.assert_allclose(atoms.arrays["forces_std"], spread[index], atol=1e-7)
        np.testing.assert_allclose(atoms.positions, frames[index].positions, atol=1e-7)
        assert atoms.calc is None
    bound = np.sort(leaders)[-2] + 1e-9
    done = run("select", random_committee(), *source, "-o", out, "-n", 2, "--below", bound)
    assert done.output == f"{out}: 2 of 8 frames within bounds, of 10\n"
    assert read(out, ":")[0].info["max_devi_f"] == pytest.approx(np.sort(leaders)[-2], abs=1e-8)


def test_a_single_network_with_uncertainty(
    folder, tmp_path, random_potential, random_uncertainty, uncertain_model
):
    """A network with force uncertainty fills the force columns; the others are nan."""
    frames = frames_of(folder)
    told = [
        uncertainties.expected(random_potential(), random_uncertainty(), atoms) for atoms in frames
    ]
    done = run("deviate", uncertain_model(), folder / "named.lammpstrj", "-o", tmp_path / "table")
    assert done.exit_code == 0, done.output
    first = "5 frames, single network: largest uncertainty of a force in each, meV/Å"
    assert done.output.splitlines()[0] == first
    table = np.loadtxt(tmp_path / "table")
    assert np.isnan(table[:, [1, 2, 3, 7]]).all()
    for row, found in zip(table, told, strict=True):
        np.testing.assert_allclose(
            row[4:7], [found.max(), found.min(), found.mean()], rtol=0, atol=1e-9
        )
    out = tmp_path / "chosen.extxyz"
    threshold = np.sort([found.max() for found in told])[2]
    arguments = uncertain_model(), folder / "named.lammpstrj", "-o", out
    done = run("select", *arguments, "--above", threshold - 1e-9)
    assert done.output == f"{out}: 3 of 3 frames within bounds, of 5\n"
    for atoms in read(out, ":"):
        index = int(atoms.info["source"].split()[-1])
        np.testing.assert_allclose(atoms.arrays["forces_uncertainty"], told[index], atol=1e-7)
        assert atoms.info["max_devi_f"] == pytest.approx(told[index].max(), abs=1e-8)
        assert "forces_std" not in atoms.arrays


def test_farthest_points():
    points = np.array([[0.0], [0.1], [5.0], [9.0], [9.0]])
    assert farthest_points(points, 0, 3) == [0, 3, 2]
    assert farthest_points(points, 3, 9) == [3, 0, 2, 1]


@pytest.mark.parametrize("command", ["deviate", "select"])
def test_models_that_are_no_committee(command, folder, tmp_path, random_model):
    flags = ["-o", tmp_path / "out"]
    trajectory = folder / "named.lammpstrj"
    done = run(command, random_model(), trajectory, *flags)
    assert done.output.startswith(f"hipnn-ts: error: {random_model()}: expected a committee, whose")
    done = run(command, tmp_path, trajectory, *flags)
    assert done.output == (
        f"hipnn-ts: error: {tmp_path}: expected a committee in one file, found a directory; make "
        f"one with 'hipnn-ts export {tmp_path} -o model.pt'\n"
    )
    assert not (tmp_path / "out").exists()


def test_needs_no_torch(folder, tmp_path, random_committee):
    program = """
import sys
from click.testing import CliRunner
from hipnn_ts.cli import main
for command in ("deviate", "select"):
    done = CliRunner().invoke(main, [command, *sys.argv[1:]])
    assert done.exit_code == 0, done.output
assert "torch" not in sys.modules
"""
    arguments = random_committee(), folder / "named.lammpstrj", "-o", tmp_path / "out"
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True)
