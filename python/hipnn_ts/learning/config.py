"""The configuration of `hipnn-ts learn`: a YAML file, every key with its default and meaning."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from hipnn_ts.errors import InputError
from hipnn_ts.validation import Section, read_mapping, validated

Share = Annotated[float, Field(gt=0, lt=1)]


class ProfileConfig(Section):
    """How to start a program, for ASE calculators that take a profile."""

    kind: str = Field(
        description="import path of the profile, such as ase.calculators.orca.OrcaProfile"
    )
    arguments: dict[str, Any] = Field(
        default={}, description="arguments of the profile, such as {command: /opt/orca/orca}"
    )


class ReferenceConfig(Section):
    """The method that labels: any ASE calculator."""

    calculator: str = Field(
        description="import path (tblite.ase.TBLite) or ASE's short name (vasp, orca, espresso)"
    )
    arguments: dict[str, Any] = Field(
        default={}, description="arguments of the calculator, such as {method: GFN2-xTB}"
    )
    profile: ProfileConfig | None = Field(
        default=None,
        description="how to start the calculator's program [as ASE's own configuration says]",
    )
    time_limit: PositiveFloat = Field(
        default=3600.0, description="seconds after which a structure counts as failed"
    )


class FirstConfig(Section):
    """Where the labels of the first committee come from, before there is a potential."""

    labels: Annotated[int, Field(ge=4)] = Field(default=24, description="structures to label")
    method: Literal["rattle", "dynamics"] = Field(
        default="rattle",
        description="rattle: structures with displaced atoms; dynamics: frames of short molecular "
        "dynamics with the reference method itself, which takes `interval` evaluations per frame",
    )
    displacement: PositiveFloat = Field(
        default=0.05,
        description="rattle: standard deviations of a coordinate go from a tenth of this to this, "
        "Å",
    )
    interval: PositiveInt = Field(default=10, description="dynamics: steps between frames")


class SamplingConfig(Section):
    """Molecular dynamics with the committee, to find structures that it does not know."""

    temperatures: tuple[PositiveFloat, ...] = Field(default=(300.0,), description="temperatures, K")
    walkers: PositiveInt = Field(
        default=4, description="number of walkers, which share the temperatures"
    )
    steps: PositiveInt = Field(
        default=2000, description="steps of each walker in a round, restarts included"
    )
    interval: PositiveInt = Field(
        default=10, description="steps between the frames that are considered"
    )
    timestep: PositiveFloat = Field(default=0.5, description="time step, fs")
    friction: PositiveFloat = Field(
        default=0.02, description="friction of the Langevin equation, 1/fs"
    )
    low: NonNegativeFloat = Field(
        default=0.05,
        description="eV/Å; frames whose largest force deviation is smaller count as known",
    )
    stop: PositiveFloat = Field(
        default=0.5,
        description="eV/Å; if the largest force deviation exceeds this after at least `interval` "
        "steps, the walker starts again",
    )
    starts: PositiveInt = Field(
        default=20,
        description="largest number of starts of a walker in a round, each with new velocities",
    )

    @field_validator("temperatures", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, float | int) else value

    @model_validator(mode="after")
    def _consistent(self) -> "SamplingConfig":
        if not self.temperatures:
            raise ValueError("temperatures: expected at least one, found none")
        if self.walkers < len(self.temperatures):
            raise ValueError(
                f"walkers: expected at least one for each temperature ({len(self.temperatures)}), "
                f"found {self.walkers}"
            )
        if self.low >= self.stop:
            raise ValueError(f"low: expected less than stop ({self.stop:g}), found {self.low:g}")
        return self


class RoundsConfig(Section):
    """How much is labelled in each round, and when the loop ends."""

    most: NonNegativeInt = Field(
        default=10, description="largest number of rounds after the first labels"
    )
    labels: Annotated[int, Field(ge=2)] = Field(
        default=20, description="largest number of structures to label in a round"
    )
    held_back: Share = Field(
        default=0.2,
        description="share of all labels, chosen at random, that no member is trained on: they "
        "serve for validation and errors",
    )
    choose: Literal["uncertain", "random"] = Field(
        default="uncertain",
        description="random: ignore the committee when frames are chosen, for comparison",
    )
    forces_rmse: PositiveFloat | None = Field(
        default=None,
        description="force error on held-out frames below which the loop ends, eV/Å [any]",
    )
    deviation: PositiveFloat | None = Field(
        default=None,
        description="limit, eV/Å, below which the largest force deviation must be in 95 of 100 "
        "frames [sampling.low]; without both keys all rounds are run",
    )


class CommitteeConfig(Section):
    """The members."""

    members: Annotated[int, Field(ge=2, le=64)] = Field(default=4, description="number of members")
    steps: PositiveInt | None = Field(
        default=None,
        description="steps of training in each round, however many labels there are, instead of "
        "training.epochs; needs training.batch_size",
    )
    restart: bool = Field(
        default=True,
        description="continue from the members of the last round; false: start from new weights",
    )


class JobsConfig(Section):
    """Where the work is done; may differ between calls."""

    workers: PositiveInt = Field(
        default=1, description="pieces of work that run at once, each a process on this machine"
    )
    threads: PositiveInt = Field(default=1, description="threads of each process (OMP_NUM_THREADS)")
    parsl: Path | None = Field(
        default=None,
        description="Python file with `config`, a parsl.Config, for other machines, instead of "
        "workers",
    )


class LearnConfig(Section):
    """All sections. ``network`` and ``training`` are those of `hipnn-ts train`."""

    structures: tuple[Path, ...] = Field(
        description="files with the structures from which walks start, in any format that ASE reads"
    )
    seed: NonNegativeInt = Field(default=0, description="seed of all random numbers")
    reference: ReferenceConfig
    first: FirstConfig = FirstConfig()
    sampling: SamplingConfig = SamplingConfig()
    rounds: RoundsConfig = RoundsConfig()
    committee: CommitteeConfig = CommitteeConfig()
    jobs: JobsConfig = JobsConfig()
    network: dict[str, Any] = Field(default={}, description="as for hipnn-ts train")
    training: dict[str, Any] = Field(
        default={}, description="as for hipnn-ts train, for each member"
    )

    @field_validator("structures", mode="before")
    @classmethod
    def _files(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            return [value]
        if not value:
            raise ValueError(f"expected a list of files, found {value!r}")
        return value


# What may change between calls: where the work is done, and when the loop ends.
_FREE = {"jobs": True, "rounds": {"most", "forces_rmse", "deviation"}}


def read_learn_config(path: str | Path, overrides: tuple[str, ...] = ()) -> LearnConfig:
    """Read and validate a YAML file; relative files start at its folder.

    Parameters
    ----------
    path : path of the YAML file
    overrides : ``section.key=value``, the value in YAML; they take precedence over the file

    Raises
    ------
    InputError
        The file cannot be read, or a key is unknown, missing or has an unusable value.
    """
    path = Path(path)
    content = read_mapping(path, overrides)
    config = validated(LearnConfig, content, str(path))
    folder = path.parent.resolve()
    check_training(config, str(path), folder)
    jobs = config.jobs
    if jobs.parsl is not None:
        jobs = jobs.model_copy(update={"parsl": folder / jobs.parsl})
    structures = tuple(folder / file for file in config.structures)
    training = dict(config.training)
    if training.get("start_from") is not None:
        training["start_from"] = str((folder / training["start_from"]).resolve())
    return config.model_copy(update={"structures": structures, "jobs": jobs, "training": training})


def check_training(config: LearnConfig, name: str, folder: Path) -> None:
    """Raise InputError if `hipnn-ts train` would refuse the sections network and training."""
    from hipnn_ts.training.config import parse_config

    if "seed" in config.training:
        raise InputError(
            f"{name}: training.seed: expected none, because each member has its own seed, found "
            f"{config.training['seed']!r}; give 'seed'"
        )
    try:
        training = training_of(config, 1)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    content = {"network": config.network, "training": training, "data": {"train": "labels"}}
    parse_config(content, name, folder)


def training_of(config: LearnConfig, n_labels: int) -> dict[str, Any]:
    """The section training for a number of labels to train on, with ``committee.steps`` as epochs.

    Raises
    ------
    InputError
        Both are given, or there is no batch size.
    """
    training, steps = config.training, config.committee.steps
    if steps is None:
        return dict(training)
    if "epochs" in training or not isinstance(training.get("batch_size"), int):
        raise InputError(
            "committee.steps: expected training.batch_size and no training.epochs beside it, found "
            f"{training}"
        )
    batches = -(-n_labels // max(1, training["batch_size"]))
    return training | {"epochs": max(1, round(steps / batches))}


def identity_of(config: LearnConfig) -> dict[str, Any]:
    """What must stay the same when a run continues: neither free keys nor folders."""
    fixed = config.model_dump(mode="json", exclude=_FREE)
    return fixed | {"structures": [Path(file).name for file in fixed["structures"]]}


def held_back_of(n: int, share: float) -> int:
    """How many of n labels are held out: at least one if at least one remains for training."""
    return 0 if n < 2 else min(max(1, math.floor(share * n + 0.5)), n - 1)
