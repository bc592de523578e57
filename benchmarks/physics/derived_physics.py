"""Force constants, phonons, elastic constants and relaxations of trained models.

Models of silicon (published mlearn set, left out without HIPNN_TS_SHARED_DATA) and of molecules
(GFN2-xTB frames of examples/reference_data) are trained with the default cusp regularisation for
some minutes of one core, once. Judged are relaxations that take few steps, silicon's optical mode
beside PBE's, and derivatives of forces that do not depend on the displacement. ``--before`` repeats
all with the earlier default of 1e-6, for the record. Needs tblite.
"""

import os
import tempfile
from pathlib import Path

import click
import numpy as np
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, LBFGS
from ase.vibrations import Vibrations
from scipy.optimize import brentq

from benchmarks.accuracy.runs import ONE_THREAD, train_ours
from benchmarks.command import Findings, benchmark
from benchmarks.models import TRAINED, data_folder
from benchmarks.report import ROOT, Check, at_most
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export import export_potential
from hipnn_ts.training.config import parse_config

LABELLED = ROOT / "examples" / "reference_data" / "molecules.extxyz.xz"
BEFORE = {"cusp_regularisation": 1e-6}
SILICON = {
    "invariants": "norms",
    "n_features": [16, 16],
    "n_atom_layers": 1,
    "soft_max": 4.5,
    "cutoff": 5.5,
}
MOLECULES = {"invariants": "norms", "soft_min": 0.85, "soft_max": 4.5, "cutoff": 5.0}
# Zone-centre optical mode of silicon: PBE 15.2 THz, experiment 15.5.
GAMMA_THZ = 15.2
RATTLE = 0.05  # Å
FORCES = 0.01  # eV/Å: relaxed if no force is larger
MOST_STEPS = 500
DISPLACEMENTS = (0.05, 0.01, 0.003, 0.001)  # Å, of the crystal's atoms
STRAINS = (0.02, 0.002)
BUILT = {"CH4": "methane", "CH3CH2OH": "ethanol", "C6H6": "benzene"}
VIBRATIONS = (0.02, 0.003)  # Å, displacements of molecules' atoms
# Four displacements for each derivative: with two, anharmonic bonds cause errors of 2 to 3 cm⁻¹.
NFREE = 4


def steps_to_relax(atoms: Atoms, optimiser: type, seed: int = 0, filtered: type | None = None):
    """Steps from a rattled start until no force exceeds FORCES; None if MOST_STEPS do not do."""
    atoms.rattle(RATTLE, rng=np.random.default_rng(seed))
    dynamics = optimiser(filtered(atoms) if filtered else atoms, logfile=None)
    return dynamics.get_number_of_steps() if dynamics.run(FORCES, MOST_STEPS) else None


def changed(atoms: Atoms, repeats: int = 1) -> Atoms:
    """A copy of the atoms, repeated along each axis, with the same calculator."""
    copy = atoms * (repeats, repeats, repeats)
    copy.calc = atoms.calc
    return copy


def onsite_constant(atoms: Atoms, displacement: float) -> float:
    """Force constant of one moved atom in a cell of 64: minus force over displacement, eV/Å²."""
    moved = changed(atoms, 2)
    moved.positions[0, 0] += displacement
    return -moved.get_forces()[0, 0] / displacement


def optical_mode(atoms: Atoms, displacement: float) -> float:
    """Zone-centre optical frequency, THz, by moving one sublattice against the other."""
    moved = changed(atoms)
    second = np.arange(len(moved)) % 2 == 1
    moved.positions[second, 0] += displacement
    constant = -moved.get_forces()[second, 0].mean() / displacement
    square = constant / (atoms.get_masses()[0] / 2)
    return float(np.sign(square) * np.sqrt(abs(square)) * units.s / (2 * np.pi) * 1e-12)


def relaxed_c44(atoms: Atoms, strain: float) -> float:
    """Elastic constant C44 with relaxed atoms, GPa; ``strain`` is the engineering shear strain."""
    stresses = []
    for sign in (1, -1):
        sheared = changed(atoms)
        deformation = np.eye(3)
        deformation[1, 2] = deformation[2, 1] = 0.5 * sign * strain
        sheared.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        LBFGS(sheared, logfile=None).run(fmax=1e-5, steps=MOST_STEPS)
        stresses.append(sheared.get_stress()[3])
    return float((stresses[0] - stresses[1]) / (2 * strain) / units.GPa)


def silicon(path: Path) -> dict:
    """All figures of crystalline silicon at the model's lattice constant."""
    calculator = HIPNNTSCalculator(path)

    def crystal(length: float) -> Atoms:
        atoms = bulk("Si", a=length, cubic=True)
        atoms.calc = calculator
        return atoms

    atoms = crystal(brentq(lambda a: crystal(a).get_stress()[:3].sum(), 5.2, 5.8, xtol=1e-8))
    box = changed(atoms, 2)
    return {
        "lattice_constant": atoms.cell.lengths()[0],
        "onsite_constant": {str(u): onsite_constant(atoms, u) for u in DISPLACEMENTS},
        "optical_mode_THz": {str(u): optical_mode(atoms, u) for u in DISPLACEMENTS},
        "c44_GPa": {str(s): relaxed_c44(atoms, s) for s in STRAINS},
        "steps_LBFGS": steps_to_relax(box, LBFGS),
        "steps_LBFGS_with_cell": steps_to_relax(box, LBFGS, 1, FrechetCellFilter),
    }


def frequencies(atoms: Atoms, displacement: float) -> np.ndarray:
    """Frequencies but the six smallest in size, cm⁻¹, ascending; imaginary ones are negative."""
    with tempfile.TemporaryDirectory() as folder:
        vibrations = Vibrations(atoms, name=folder, delta=displacement, nfree=NFREE)
        vibrations.run()
        values = vibrations.get_frequencies()
    values = values.real - values.imag
    return np.sort(values[np.argsort(np.abs(values))[6:]])


def vibrating(atoms: Atoms) -> dict:
    """Relax a molecule from a rattled start; steps, and frequencies by two displacements."""
    steps = steps_to_relax(atoms, BFGS)
    converged = BFGS(atoms, logfile=None).run(1e-5, MOST_STEPS)
    by_step = {str(u): frequencies(atoms, u).tolist() for u in VIBRATIONS}
    large, small = (np.array(values) for values in by_step.values())
    return {
        "steps_BFGS": steps,
        "to_1e-5": bool(converged),
        "frequencies": by_step,
        "largest_difference": float(np.abs(large - small).max()),
    }


def molecules(path: Path) -> dict:
    """All figures of the molecules, by the model and by the reference method."""
    from tblite.ase import TBLite

    calculators = {
        "model": HIPNNTSCalculator(path),
        "GFN2-xTB": TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0),
    }
    found = {}
    for name, label in BUILT.items():
        found[label] = {}
        for side, calculator in calculators.items():
            atoms = molecule(name)
            atoms.calc = calculator
            found[label][side] = vibrating(atoms)
        ours, theirs = (np.array(row["frequencies"]["0.003"]) for row in found[label].values())
        found[label]["mean_deviation"] = float(np.abs(ours - theirs).mean())
    return found


def trained(name: str, network: dict, data: Path, minutes: float) -> Path:
    """Train, unless that is done, and export in float64; the exported file."""
    folder = TRAINED / "derived-physics" / f"{name}-{minutes:g}-minutes"
    content = {"network": network, "data": {"train": [str(data)]}}
    config = parse_config(content | {"training": {"max_minutes": minutes}}, "derived_physics.py")
    potential, _ = train_ours(config, folder)
    export_potential(potential, folder / "model.pt", {}, dtype=torch.float64)
    return folder / "model.pt"


def spread(values: dict[str, float]) -> float:
    """Largest deviation from the value at the last displacement, relative to it."""
    found = np.array(list(values.values()))
    return float(np.abs(found / found[-1] - 1).max())


def silicon_checks(figures: dict) -> list[Check]:
    """Compare silicon's figures with their bars."""
    optical = figures["optical_mode_THz"]
    displaced = "Si: force constant, displacements of 0.001 to 0.05 Å, relative spread"
    beside = f"Si: optical mode at Γ beside {GAMMA_THZ} THz (PBE), relative"
    relaxed = "Si: LBFGS steps, 64 atoms rattled by 0.05 Å, to 0.01 eV/Å"
    sheared = "Si: C44, strains of 0.2 and 2 %, relative spread"
    return [
        at_most(displaced, spread(figures["onsite_constant"]), 0.01),
        at_most("Si: optical mode at Γ, the same, relative spread", spread(optical), 0.01),
        at_most(beside, abs(optical["0.001"] / GAMMA_THZ - 1), 0.1),
        at_most(sheared, spread(figures["c44_GPa"]), 0.1),
        at_most(relaxed, figures["steps_LBFGS"] or MOST_STEPS, 40),
    ]


def molecule_checks(name: str, figures: dict) -> list[Check]:
    """Compare a molecule's figures with their bars."""
    relaxed = f"{name}: BFGS steps from a rattled start to 0.01 eV/Å"
    difference = f"{name}: frequencies at 0.003 and 0.02 Å, difference, cm⁻¹"
    return [
        at_most(relaxed, figures["steps_BFGS"] or MOST_STEPS, 100),
        at_most(difference, figures["largest_difference"], 1.0),
    ]


@benchmark("derived_physics", minutes=0.17)
@click.option("--before", is_flag=True, help="The earlier default of 1e-6 too.")
def main(before: bool, minutes=4.0) -> Findings:
    """Train each model for so many minutes of one core, measure and judge."""
    os.environ |= ONE_THREAD
    torch.set_num_threads(1)
    published = data_folder() / "mlearn_Si" / "train.extxyz.xz"
    figures: dict = {"minutes": minutes}
    for case, cusp in {"default": {}, **({"before": BEFORE} if before else {})}.items():
        model = trained(f"molecules-{case}", MOLECULES | cusp, LABELLED, minutes)
        figures[case] = {"molecules": molecules(model), "silicon": {}}
        if published.exists():
            model = trained(f"silicon-{case}", SILICON | cusp, published, minutes)
            figures[case]["silicon"] = silicon(model)
    found = figures["default"]
    checks = silicon_checks(found["silicon"]) if found["silicon"] else []
    for name, figure in found["molecules"].items():
        checks += molecule_checks(name, figure["model"])
    return figures, checks


if __name__ == "__main__":
    main()
