"""The published sets that accuracy.py trains on, and published errors to print beside ours.

Figures are those that the data's own README quotes, with its sources. Molecules and water: total
energies (a factor on the error per atom, exact where all frames have one size).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Published:
    """Errors of one model: meV (per the set's energy unit) and meV/Å; None where not quoted."""

    model: str
    energy: float | None
    forces: float | None
    like_cost: bool  # local descriptors or small networks, within a few times our cost
    measure: str  # mae or rmse


@dataclass(frozen=True)
class Test:
    """What to judge the model on. ``stand_in`` says why published figures do not judge it."""

    file: str | None  # None: the frames that the set holds out
    published: tuple[Published, ...] = ()
    stand_in: str | None = None


@dataclass(frozen=True)
class Set:
    """What to train on, with which network, and what to compare with."""

    train: str
    tests: dict[str, Test]
    network: dict[str, Any]
    validation: str | float = 0.1
    held_out: float | None = None  # share of ``train`` that is kept for the test without a file
    training: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    energy_factor: float = 1.0
    energy_unit: str = "meV/atom"
    orders: bool = False  # lower tensor orders too
    long: bool = False  # the default in more time too


def _rmse(model: str, energy: float | None, forces: float | None, like_cost: bool) -> Published:
    return Published(model, energy, forces, like_cost, "rmse")


def _mae(model: str, energy: float | None, forces: float | None, like_cost: bool) -> Published:
    return Published(model, energy, forces, like_cost, "mae")


def _3bpa(temperature: int, figures: dict[str, tuple[float, float]]) -> Test:
    return Test(
        f"3bpa/eval_{temperature}K.extxyz.xz",
        tuple(_rmse(m, e, f, m in ("ACE", "ANI", "GAP")) for m, (e, f) in figures.items()),
        "frames cut from train_mixedT stand in for the published test files",
    )


MOLECULE = {
    "n_features": [48, 48],
    "n_atom_layers": 2,
    "cutoff": 5.5,
    "soft_max": 5.0,
    "soft_min": 0.85,
}
METAL = {**MOLECULE, "soft_min": 1.6, "cutoff": 6.0, "soft_max": 5.5}
SETS = {
    "water_pbe0ts": Set(
        "water_pbe0ts/train.extxyz.xz",
        {
            "valid": Test(
                "water_pbe0ts/valid.extxyz.xz",
                (_rmse("DPMD, trained on ~1e5 frames (Zhang et al. 2018)", 1.0, 40.4, True),),
            )
        },
        MOLECULE,
        energy_factor=3.0,
        energy_unit="meV/H2O",
    ),
    "3bpa": Set(
        "3bpa/train_300K.extxyz.xz",
        {
            "300 K": _3bpa(
                300,
                {
                    "MACE": (3.0, 8.8),
                    "NequIP": (3.3, 10.8),
                    "Allegro": (3.8, 13.0),
                    "BOTNet": (3.1, 11.0),
                    "ACE": (7.1, 27.1),
                    "ANI": (23.5, 42.8),
                    "GAP": (22.8, 87.3),
                },
            ),
            "600 K": _3bpa(
                600,
                {
                    "MACE": (9.7, 21.8),
                    "NequIP": (11.2, 26.4),
                    "Allegro": (12.1, 29.2),
                    "BOTNet": (11.5, 26.7),
                    "ACE": (24.0, 64.3),
                    "ANI": (37.8, 71.7),
                    "GAP": (61.4, 151.9),
                },
            ),
            "1200 K": _3bpa(
                1200,
                {
                    "MACE": (29.8, 62.0),
                    "NequIP": (38.5, 76.2),
                    "Allegro": (42.6, 83.0),
                    "BOTNet": (39.1, 81.1),
                    "ACE": (85.3, 187.0),
                    "ANI": (76.8, 129.6),
                    "GAP": (166.8, 305.5),
                },
            ),
        },
        MOLECULE | {"n_features": [64, 64]},  # as in peers.py: cost_accuracy.py joins the two
        energy_factor=27.0,
        energy_unit="meV",
        long=True,
    ),
    "ethanol_rmd17": Set(
        "ethanol_rmd17/train.extxyz.xz",
        {
            "test_MD": Test(
                "ethanol_rmd17/test_MD.extxyz.xz",
                tuple(
                    _mae(model, energy, forces, model in ("ACE", "FCHL", "GAP"))
                    for model, energy, forces in (
                        ("MACE", 0.4, 2.1),
                        ("Allegro", 0.4, 2.1),
                        ("NequIP", 0.4, 2.8),
                        ("BOTNet", 0.4, 3.2),
                        ("ACE", 1.2, 7.3),
                        ("FCHL", 0.9, 6.2),
                        ("GAP", 3.5, 18.1),
                    )
                ),
            )
        },
        MOLECULE,
        energy_factor=9.0,
        energy_unit="meV",
        orders=True,
        long=True,
    ),
    **{
        f"mlearn_{element}": Set(
            f"mlearn_{element}/train.extxyz.xz",
            {"test": Test(f"mlearn_{element}/test.extxyz.xz")},
            METAL,
            orders=element != "Li",
        )
        for element in ("Li", "Mo", "Si")
    },
    "ta_snap": Set(
        "ta_snap/all.extxyz.xz",
        {
            "all (training error)": Test(
                "ta_snap/all.extxyz.xz",
                (_mae("linear SNAP (FitSNAP's Ta example)", 113.0, 76.0, True),),
            )
        },
        METAL | {"zbl": [1.6, 2.4]},  # as SNAP's: compressed cells reach 28 eV an atom
        # As published, nothing is held out: one compressed cell would decide which epoch is kept.
        validation="ta_snap/all.extxyz.xz",
    ),
    "inp_snap": Set(
        "inp_snap/all.extxyz.xz",
        {
            "all (training error)": Test(
                "inp_snap/all.extxyz.xz",
                (_mae("EME-SNAP (FitSNAP's InP example)", 3.3, 68.0, True),),
            )
        },
        METAL,
    ),
    "spice_dipeptides": Set(
        "spice_dipeptides/train.extxyz.xz",
        {
            "test": Test(
                "spice_dipeptides/test.extxyz.xz",
                (
                    _rmse("CACE, long-range", 1.88, 61.1, False),
                    _rmse("CACE, short-range", 2.35, 72.4, False),
                ),
            )
        },
        MOLECULE,
        validation="spice_dipeptides/val.extxyz.xz",
        orders=True,
    ),
    "qm7": Set(
        "qm7/all.extxyz.xz",
        {"held out": Test(None)},
        MOLECULE,
        held_out=0.1,
        training={"loss": {"forces": 0.0}},
    ),
}
