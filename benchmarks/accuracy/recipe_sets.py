"""Sets with tests unlike their training frames, for recipe.py and uncertainty.py."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from ase import Atoms
from ase.io import write

from benchmarks.accuracy.sets import SETS, Set, Test
from benchmarks.models import TRAINED
from hipnn_ts.data.read import read_named

SCREENED = (
    *("3bpa", "mlearn_Si", "ethanol_rmd17"),
    *("spice_dipeptides", "water_pbe0ts", "ta_snap"),
)
UNSEEN = ("Liquid", "Surface", "GSF_112")  # groups of tantalum frames kept from training


def _vacancy(frame: Atoms) -> bool:
    return frame.info["config_type"] == "Vacancy"


def _unseen(frame: Atoms) -> bool:
    return frame.info["config_type"] in UNSEEN


def _fifth(frame: Atoms) -> bool:
    return crc32(frame.positions.tobytes()) % 5 == 0


# Parts of a set: files, and which of their frames. If one is "train", the set's own tests go.
PARTS: dict[str, dict[str, tuple[tuple[str, ...], Callable[[Atoms], bool]]]] = {
    "mlearn_Si": {
        "train": (("train",), lambda frame: not _vacancy(frame)),
        "test": (("test",), lambda frame: not _vacancy(frame)),
        "vacancies": (("train", "test"), _vacancy),
    },
    "ethanol_rmd17": {"methanol": (("test_eth_meth",), lambda frame: len(frame) == 6)},
    "ta_snap": {
        "train": (("all",), lambda frame: not _unseen(frame) and not _fifth(frame)),
        "held back": (("all",), lambda frame: not _unseen(frame) and _fifth(frame)),
        "unseen groups": (("all",), _unseen),
    },
}


def with_parts(name: str, folder: Path) -> Set:
    """A set with its PARTS; the first test is like the training frames, the others are not."""
    chosen, files = SETS[name], {}
    for label, (sources, keep) in PARTS.get(name, {}).items():
        files[label] = TRAINED / "parts" / f"{name}_{label}.extxyz"
        if not files[label].exists():
            paths = tuple(folder / name / f"{source}.extxyz.xz" for source in sources)
            files[label].parent.mkdir(parents=True, exist_ok=True)
            write(files[label], [frame for frame in read_named(paths).frames if keep(frame)])
    if "train" in files:
        chosen = replace(chosen, train=str(files.pop("train")), validation=0.1, tests={})
    return replace(
        chosen, tests=chosen.tests | {label: Test(str(file)) for label, file in files.items()}
    )
