"""Potentials for benchmarks: with random weights, published, or trained by accuracy.py."""

import os
from pathlib import Path

import torch

from benchmarks.report import ROOT
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.export import export_potential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

TRAINED = ROOT / "accuracy"  # where accuracy.py and others keep what they train
WATER = "*/water_pbe0ts/hipnn-ts-*/best.ckpt"


def data_folder() -> Path:
    """Folder of the published sets."""
    return Path(os.environ.get("HIPNN_TS_SHARED_DATA", ROOT.parent / "shared" / "data"))


def published_data() -> Path:
    """Folder of the published sets; exit with a message if it is missing."""
    folder = data_folder()
    if not (folder / "README.md").is_file():
        raise SystemExit(f"published data not found at {folder}; set HIPNN_TS_SHARED_DATA")
    return folder


def random_potential(n_features: int = 64, cutoff: float = 5.0, **changes) -> Potential:
    """Network of two blocks for H and O with random weights, on which speed does not depend. They
    hold no molecule together, so that time steps must be short. The cutoff is in Å."""
    torch.manual_seed(0)
    given = {"elements": ("H", "O"), "n_features": (n_features, n_features), "cutoff": cutoff}
    return Potential(NetworkConfig(**(given | {"soft_max": cutoff - 0.5} | changes)))


def random_model(path: Path, n_features: int = 64, cutoff: float = 5.0, **changes) -> Path:
    """Export a random potential to ``path``."""
    export_potential(random_potential(n_features, cutoff, **changes), path, {})
    return path


def published_file() -> Path | None:
    """File of hippynn's published ANI-1x potential; None without the published data."""
    path = data_folder() / "hipnnts-ani1x" / "best_model.pt"
    return path if path.is_file() else None


def export_published(folder: Path) -> Path:
    """Import the published ANI-1x potential as a user would, and export it for the engines."""
    weights = published_file()
    if weights is None:
        raise SystemExit("published ANI-1x potential not found; set HIPNN_TS_SHARED_DATA")
    potential, provenance = import_hippynn(weights, ROOT / "examples" / "hippynn" / "ani1x.yaml")
    export_potential(potential, folder / "ani1x.pt", provenance)
    return folder / "ani1x.pt"


def trained_water(folder: Path, repulsion: bool = True) -> Path:
    """Export the latest model that accuracy.py trained on the published water to ``folder``, with
    or without the repulsion of nuclei below the closest approach of its data. Without it, the beads
    of a hydrogen fell into the oxygen after 3 ps at 300 K."""
    checkpoints = sorted(TRAINED.glob(WATER), key=lambda path: path.stat().st_mtime)
    if not checkpoints:
        command = "python -m benchmarks.accuracy.accuracy --only water_pbe0ts"
        raise SystemExit(f"no {TRAINED / WATER}: run {command} first")
    potential, provenance = load_checkpoint(checkpoints[-1])
    if not repulsion:
        bare = Potential(potential.config.model_copy(update={"zbl": None}))
        bare.load_state_dict(potential.state_dict())
        potential = bare
    export_potential(potential, folder / "water.pt", provenance)
    return folder / "water.pt"
