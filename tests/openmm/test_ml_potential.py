"""OpenMM-ML's systems equal sums of separately evaluated parts."""

import subprocess
import sys

import numpy as np
import openmm
import pytest
from openmm import app, unit
from openmmml import MLPotential

from hipnn_ts.errors import InputError
from hipnn_ts.openmm import CutBondWarning

pytestmark = pytest.mark.slow

OWN = [0, 1, 2, 3, 4, 5]  # two neighbouring molecules
IMPLEMENTATIONS = ["torch", "python"]


def water_topology(atoms, periodic):
    topology = app.Topology()
    chain = topology.addChain()
    for _ in range(len(atoms) // 3):
        residue = topology.addResidue("HOH", chain)
        oxygen, *hydrogens = (
            topology.addAtom(name, app.Element.getBySymbol(name[0]), residue)
            for name in ("O", "H1", "H2")
        )
        for hydrogen in hydrogens:
            topology.addBond(oxygen, hydrogen)
    if periodic:
        topology.setPeriodicBoxVectors(atoms.cell.array * 0.1)
    return topology


def classical(topology, **options):
    method = app.PME if topology.getPeriodicBoxVectors() is not None else app.NoCutoff
    return app.ForceField("tip3p.xml").createSystem(
        topology,
        nonbondedMethod=method,
        nonbondedCutoff=0.45 * unit.nanometer,
        ewaldErrorTolerance=1e-6,
        **{"constraints": None, "rigidWater": False, **options},
    )


class Parts:
    """Energies (eV) and forces (eV/Å) of the parts of a mixed system."""

    def __init__(self, atoms, model, engine, expected, periodic):
        self.topology = water_topology(atoms, periodic)
        self.everything = classical(self.topology)
        own = atoms[OWN]
        # OpenMM-ML removes interactions only between the nearest images of these atoms.
        span = own.positions[None] - own.positions[:, None]
        assert np.abs(span).max() < 0.5 * atoms.cell.lengths().min()
        inner = classical(water_topology(own, False))
        self.classical = engine(self.everything).place(atoms.positions).energy_and_forces()
        self.inside = self.scattered(engine(inner).place(own.positions).energy_and_forces(), atoms)
        if not periodic:
            own.pbc = False
        self.network = self.scattered(expected(model, own), atoms)

    @staticmethod
    def scattered(result, atoms):
        forces = np.zeros((len(atoms), 3))
        forces[OWN] = result[1]
        return result[0], forces

    def mixed(self, scale=1.0):
        """Return the mixed result with the network scaled by ``scale``, the inner force field by
        the rest."""
        terms = zip(self.classical, self.inside, self.network, strict=True)
        return tuple(all_ - scale * inside + scale * network for all_, inside, network in terms)


@pytest.fixture
def parts(water, engine, expected):
    def build(model, periodic):
        return Parts(water(3), model, engine, expected, periodic)

    return build


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("periodic", [False, True])
def test_whole_system(random_model, water, engine, expected, agree, implementation, periodic):
    atoms = water(3)
    atoms.pbc = periodic
    topology = water_topology(atoms, periodic)
    model = random_model()
    potential = MLPotential("hipnn-ts", model_path=model)
    system = potential.createSystem(topology, implementation=implementation)
    assert system.usesPeriodicBoundaryConditions() == periodic
    placed = engine(system).place(atoms.positions)
    agree(placed.energy_and_forces(), expected(model, atoms))
    assert system.getParticleMass(0).value_in_unit(unit.dalton) == pytest.approx(15.999, abs=1e-2)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("periodic", [False, True])
def test_mixed_system_is_the_sum_of_its_parts(
    random_model, water, engine, agree, parts, implementation, periodic
):
    model = random_model()
    made = parts(model, periodic)
    mixed = MLPotential("hipnn-ts", model_path=model).createMixedSystem(
        made.topology, made.everything, OWN, forceGroup=3, implementation=implementation
    )
    placed = engine(mixed).place(water(3).positions)
    agree(placed.energy_and_forces(), made.mixed(), 1e-8)
    agree(placed.energy_and_forces(groups={3}), made.network)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("periodic", [False, True])
def test_interpolation_scales_both_ends(
    random_model, water, engine, agree, parts, implementation, periodic
):
    model = random_model()
    made = parts(model, periodic)
    mixed = MLPotential("hipnn-ts", model_path=model).createMixedSystem(
        made.topology, made.everything, OWN, interpolate=True, implementation=implementation
    )
    placed = engine(mixed).place(water(3).positions)
    # OpenMM-ML writes the Coulomb constant with nine digits, which gives errors of 1e-8 of 10 eV.
    agree(placed.energy_and_forces(), made.mixed(), 1e-7)
    for scale in (0.0, 0.3, 1.0):
        placed.context.setParameter("lambda_interpolate", scale)
        agree(placed.energy_and_forces(), made.mixed(scale), 1e-7)
    placed.context.setParameter("lambda_interpolate", 0.0)
    agree(placed.energy_and_forces(), made.classical, 1e-7)


@pytest.mark.parametrize("remove", [True, False])
def test_constraints_of_the_network_atoms(random_model, water, engine, remove):
    atoms = water(3)
    topology = water_topology(atoms, True)
    rigid = classical(topology, rigidWater=True)
    potential = MLPotential("hipnn-ts", model_path=random_model())
    mixed = potential.createMixedSystem(topology, rigid, OWN, removeConstraints=remove)
    constrained = [mixed.getConstraintParameters(k)[:2] for k in range(mixed.getNumConstraints())]
    inside = [pair for pair in constrained if set(pair) <= set(OWN)]
    assert len(inside) == (0 if remove else 6)
    assert len(constrained) - len(inside) == rigid.getNumConstraints() - 6
    integrator = openmm.LangevinMiddleIntegrator(300, 1.0, 0.0002)
    placed = engine(mixed, "CPU", integrator).place(atoms.positions)
    integrator.step(20)
    bonds = placed.positions()
    lengths = [np.linalg.norm(bonds[3 * m + 1] - bonds[3 * m]) for m in range(len(atoms) // 3)]
    np.testing.assert_allclose(lengths[2:], 0.9572, atol=1e-4)
    assert (np.abs(np.array(lengths[:2]) - 0.9572).max() > 1e-3) == remove


def test_bonds_that_the_network_cuts_are_named(random_model, water):
    """A warning names the bonds that a choice of atoms cuts, here in two of three molecules."""
    topology = water_topology(water(3), True)
    potential = MLPotential("hipnn-ts", model_path=random_model())
    cut = [*range(4), *range(6, 8)]
    with pytest.warns(CutBondWarning) as told:
        potential.createMixedSystem(topology, classical(topology), cut)
    (message,) = (str(each.message) for each in told)
    assert message.startswith("the potential's atoms end at 3 bonds: ")
    for name in ("atom 3 (O of HOH 2) - atom 4 (H1 of HOH 2)", "atom 8 (H2 of HOH 3)"):
        assert name in message


def test_a_virtual_site_is_named(random_model, water):
    topology = water_topology(water(3), True)
    residue = topology.addResidue("HOH", topology.addChain())
    topology.addAtom("O", app.Element.getBySymbol("O"), residue)
    site = topology.addAtom("M", None, residue)
    potential = MLPotential("hipnn-ts", model_path=random_model())
    with pytest.raises(InputError, match=rf"^atom {site.index} \(M of HOH 28\): .* virtual site;"):
        potential.createSystem(topology)


def test_import_brings_in_nothing():
    code = (
        "import sys, openmmml; assert 'hipnn_ts.openmmml' in sys.modules; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_mistakes_are_named(random_model, water, tmp_path):
    topology = water_topology(water(3), False)
    with pytest.raises(InputError, match=r"^MLPotential\('hipnn-ts'\): expected model_path, a fil"):
        MLPotential("hipnn-ts")
    with pytest.raises(InputError, match=r"found 'modelPath'$"):
        MLPotential("hipnn-ts", modelPath=random_model())
    with pytest.raises(InputError, match=r"absent.pt: no such file$"):
        MLPotential("hipnn-ts", model_path=tmp_path / "absent.pt")
    (tmp_path / "other.pt").write_text("not a model")
    with pytest.raises(InputError, match=r"other.pt: expected an exported hipnn-ts potential"):
        MLPotential("hipnn-ts", model_path=tmp_path / "other.pt")
    potential = MLPotential("hipnn-ts", model_path=random_model())
    with pytest.raises(InputError, match=r"expected the arguments .*, found 'precision'$"):
        potential.createSystem(topology, precision="single")
    with pytest.raises(InputError, match=r"^periodic: expected a topology with box vectors"):
        potential.createSystem(topology, periodic=True)
    residue = topology.addResidue("ATM", topology.addChain())
    carbon = topology.addAtom("C", app.Element.getBySymbol("C"), residue)
    name = rf"^atom {carbon.index} \(C of ATM 28\)"
    with pytest.raises(InputError, match=rf"{name}: expected one of .*, found C$"):
        potential.createSystem(topology)
