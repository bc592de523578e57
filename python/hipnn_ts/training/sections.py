"""The sections of a training configuration: every key, its default and its meaning."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hipnn_ts.label_config import LabelConfig
from hipnn_ts.validation import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class DataConfig(LabelConfig):
    """Which configurations to train on, which to validate with, and what their columns mean."""

    train: tuple[Path, ...] = Field(
        description="files to train on, or patterns (data/*.extxyz): extended XYZ (.xyz, .extxyz, "
        "also .xz, .gz), ASE database (.db), NumPy archive (.npz), ANI-style HDF5 (.h5, .hdf5)"
    )
    validation: tuple[Path, ...] | float = Field(
        default=0.1,
        description="files or patterns, or the fraction of the training frames to hold out",
    )
    distilled: tuple[Path, ...] = Field(
        default=(),
        description="files or patterns of hipnn-ts distil: frames that a potential labelled, which "
        "are trained on, but neither validate nor count as reference data",
    )
    distilled_weight: PositiveFloat = Field(
        default=0.3, description="factor on the errors of these frames in the loss"
    )
    group_by: str | None = Field(
        default=None,
        description="key of the frames' info (a trajectory, say): frames with the same value stay "
        "on one side of the split",
    )
    seed: int = Field(default=0, description="random seed of the split")
    in_memory: bool = Field(
        default=True,
        description="true: keep the frames in memory; false: in a temporary file (in TMPDIR), from "
        "which they are read whenever they are needed",
    )
    keep_pairs: bool | None = Field(
        default=None,
        description="true: list neighbours once, 20 bytes per pair; false: before every use "
        "[in_memory]",
    )

    @field_validator("train", "validation", "distilled", mode="before")
    @classmethod
    def _files(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str | Path):
            return [value]
        fraction = isinstance(value, float | int) and info.field_name == "validation"
        if (isinstance(value, list | tuple) and value) or (fraction and 0 < value < 1):
            return value
        if info.field_name == "distilled" and value in ([], ()):
            return ()
        either = " or a fraction between 0 and 1" if info.field_name == "validation" else ""
        raise ValueError(f"expected a list of files{either}, found {value!r}")

    @model_validator(mode="after")
    def _consistent(self) -> "DataConfig":
        if self.keep_pairs and not self.in_memory:
            raise ValueError(
                "keep_pairs: expected false where in_memory is, because pairs take more memory "
                "than frames, found true"
            )
        return self


class LossConfig(Section):
    """Weight of each term of the loss, and how errors are counted."""

    energy: NonNegativeFloat = Field(default=1.0, description="weight of energy errors, 1/eV")
    forces: NonNegativeFloat = Field(default=1.0, description="weight of force errors, Å/eV")
    stress: NonNegativeFloat = Field(default=10.0, description="weight of stress errors, Å^3/eV")
    energy_per: Literal["atom", "configuration"] = Field(
        default="atom", description="whether energy errors count per atom or per configuration"
    )
    rmse: NonNegativeFloat = Field(default=0.0, description="weight of root mean square errors")
    mae: NonNegativeFloat = Field(default=0.0, description="weight of mean absolute errors")
    mse: NonNegativeFloat = Field(
        default=1.0,
        description="weight of mean square errors, which the weights of energy, forces and stress "
        "enter squared",
    )
    late_energy: PositiveFloat = Field(
        default=3.0,
        description="factor on the weight of energies in the last quarter of the run, when forces "
        "are already learned; it has no effect together with second_stage",
    )
    hierarchicality: NonNegativeFloat = Field(
        default=0.0,
        description="weight of the ratio of each block's energy to that of the one before "
        "(hippynn: 0.01)",
    )
    l2: NonNegativeFloat = Field(
        default=0.0, description="weight of the sum of all squared parameters (hippynn: 1e-6)"
    )


class ScheduleConfig(Section):
    """How the learning rate, and with patience the batch size, change during the run."""

    kind: Literal["cosine", "patience"] = Field(
        default="cosine",
        description="cosine: warm-up, then a cosine over the run; patience, as in the paper: each "
        "plateau of the validation loss doubles the batch size up to its maximum, then halves "
        "the learning rate",
    )
    warm_up: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.02, description="cosine: fraction of the run in which the rate rises"
    )
    last_rate: Share = Field(
        default=1e-3, description="cosine: ratio of the last learning rate to the highest"
    )
    patience: PositiveInt = Field(
        default=10, description="patience: epochs without a lower validation loss"
    )
    max_batch_size: PositiveInt | None = Field(
        default=None, description="patience: largest batch [8 × batch_size]"
    )


LATE = 0.75  # fraction of the run after which energies weigh more


class SecondStage(Section):
    """Other loss weights for the last part of the run."""

    start: Share = Field(default=LATE, description="fraction of the run after which it begins")
    loss: LossConfig = Field(default=LossConfig(), description="the weights from then on")


class TrainingConfig(Section):
    """How to optimise, and for how long: epochs, max_minutes, or the first of both to end."""

    epochs: PositiveInt | None = Field(default=None, description="passes over the training data")
    max_minutes: PositiveFloat | None = Field(
        default=None,
        description="end after this time; the result depends on the machine's speed",
    )
    batch_size: PositiveInt | None = Field(
        default=None,
        description="configurations in a step [about 256 atoms, with adam 128; at most a 20th of "
        "the training data]",
    )
    max_atoms_per_batch: PositiveInt | None = Field(
        default=None, description="largest number of atoms in a batch"
    )
    optimizer: Literal["soap", "adam"] = Field(
        default="soap",
        description="soap: Adam in the eigenbasis of the gradients' second moments; adam",
    )
    learning_rate: PositiveFloat | None = Field(
        default=None, description="highest learning rate [soap: 6e-3, adam: 3e-3]"
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.0,
        description="each step shrinks matrices of weights by this times the learning rate, "
        "decoupled from the gradients",
    )
    schedule: ScheduleConfig = ScheduleConfig()
    early_stop: PositiveInt | None = Field(
        default=None, description="end after this many epochs without a lower validation loss"
    )
    gradient_clipping: PositiveFloat = Field(
        default=1.0, description="largest norm of the loss gradient"
    )
    ema_decay: Share | None = Field(
        default=0.99,
        description="validate and keep an exponential moving average of the weights, with this "
        "decay per step; null: the weights themselves",
    )
    loss: LossConfig = LossConfig()
    second_stage: SecondStage | None = Field(
        default=None, description="other loss weights for the last part of the run"
    )
    self_energies: Literal["least_squares", "trained", "kept"] | dict[str, float] = Field(
        default="least_squares",
        description="energy of an isolated atom of each element: fitted to the compositions and "
        "then fixed (least_squares), fitted and then trained, or given in eV, {H: -13.6, ...}; "
        "isolated atoms in the data (config_type=IsolatedAtom) replace the fit; with start_from, "
        "those of the checkpoint, shifted by a fit to the remaining energy, or unchanged (kept)",
    )
    start_from: Path | None = Field(
        default=None,
        description="fine-tuning: a checkpoint (best.ckpt) with whose network and weights the run "
        "starts; elements may be added and dropped",
    )
    freeze: tuple[str, ...] = Field(
        default=(),
        description="layers or weights that are not trained, by name, with * for any characters: "
        "[blocks.0, readouts.*]",
    )
    precision: Literal["float32", "float64"] = Field(
        default="float32",
        description="precision of the network; total energies are always float64",
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="where to compute")
    checkpoint_minutes: NonNegativeFloat = Field(
        default=1.0, description="time between checkpoints to resume from; 0: every step"
    )
    seed: int = Field(
        default=0, description="random seed of initial weights and of the order of batches"
    )

    @field_validator("freeze", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> "TrainingConfig":
        if self.epochs is None and self.max_minutes is None:
            raise ValueError("give 'epochs', 'max_minutes' or both")
        if self.self_energies == "kept" and self.start_from is None:
            raise ValueError("self_energies: expected start_from beside 'kept', found none")
        largest = self.schedule.max_batch_size
        if None not in (largest, self.batch_size) and largest < self.batch_size:
            raise ValueError(
                f"schedule.max_batch_size: expected at least batch_size ({self.batch_size}), "
                f"found {largest}"
            )
        return self


class RunConfig(Section):
    """All sections. ``network`` has keys of NetworkConfig; the data may define the elements."""

    network: dict[str, Any]
    data: DataConfig
    training: TrainingConfig
