"""What a training run is told: a YAML file with sections network, data, training."""

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Which frames to train on and which to validate with. Files are extended XYZ."""

    train: tuple[Path, ...] = Field(description="files to train on")
    validation: tuple[Path, ...] | float = Field(
        default=0.1, description="files, or the fraction of the training frames to hold back"
    )
    group_by: str | None = Field(
        default=None,
        description="key of the frames' info (a trajectory, say): frames with the same value stay "
        "on one side of the split",
    )
    seed: int = Field(default=0, description="of the split")

    @field_validator("train", "validation", mode="before")
    @classmethod
    def _files(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str | Path):
            return [value]
        fraction = isinstance(value, float | int) and info.field_name == "validation"
        if (isinstance(value, list | tuple) and value) or (fraction and 0 < value < 1):
            return value
        either = " or a fraction between 0 and 1" if info.field_name == "validation" else ""
        raise ValueError(f"expected a list of files{either}, found {value!r}")


class LossConfig(_Section):
    """Weight of each term of the loss: RMSE + MAE of a batch."""

    energy: NonNegativeFloat = Field(default=5.0, description="of the energy per atom, 1/eV")
    forces: NonNegativeFloat = Field(default=1.0, description="of a force component, Å/eV")
    stress: NonNegativeFloat = Field(
        default=10.0, description="of a stress component, Å^3/eV, where the data has stress"
    )
    hierarchicality: NonNegativeFloat = Field(
        default=1e-3, description="of each block's share of the energy over that of the one before"
    )


class TrainingConfig(_Section):
    """How to optimise, and for how long: give epochs, max_minutes or both (the first to end)."""

    epochs: PositiveInt | None = Field(default=None, description="passes over the training data")
    max_minutes: PositiveFloat | None = Field(
        default=None, description="end after this time; runs then differ with the machine's speed"
    )
    batch_size: PositiveInt = Field(default=8, description="configurations in a step")
    learning_rate: PositiveFloat = Field(
        default=2e-3, description="highest rate of Adam: warm-up over 5 % of the run, then cosine"
    )
    gradient_clipping: PositiveFloat = Field(
        default=10.0, description="largest norm of the loss gradient"
    )
    loss: LossConfig = LossConfig()
    precision: Literal["float32", "float64"] = Field(
        default="float32", description="of the network; total energies are float64 anyway"
    )
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int = Field(default=0, description="of initial weights and order of the batches")

    @model_validator(mode="after")
    def _ends(self) -> "TrainingConfig":
        if self.epochs is None and self.max_minutes is None:
            raise ValueError("give 'epochs', 'max_minutes' or both")
        return self


class RunConfig(_Section):
    """All sections. ``network`` holds keys of NetworkConfig; elements may be left to the data."""

    network: dict[str, Any]
    data: DataConfig
    training: TrainingConfig


def read_config(path: str | Path) -> RunConfig:
    """Read and validate a YAML file; relative data files start at its folder.

    Raises
    ------
    InputError
        The file cannot be read, or a key is unknown, missing or has an unusable value.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected YAML, found what cannot be parsed ({reason})"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected sections data and training, found no mapping")
    return parse_config(content, str(path), path.parent)


def parse_config(content: dict[str, Any], name: str, folder: str | Path = ".") -> RunConfig:
    """The same from a dictionary; ``name`` begins each message. Raises as ``read_config``."""
    sections = list(RunConfig.model_fields)
    for key, value in content.items():
        if key not in sections:
            raise InputError(f"{name}: unknown section '{key}', expected one of {_list(sections)}")
        if value is not None and not isinstance(value, dict):
            raise InputError(f"{name}: section '{key}': expected keys with values, found {value!r}")
    network = dict(content.get("network") or {})
    # The elements may have to wait for the data; everything else is judged now.
    _validated(NetworkConfig, {"elements": ["H"], **network}, name, "network")
    data = dict(content.get("data") or {})
    return RunConfig(
        network=network,
        data=_in_folder(_validated(DataConfig, data, name, "data"), Path(folder)),
        training=_validated(TrainingConfig, content.get("training") or {}, name, "training"),
    )


def _in_folder(data: DataConfig, folder: Path) -> DataConfig:
    # Absolute: the resolved configuration is read again from another folder.
    moved = {"train": tuple((folder / file).resolve() for file in data.train)}
    if not isinstance(data.validation, float):
        moved["validation"] = tuple((folder / file).resolve() for file in data.validation)
    return data.model_copy(update=moved)


def network_config(config: RunConfig, elements: list[str]) -> NetworkConfig:
    """The architecture, with the given elements unless the configuration names its own."""
    return NetworkConfig(**{"elements": elements, **config.network})


def _validated(model: type[BaseModel], content: dict[str, Any], name: str, section: str) -> Any:
    try:
        return model(**content)
    except ValidationError as error:
        raise InputError(f"{name}: {_sentence(error.errors()[0], model, section)}") from error


def _sentence(error: Any, model: type[BaseModel], section: str) -> str:
    key, known = section, model.model_fields
    for part in error["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part in known or error["type"] == "extra_forbidden":
            key += f".{part}"
            inner = known[part].annotation if part in known else None
            known = inner.model_fields if hasattr(inner, "model_fields") else known
        # What remains names an alternative of a union: pydantic's affair.
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}', expected one of {_list(known)}"
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{key}: {message}"
    for theirs, ours in _WORDING.items():
        message = re.sub(theirs, ours, message)
    return f"{key}: {message}, found {error['input']!r}"


# pydantic's wording to a user's who never saw Python.
_WORDING = {
    "Input should be (?=greater|less)": "expected a value ",
    "Input should be": "expected",
    "a valid dictionary or instance of .*": "keys with values",
    "a valid tuple": "a list",
    ", unable to parse.*": "",
}


def _list(names: Any) -> str:
    return ", ".join(names)
