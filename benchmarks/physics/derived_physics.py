"""Force constants, phonons, elastic constants and relaxations of trained models.

    python -m benchmarks.physics.derived_physics [--minutes 4] [--before]

Silicon (published mlearn set; HIPNN_TS_SHARED_DATA) and molecules (GFN2-xTB frames of
examples/reference_data) are trained by the default cusp regularisation for some minutes of one
core; what follows from derivatives of forces must not depend on the displacement. ``--before``
repeats all with 1e-6, the earlier default, for the record. Resumable.
"""

import os
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.accuracy.runs import ONE_THREAD, train_ours
from benchmarks.command import benchmark
from benchmarks.models import TRAINED, data_folder
from benchmarks.physics.derived_molecules import molecules
from benchmarks.physics.derived_silicon import silicon
from benchmarks.physics.relaxation import MOST_STEPS
from benchmarks.report import ROOT, Check, at_most
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


def trained(name: str, network: dict, data: Path, minutes: float) -> Path:
    """Train, or go on, and export in float64; the exported file."""
    folder = TRAINED / "derived-physics" / f"{name}-{minutes:g}-minutes"
    content = {"network": network, "data": {"train": [str(data)]}}
    config = parse_config(content | {"training": {"max_minutes": minutes}}, "derived_physics.py")
    potential, _ = train_ours(config, folder)
    path = folder / "model.pt"
    export_potential(potential, path, {}, dtype=torch.float64)
    return path


def spread(values: dict[str, float]) -> float:
    """Largest deviation from the value at the last displacement, relative to it."""
    found = np.array(list(values.values()))
    return float(np.abs(found / found[-1] - 1).max())


def _steps(found: int | None) -> int:
    """Those after which it was given up where it did not converge."""
    return MOST_STEPS if found is None else found


def silicon_checks(figures: dict) -> list[Check]:
    """Every figure of the crystal that has a bar."""
    constant, optical, c44 = (
        figures[key] for key in ("onsite_constant", "optical_mode_THz", "c44_GPa")
    )
    displaced = "Si: force constant, displacements of 0.001 to 0.05 Å, relative spread"
    beside = f"Si: optical mode at Γ beside {GAMMA_THZ} THz (PBE), relative"
    relaxed = "Si: LBFGS steps, 64 atoms rattled by 0.05 Å, to 0.01 eV/Å"
    return [
        at_most(displaced, spread(constant), 0.01),
        at_most("Si: optical mode at Γ, the same, relative spread", spread(optical), 0.01),
        at_most(beside, abs(optical["0.001"] / GAMMA_THZ - 1), 0.1),
        at_most("Si: C44, strains of 0.2 and 2 %, relative spread", spread(c44), 0.1),
        at_most(relaxed, _steps(figures["steps_LBFGS"]), 40),
    ]


def molecule_checks(name: str, figures: dict) -> list[Check]:
    """Every figure of a molecule that has a bar."""
    relaxed = f"{name}: BFGS steps from a rattled start to 0.01 eV/Å"
    difference = f"{name}: frequencies at 0.003 and 0.02 Å, difference, cm⁻¹"
    return [
        at_most(relaxed, _steps(figures["steps_BFGS"]), 100),
        at_most(difference, figures["largest_difference"], 1.0),
    ]


@benchmark("derived_physics", quick="Ten seconds for each training.")
@click.option("--minutes", default=4.0, show_default=True, help="Of one core, each training.")
@click.option("--before", is_flag=True, help="The earlier default of 1e-6 too.")
def main(quick: bool, minutes: float, before: bool) -> tuple[dict, list[Check]]:
    """Train, measure and judge."""
    os.environ |= ONE_THREAD
    torch.set_num_threads(1)
    minutes = 0.17 if quick else minutes
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
