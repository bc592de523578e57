"""One training of recipe.py and its errors."""

import re
from pathlib import Path

from accuracy import TRAINED
from accuracy_runs import train_ours
from recipe_candidates import CANDIDATES
from recipe_sets import N_SEEN, SCREENED

from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation import evaluate
from hipnn_ts.training.config import parse_config

KEPT = tuple(
    f"{quantity}_{measure}"
    for quantity in ("energy", "forces", "stress")
    for measure in ("rmse", "mae")
)


def trial(name: str, candidate: str, seed: int, minutes: float, folder: Path) -> dict:
    """Train a candidate on a set; epochs, and errors by test (meV/atom, meV/Å)."""
    chosen, recipe = SCREENED[name], CANDIDATES[candidate]
    training = dict(recipe["training"])
    per_step = training.pop("atoms_per_step", None)
    if per_step is not None:
        training["batch_size"] = max(1, round(per_step / chosen.n_atoms))
    validation = chosen.validation
    train = chosen.train.paths(folder, f"{name}_train")
    config = parse_config(
        {
            "network": chosen.network | recipe["network"],
            "data": {
                "train": train,
                "validation": [validation] if isinstance(validation, str) else validation,
            },
            "training": training | {"max_minutes": minutes, "seed": seed},
        },
        "recipe.py",
        folder,
    )
    case = re.sub(r"[^\w.]+", "-", f"{candidate}-{minutes:g}-minutes-seed-{seed}")
    potential, done = train_ours(config, TRAINED / "recipe" / name / case, quick=False)
    parts = {
        label: read_named(tuple(map(Path, part.paths(folder, f"{name}_{label}")))).frames
        for label, part in chosen.tests.items()
    }
    parts["seen"] = read_named(tuple(map(Path, train))).frames[:N_SEEN]
    errors = {label: evaluate(potential, frames) for label, frames in parts.items()}
    return {
        "epochs": done["epochs"],
        "tests": {
            label: {key: round(found[key], 3) for key in KEPT if key in found}
            for label, found in errors.items()
        },
    }
