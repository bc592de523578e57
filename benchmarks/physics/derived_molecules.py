"""Relaxation and frequencies of small molecules by an exported model, beside GFN2-xTB's own."""

import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.optimize import BFGS
from ase.vibrations import Vibrations

from benchmarks.physics.relaxation import MOST_STEPS, steps_to_relax
from hipnn_ts.ase import HIPNNTSCalculator

MOLECULES = {"CH4": "methane", "CH3CH2OH": "ethanol", "C6H6": "benzene"}
DISPLACEMENTS = (0.02, 0.003)  # Å
# Four displacements for each derivative: two leave 2 to 3 cm⁻¹ of the bonds' anharmonicity.
NFREE = 4


def frequencies(atoms: Atoms, displacement: float) -> np.ndarray:
    """Of all modes but the six softest (in size), cm⁻¹, ascending; imaginary ones negative."""
    with tempfile.TemporaryDirectory() as folder:
        vibrations = Vibrations(atoms, name=folder, delta=displacement, nfree=NFREE)
        vibrations.run()
        values = vibrations.get_frequencies()
    values = values.real - values.imag
    return np.sort(values[np.argsort(np.abs(values))[6:]])


def vibrating(atoms: Atoms) -> dict:
    """Relax a molecule from a rattled start, and its frequencies by two displacements."""
    steps = steps_to_relax(atoms, BFGS)
    converged = BFGS(atoms, logfile=None).run(1e-5, MOST_STEPS)
    by_step = {str(u): frequencies(atoms, u).tolist() for u in DISPLACEMENTS}
    large, small = (np.array(values) for values in by_step.values())
    return {
        "steps_BFGS": steps,
        "to_1e-5": bool(converged),
        "frequencies": by_step,
        "largest_difference": float(np.abs(large - small).max()),
    }


def molecules(path: Path) -> dict:
    """All figures of the molecules, beside the reference method's own."""
    from tblite.ase import TBLite

    out = {}
    for name, label in MOLECULES.items():
        out[label] = {}
        for side, calculator in (
            ("model", HIPNNTSCalculator(path)),
            ("GFN2-xTB", TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)),
        ):
            atoms = molecule(name)
            atoms.calc = calculator
            out[label][side] = vibrating(atoms)
        model, reference = (np.array(out[label][s]["frequencies"]["0.003"]) for s in out[label])
        out[label]["mean_deviation"] = float(np.abs(model - reference).mean())
        print(
            label,
            {k: v for k, v in out[label]["model"].items() if k != "frequencies"},
            f"mean deviation of frequencies {out[label]['mean_deviation']:.1f}",
            flush=True,
        )
    return out
