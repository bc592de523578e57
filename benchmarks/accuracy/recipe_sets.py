"""Sets of the recipe's screening: what to train on, and tests inside and outside of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from ase import Atoms
from ase.io import write

from benchmarks.accuracy.sets import METAL, MOLECULE
from benchmarks.models import TRAINED
from hipnn_ts.data.read import read_named

SMALL = {"n_features": [32, 32]}
UNSEEN = ("Liquid", "Surface", "GSF_112")  # groups of Ta
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


def _part(name: str, *files: str, keep: Callable[[Atoms], bool] | None = None) -> Part:
    return Part(tuple(f"{name}/{file}.extxyz.xz" for file in files), keep)


def _vacancy(frame: Atoms) -> bool:
    return frame.info["config_type"] == "Vacancy"


def _perfect(frame: Atoms) -> bool:
    return not _vacancy(frame)


def _methanol(frame: Atoms) -> bool:
    return len(frame) == 6


def _tantalum(unseen: bool, fifth: bool | None = None) -> Callable[[Atoms], bool]:
    """Groups that training never sees, or the others: the fifth that is held back, or the rest."""

    def keep(frame: Atoms) -> bool:
        if (frame.info["config_type"] in UNSEEN) != unseen:
            return False
        return fifth is None or (crc32(frame.positions.tobytes()) % 5 == 0) == fifth

    return keep


SCREENED = {
    "3bpa": Screened(
        _part("3bpa", "train_300K"),
        {f"{t} K": _part("3bpa", f"eval_{t}K") for t in (300, 600, 1200)},
        MOLECULE | SMALL,
        27,
    ),
    "mlearn_Si": Screened(
        _part("mlearn_Si", "train", keep=_perfect),
        {
            "test": _part("mlearn_Si", "test", keep=_perfect),
            "vacancies": _part("mlearn_Si", "train", "test", keep=_vacancy),
        },
        METAL | SMALL,
        61,
    ),
    "ethanol_rmd17": Screened(
        _part("ethanol_rmd17", "train"),
        {
            "test_MD": _part("ethanol_rmd17", "test_MD"),
            "methanol": _part("ethanol_rmd17", "test_eth_meth", keep=_methanol),
        },
        MOLECULE | SMALL,
        9,
    ),
    "spice_dipeptides": Screened(
        _part("spice_dipeptides", "train"),
        {"test": _part("spice_dipeptides", "test")},
        MOLECULE | SMALL,
        46,
        "spice_dipeptides/val.extxyz.xz",
    ),
    "water_pbe0ts": Screened(
        _part("water_pbe0ts", "train"),
        {"valid": _part("water_pbe0ts", "valid")},
        MOLECULE | SMALL,
        192,
    ),
    "ta_snap": Screened(
        _part("ta_snap", "all", keep=_tantalum(False, False)),
        {
            "held back": _part("ta_snap", "all", keep=_tantalum(False, True)),
            "unseen groups": _part("ta_snap", "all", keep=_tantalum(True)),
        },
        METAL | SMALL | {"zbl": [1.6, 2.4]},
        10,
    ),
}
