"""The published sets on which accuracy.py trains, and published errors to print beside ours.

Energy errors of molecules and water are those of a whole molecule: ``energy_factor`` times the
error per atom, which is exact if all frames have the same size.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from ase.io import write

from benchmarks.models import TRAINED
from hipnn_ts.data.read import read_named
from hipnn_ts.data.split import split

FIGURES = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text())


@dataclass(frozen=True)
class Published:
    """Errors of one model in the set's energy unit and in meV/Å; None where not published."""

    model: str
    energy: float | None
    forces: float | None
    like_cost: bool
    measure: str  # mae or rmse


@dataclass(frozen=True)
class Test:
    """Frames on which models are judged; ``stand_in`` says why published errors do not apply."""

    file: str | None  # None: the frames that the set holds back
    published: tuple[Published, ...] = ()
    stand_in: str | None = None


@dataclass(frozen=True)
class Set:
    """Training data, network, tests and settings of a published set."""

    train: str
    tests: dict[str, Test]
    network: dict[str, Any]
    validation: str | float = 0.1
    held_out: float | None = None  # share of ``train`` that the test without a file gets
    training: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    energy_factor: float = 1.0
    energy_unit: str = "meV/atom"
    minutes: float = 3.0  # of processor time for each training
    orders: bool = False  # train lower tensor orders too
    long: bool = False  # train the default for more time too
    peers: bool = False  # train NEP and MACE too
    distilled_at: tuple[float, ...] = ()  # K; train one network that learns from the committee too


def _test(name: str, label: str, file: str | None) -> Test:
    quoted = FIGURES.get(name, {}).get(label, {"models": {}})
    figures = tuple(
        Published(model, *errors, model not in quoted.get("costlier", ()), quoted["measure"])
        for model, errors in quoted["models"].items()
    )
    return Test(file and f"{name}/{file}.extxyz.xz", figures, quoted.get("stand_in"))


def _set(name: str, network: dict, tests: dict[str, str | None], train="train", **more) -> Set:
    judged = {label: _test(name, label, file) for label, file in tests.items()}
    return Set(f"{name}/{train}.extxyz.xz", judged, network, **more)


MOLECULE = {
    "n_features": [48, 48],
    "cutoff": 5.5,
    "soft_max": 5.0,
    "soft_min": 0.85,
}
METAL = {**MOLECULE, "soft_min": 1.6, "cutoff": 5.0, "soft_max": 4.5}
LONGER = {"cutoff": 6.0, "soft_max": 5.5}  # lithium's bonds are longer
HOT = {"Mo": (300.0, 1500.0, 3000.0), "Si": (300.0, 1000.0, 2000.0)}  # K, below to above melting
WIDER = MOLECULE | {"n_features": [64, 64]}  # as in peers.py: cost_accuracy.py joins the two
TRAINING_ERROR = {"all (training error)": "all"}
SETS = {
    "water_pbe0ts": _set(
        "water_pbe0ts",
        MOLECULE,
        {"valid": "valid"},
        minutes=15.0,
        peers=True,
        energy_factor=3.0,
        energy_unit="meV/H2O",
    ),
    "3bpa": _set(
        "3bpa",
        WIDER,
        {f"{t} K": f"eval_{t}K" for t in (300, 600, 1200)},
        "train_300K",
        minutes=8.0,
        energy_factor=27.0,
        energy_unit="meV",
        long=True,
        peers=True,
        distilled_at=(300.0, 600.0, 1200.0),
    ),
    "ethanol_rmd17": _set(
        "ethanol_rmd17",
        MOLECULE,
        {"test_MD": "test_MD"},
        minutes=6.0,
        energy_factor=9.0,
        energy_unit="meV",
        orders=True,
        long=True,
        peers=True,
        distilled_at=(300.0, 600.0, 1200.0),
    ),
    **{
        f"mlearn_{element}": _set(
            f"mlearn_{element}",
            METAL | (LONGER if element == "Li" else {}),
            {"test": "test"},
            orders=element != "Li",
            peers=element == "Mo",
            distilled_at=HOT.get(element, ()),
        )
        for element in ("Li", "Mo", "Si")
    },
    "ta_snap": _set(
        "ta_snap",
        METAL | {"zbl": [1.6, 2.4]},  # as SNAP's: compressed cells reach 28 eV an atom
        TRAINING_ERROR,
        "all",
        minutes=4.0,
        # As published, nothing is held back: one compressed cell would decide which epoch is kept.
        validation="ta_snap/all.extxyz.xz",
    ),
    "monbtaw": _set("monbtaw", METAL, {"test": "test"}, minutes=12.0),
    "inp_snap": _set("inp_snap", METAL, TRAINING_ERROR, "all", minutes=6.0),
    "spice_dipeptides": _set(
        "spice_dipeptides",
        MOLECULE,
        {"test": "test"},
        validation="spice_dipeptides/val.extxyz.xz",
        minutes=5.0,
        orders=True,
    ),
    "qm7": _set(
        "qm7",
        MOLECULE,
        {"held out": None},
        "all",
        held_out=0.1,
        training={"loss": {"forces": 0.0}},
    ),
}


def with_files(name: str, folder: Path) -> Set:
    """A set; frames that it holds back, and the rest, are written to files of their own."""
    chosen = SETS[name]
    if chosen.held_out is None:
        return chosen
    parts = split(read_named((folder / chosen.train,)), chosen.held_out, None, 0)
    files = [TRAINED / "split" / f"{name}_{part}.extxyz" for part in ("train", "test")]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for file, part in zip(files, parts, strict=True):
        write(file, part.frames)
    train, held_out = map(str, files)
    tests = {
        label: replace(test, file=test.file or held_out) for label, test in chosen.tests.items()
    }
    return replace(chosen, train=train, tests=tests)
