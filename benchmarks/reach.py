"""i-PI's steps over the kernels, and TorchSim's batches beside ASE one by one.

    python benchmarks/reach.py [--quick]

i-PI: 648 atoms and eight beads, random weights of 64 features within 5 Å, float32, one thread: what
a step takes over the runtime's own calls. TorchSim: a hundred molecules of a model that is trained
for MINUTES on examples/reference_data, once (accuracy/reach), in float64. Sides in turn. Writes
benchmarks/results/reach.json.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click
import reach_ipi
import torch
from accuracy import TRAINED

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.processes import program

HERE = Path(__file__).resolve().parent
REPORT = HERE / "results" / "reach.json"
DATA = HERE.parent / "examples" / "reference_data" / "molecules.extxyz.xz"
MINUTES = 3.0
FOLDER = TRAINED / "reach"
WORK = {"relaxation": 300, "dynamics": 200}  # most steps
LIMITS = {"relaxation": (1.0, "meV"), "dynamics": (1e-6, "Å")}


def random_model(folder: Path) -> Path:
    """Of 64 features."""
    torch.manual_seed(0)
    config = NetworkConfig(elements=["H", "O"], n_features=[64, 64], cutoff=5.0, soft_max=4.5)
    export_potential(Potential(config), folder / "random.pt", {})
    return folder / "random.pt"


def trained_model(folder: Path, minutes: float) -> Path:
    """Of molecules, in double precision; trained where there is none yet."""
    if not (folder / "model.pt").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "train.yaml").write_text(
            f"network: {{n_features: [32, 32], n_atom_layers: 2, soft_max: 4.5, cutoff: 5.0}}\n"
            f"data: {{train: {DATA}, validation: 0.1, group_by: trajectory}}\n"
            f"training: {{max_minutes: {minutes}}}\n"
        )
        for command in (
            ["train", "train.yaml", "-o", "run", "--overwrite"],
            ["export", "run/best.ckpt", "-o", "model.pt", "--dtype", "float64"],
        ):
            subprocess.run([program("hipnn-ts"), *command], cwd=folder, check=True)
    return folder / "model.pt"


def torchsim(work: str, model: Path, count: int, rounds: int) -> dict:
    """Both sides, in turn within each round; medians of times, the largest difference."""
    command = [sys.executable, str(HERE / "reach_torchsim.py"), work, str(model)]
    command += [str(count), str(WORK[work])]
    runs = []
    for _ in range(rounds):
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
        runs.append(json.loads(run.stdout.splitlines()[-1]))
    return {
        "molecules": count,
        "steps": WORK[work],
        "together_s": median(run["together_s"] for run in runs),
        "singly_s": median(run["singly_s"] for run in runs),
        "largest_difference": max(run["largest_difference"] for run in runs),
        "raw": runs,
    }


def checks_of(ipi: dict, works: dict[str, dict]) -> list[Check]:
    """The bars."""
    own = [side for side in ipi["sides"] if side.startswith("ours")]
    checks = [
        Check(
            name=f"i-PI, {ipi['n_atoms']} atoms and {ipi['beads']} beads, {side}: step over the "
            "kernels, parts of them",
            value=ipi["sides"][side]["over_kernels"],
            limit=0.1,
            better="lower",
        )
        for side in own
    ]
    for work, row in works.items():
        limit, unit = LIMITS[work]
        checks.append(
            Check(
                name=f"TorchSim, {work} of {row['molecules']} molecules: largest difference from "
                f"ASE one by one, {unit}",
                value=row["largest_difference"],
                limit=limit,
                better="lower",
            )
        )
        checks.append(
            Check(
                name=f"TorchSim, {work} of {row['molecules']} molecules: times as fast as ASE one "
                "by one",
                value=row["singly_s"] / row["together_s"],
                limit=1.0,
                better="higher",
            )
        )
    return checks


@click.command()
@click.option("--quick", is_flag=True, help="Small systems, one round, a model of few seconds.")
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(quick: bool, output: Path) -> None:
    """Measure, print, write the report."""
    rounds, steps, count = (1, 8, 10) if quick else (3, 40, 100)
    box = (3, 3, 3) if quick else (6, 6, 6)
    with tempfile.TemporaryDirectory() as name:
        model = random_model(Path(name))
        ipi = reach_ipi.measure(model, box, steps, rounds)
        model = trained_model(Path(name) if quick else FOLDER, 0.1 if quick else MINUTES)
        works = {work: torchsim(work, model, count, rounds) for work in WORK}
    for side, row in ipi["sides"].items():
        print(
            f"i-PI, {side}: {row['step_ms']:.1f} ms a step, kernels {row['kernels_ms']:.1f}, "
            f"{100 * row['over_kernels']:.1f} % over them"
        )
    for work, row in works.items():
        print(f"{work}: TorchSim {row['together_s']:.2f} s, ASE {row['singly_s']:.2f} s")
    checks = checks_of(ipi, works)
    for check in checks:
        print(f"{check.name}: {check.value:.3g}, bar {check.limit:g}")
    write_report(output, {"ipi": ipi, "torchsim": works}, checks)


if __name__ == "__main__":
    main()
