"""The sections of `hipnn-ts learn`'s configuration, every key with its default and meaning."""

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

from hipnn_ts.validation import Section

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
    strain: NonNegativeFloat = Field(
        default=0.0,
        description="rattle: standard deviations of the components of the strain of cells that are "
        "periodic in three directions go from a tenth of this to this",
    )
    interval: PositiveInt = Field(
        default=10, description="dynamics, at constant volume: steps between frames"
    )


class SamplingConfig(Section):
    """Molecular dynamics with the committee, to find structures that it does not know."""

    temperatures: tuple[PositiveFloat, ...] = Field(default=(300.0,), description="temperatures, K")
    pressures: tuple[float, ...] = Field(
        default=(),
        description="pressures at each temperature, GPa, at which the volume fluctuates and the "
        "shape of the cell is constant [constant volume]",
    )
    walkers: PositiveInt = Field(
        default=4, description="number of walkers, which share the temperatures and pressures"
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

    @field_validator("temperatures", "pressures", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, float | int) else value

    @model_validator(mode="after")
    def _consistent(self) -> "SamplingConfig":
        if not self.temperatures:
            raise ValueError("temperatures: expected at least one, found none")
        conditions = len(self.temperatures) * max(len(self.pressures), 1)
        if self.walkers < conditions:
            each = "temperature and pressure" if self.pressures else "temperature"
            raise ValueError(
                f"walkers: expected at least one for each {each} ({conditions}), found "
                f"{self.walkers}"
            )
        if self.low >= self.stop:
            raise ValueError(f"low: expected less than stop ({self.stop:g}), found {self.low:g}")
        return self

    def conditions(self, walker: int) -> tuple[float, float | None]:
        """Temperature, K, and pressure, GPa, of a walker; None at constant volume."""
        rest, temperature = divmod(walker, len(self.temperatures))
        pressure = self.pressures[rest % len(self.pressures)] if self.pressures else None
        return self.temperatures[temperature], pressure


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
        description="force error on held-back frames below which the loop ends, eV/Å [any]",
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
