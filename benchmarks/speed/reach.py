"""i-PI's steps over the kernels, and TorchSim's batches beside ASE one by one.

    python -m benchmarks.speed.reach [--quick]

i-PI: 648 atoms and eight beads, random weights of 64 features within 5 Å, float32, one thread: what
a step takes over the runtime's own calls. TorchSim: a hundred molecules of a model that is trained
for MINUTES on examples/reference_data, once (accuracy/reach), in float64. Sides in turn.
"""

import subprocess
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.command import benchmark
from benchmarks.models import TRAINED, random_model
from benchmarks.report import ROOT, Check, at_least, at_most
from benchmarks.speed import reach_ipi
from benchmarks.speed.timing import asked
from hipnn_ts.processes import program

DATA = ROOT / "examples" / "reference_data" / "molecules.extxyz.xz"
MINUTES = 3.0
FOLDER = TRAINED / "reach"
WORK = {"relaxation": 300, "dynamics": 200}  # most steps
LIMITS = {"relaxation": (1.0, "meV"), "dynamics": (1e-6, "Å")}


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
    module = "benchmarks.speed.reach_torchsim"
    runs = [asked(module, work, model, count, WORK[work], threads=None) for _ in range(rounds)]
    row = {key: median(run[key] for run in runs) for key in ("together_s", "singly_s")}
    print(f"{work}: TorchSim {row['together_s']:.2f} s, ASE {row['singly_s']:.2f} s", flush=True)
    return {
        "molecules": count,
        "steps": WORK[work],
        **row,
        "largest_difference": max(run["largest_difference"] for run in runs),
        "raw": runs,
    }


def checks_of(ipi: dict, works: dict[str, dict]) -> list[Check]:
    """The bars."""
    of = f"i-PI, {ipi['n_atoms']} atoms and {ipi['beads']} beads"
    checks = [
        at_most(f"{of}, {side}: step over the kernels, parts of them", row["over_kernels"], 0.1)
        for side, row in ipi["sides"].items()
        if side.startswith("ours")
    ]
    for work, row in works.items():
        limit, unit = LIMITS[work]
        of = f"TorchSim, {work} of {row['molecules']} molecules"
        difference, faster = row["largest_difference"], row["singly_s"] / row["together_s"]
        checks += [
            at_most(f"{of}: largest difference from ASE one by one, {unit}", difference, limit),
            at_least(f"{of}: times as fast as ASE one by one", faster, 1.0),
        ]
    return checks


@benchmark("reach", quick="Small systems, one round, a model of few seconds.")
def main(quick: bool) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    rounds, steps, count = (1, 8, 10) if quick else (3, 40, 100)
    box = (3, 3, 3) if quick else (6, 6, 6)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ipi = reach_ipi.measure(random_model(folder / "random.pt"), box, steps, rounds)
        model = trained_model(folder if quick else FOLDER, 0.1 if quick else MINUTES)
        works = {work: torchsim(work, model, count, rounds) for work in WORK}
    return {"ipi": ipi, "torchsim": works}, checks_of(ipi, works)


if __name__ == "__main__":
    main()
