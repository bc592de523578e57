"""Force constants, phonons, elastic constants and relaxations of trained models.

    python benchmarks/derived_physics.py [--minutes 4] [--before]

Silicon (published mlearn set; HIPNN_TS_SHARED_DATA) and molecules (GFN2-xTB frames of
examples/reference_data) are trained by the default cusp regularisation for some minutes of one
core; what follows from derivatives of forces must not depend on the displacement. ``--before``
repeats all with 1e-6, the earlier default, for the record. Resumable. Writes
benchmarks/results/derived_physics.json.
"""

import os
from pathlib import Path

import click
import numpy as np
import torch
from accuracy import ONE_THREAD, TRAINED, data_folder
from accuracy_runs import train_ours
from derived_molecules import molecules
from derived_silicon import silicon
from relaxation import MOST_STEPS

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.training.config import parse_config

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks" / "results" / "derived_physics.json"
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
    config = parse_config(
        {
            "network": network,
            "data": {"train": [str(data)]},
            "training": {"max_minutes": minutes},
        },
        "derived_physics.py",
    )
    potential, _ = train_ours(config, folder, quick=False)
    path = folder / "model.pt"
    export_potential(potential, path, {}, dtype=torch.float64)
    return path


def spread(values: dict[str, float]) -> float:
    """Largest deviation from the value at the last displacement, relative to it."""
    found = np.array(list(values.values()))
    return float(np.abs(found / found[-1] - 1).max())


def silicon_checks(figures: dict) -> list[Check]:
    """Every figure of the crystal that has a bar."""
    optical = figures["optical_mode_THz"]
    deviation = abs(optical["0.001"] / GAMMA_THZ - 1)
    return [
        _check(f"Si: {name}", value, limit)
        for name, value, limit in (
            (
                "force constant, displacements of 0.001 to 0.05 Å, relative spread",
                spread(figures["onsite_constant"]),
                0.01,
            ),
            ("optical mode at Γ, the same, relative spread", spread(optical), 0.01),
            (f"optical mode at Γ beside {GAMMA_THZ} THz (PBE), relative", deviation, 0.1),
            ("C44, strains of 0.2 and 2 %, relative spread", spread(figures["c44_GPa"]), 0.1),
            ("LBFGS steps, 64 atoms rattled by 0.05 Å, to 0.01 eV/Å", figures["steps_LBFGS"], 40),
        )
    ]


def molecule_checks(name: str, figures: dict) -> list[Check]:
    """Every figure of a molecule that has a bar."""
    difference = figures["largest_difference"]
    return [
        _check(f"{name}: BFGS steps from a rattled start to 0.01 eV/Å", figures["steps_BFGS"], 100),
        _check(f"{name}: frequencies at 0.003 and 0.02 Å, difference, cm⁻¹", difference, 1.0),
    ]


def _check(name: str, value: float | None, limit: float) -> Check:
    return Check(
        name=name, value=MOST_STEPS if value is None else value, limit=limit, better="lower"
    )


@click.command()
@click.option("--minutes", default=4.0, show_default=True, help="Of one core, each training.")
@click.option("--before", is_flag=True, help="The earlier default of 1e-6 too.")
def main(minutes: float, before: bool) -> None:
    """Train, measure, write the report."""
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
    write_report(REPORT, figures, checks)
    for check in checks:
        state = "reached" if check.passed else "NOT REACHED"
        print(f"{state}: {check.name}: {check.value:.4g}, bar {check.limit:g}")


if __name__ == "__main__":
    main()
