"""Sets of the recipe's screening: what to train on, and tests inside and outside of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accuracy import TRAINED
from accuracy_sets import METAL, MOLECULE
from ase import Atoms
from ase.io import write

from hipnn_ts.data.read import read_named

SMALL = {"n_features": [32, 32]}
N_SEEN = 100  # training frames that are judged, for the gap


@dataclass(frozen=True)
class Part:
    """Frames of published files, all or those that ``keep`` takes."""

    files: tuple[str, ...]
    keep: Callable[[Atoms], bool] | None = None

    def paths(self, folder: Path, name: str) -> list[str]:
        """Files of these frames alone; written once where some are left out."""
        if self.keep is None:
            return [str(folder / file) for file in self.files]
        path = TRAINED / "recipe" / "parts" / f"{name}.extxyz"
        if not path.exists():
            frames = read_named(tuple(folder / file for file in self.files)).frames
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, [frame for frame in frames if self.keep(frame)])
        return [str(path)]


@dataclass(frozen=True)
class Screened:
    """A set; the first test is like the training frames, those after it are not."""

    train: Part
    tests: dict[str, Part]
    network: dict
    n_atoms: float  # of a training frame, the mean
    validation: str | float = 0.1


def _vacancy(frame: Atoms) -> bool:
    return frame.info["config_type"] == "Vacancy"


def _perfect(frame: Atoms) -> bool:
    return not _vacancy(frame)


def _methanol(frame: Atoms) -> bool:
    return len(frame) == 6


def _crystal(element: str, n_atoms: float) -> Screened:
    train, test = (f"mlearn_{element}/{part}.extxyz.xz" for part in ("train", "test"))
    return Screened(
        Part((train,), _perfect),
        {"test": Part((test,), _perfect), "vacancies": Part((train, test), _vacancy)},
        METAL | SMALL,
        n_atoms,
    )


SCREENED = {
    "3bpa": Screened(
        Part(("3bpa/train_300K.extxyz.xz",)),
        {f"{t} K": Part((f"3bpa/eval_{t}K.extxyz.xz",)) for t in (300, 600, 1200)},
        MOLECULE | SMALL,
        27,
    ),
    "mlearn_Si": _crystal("Si", 61),
    "ethanol_rmd17": Screened(
        Part(("ethanol_rmd17/train.extxyz.xz",)),
        {
            "test_MD": Part(("ethanol_rmd17/test_MD.extxyz.xz",)),
            "methanol": Part(("ethanol_rmd17/test_eth_meth.extxyz.xz",), _methanol),
        },
        MOLECULE | SMALL,
        9,
    ),
    "spice_dipeptides": Screened(
        Part(("spice_dipeptides/train.extxyz.xz",)),
        {"test": Part(("spice_dipeptides/test.extxyz.xz",))},
        MOLECULE | SMALL,
        46,
        "spice_dipeptides/val.extxyz.xz",
    ),
    "water_pbe0ts": Screened(
        Part(("water_pbe0ts/train.extxyz.xz",)),
        {"valid": Part(("water_pbe0ts/valid.extxyz.xz",))},
        MOLECULE | SMALL,
        192,
    ),
}
