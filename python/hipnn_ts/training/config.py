"""The configuration of a training run: a YAML file with sections network, data, training."""

from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.training.network_section import NetworkSection
from hipnn_ts.training.sections import DataConfig, RunConfig, TrainingConfig
from hipnn_ts.validation import read_mapping, validated

SECTIONS = {"network": NetworkSection, "data": DataConfig, "training": TrainingConfig}


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read and validate a YAML file; relative data files start at its folder.

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
    return parse_config(content, str(path), path.parent)


def parse_config(content: dict[str, Any], name: str, folder: str | Path = ".") -> RunConfig:
    """The same from a dictionary; ``name`` begins each message. Raises the errors of
    ``read_config``."""
    for key, value in content.items():
        if key not in SECTIONS:
            raise InputError(
                f"{name}: unknown section '{key}', expected one of {', '.join(SECTIONS)}"
            )
        if value is not None and not isinstance(value, dict):
            raise InputError(f"{name}: section '{key}': expected keys with values, found {value!r}")
    training = validated(TrainingConfig, content.get("training") or {}, name, "training")
    network = dict(content.get("network") or {})
    if training.start_from is not None:
        # Absolute, like the data files.
        path = (Path(folder) / training.start_from).resolve()
        training = training.model_copy(update={"start_from": path})
    network = _judged(network, training.start_from, name)
    data = validated(DataConfig, content.get("data") or {}, name, "data")
    return RunConfig(network=network, data=_in_folder(data, Path(folder)), training=training)


def network_config(config: RunConfig, elements: list[str]) -> NetworkConfig:
    """The architecture, with the given elements unless the configuration names them itself, and
    without a repulsion that depends on the data.

    Raises InputError if radii of the repulsion do not fit the elements.
    """
    content = {"elements": elements, **config.network}
    if config.training.start_from is not None and isinstance(content.get("zbl"), dict):
        content["zbl"] = _without_dropped(content["zbl"], content["elements"])
    section = validated(NetworkSection, content, "network")
    content = {key: getattr(section, key) for key in NetworkConfig.model_fields}
    return NetworkConfig(**content | ({"zbl": None} if section.zbl == "auto" else {}))


def _without_dropped(radii: dict[str, Any], elements: list[str]) -> dict[str, Any]:
    """Radii of pairs of these elements: others of the checkpoint do not occur any more."""
    return {pair: own for pair, own in radii.items() if set(pair.split("-")) <= set(elements)}


def describe(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    """``key = default`` and meaning of every key, required ones first, inner sections last."""
    required, optional, inner = [], [], []
    for name, field in model.model_fields.items():
        key = f"{prefix}.{name}" if prefix else name
        sections = [k for k in (field.annotation, *get_args(field.annotation)) if _section(k)]
        if not sections or field.default is None:
            line = (f"{key} = {_written(field.default)}", field.description or "")
            (required if field.is_required() else optional).append(line)
        for kind in sections:
            inner += describe(kind, key)
    return required + optional + inner


def _judged(network: dict[str, Any], start_from: Path | None, name: str) -> dict[str, Any]:
    """Keys of the network, merged with those of the checkpoint from which the run starts."""
    if start_from is None:
        validated(NetworkSection, _with_elements(network), name, "network")
        return network
    # Imported here because that module needs torch, for which `--help` must not wait.
    from hipnn_ts.training.fine_tuning import check_architecture, read_start, with_inherited_keys

    try:
        start = read_start(start_from)
        complete = with_inherited_keys(network, start)
        validated(NetworkSection, _with_elements(complete), name, "network")
        check_architecture(network, start)
    except InputError as error:
        raise InputError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from error
    return complete


def _with_elements(network: dict[str, Any]) -> dict[str, Any]:
    """The same with elements, which may depend on the data; everything else is checked now."""
    zbl = network.get("zbl")
    named = (
        {symbol for pair in zbl for symbol in str(pair).split("-")}
        if zbl and isinstance(zbl, dict)
        else {"H"}
    )
    return {"elements": sorted(named), **network}


def _section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _written(default: Any) -> str:
    if default is PydanticUndefined:
        return "(required)"
    if default is None:
        return "null"
    value = list(default) if isinstance(default, tuple) else default
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).split("\n")[0]


def _in_folder(data: DataConfig, folder: Path) -> DataConfig:
    named = {key: getattr(data, key) for key in ("train", "validation", "distilled")}
    moved = {
        key: _files(files, folder, key)
        for key, files in named.items()
        if not isinstance(files, float)
    }
    return data.model_copy(update=moved)


def _files(named: Sequence[Path], folder: Path, key: str) -> tuple[Path, ...]:
    """Absolute, because the resolved configuration is read again from another folder. Patterns are
    replaced by the matching files, in alphabetical order, without those named earlier."""
    files: list[Path] = []
    for file in named:
        if (folder / file).exists() or not set("*?[") & set(str(file)):
            files.append((folder / file).resolve())
            continue
        matching = sorted(glob(str(file), root_dir=folder, recursive=True))
        found = [(folder / match).resolve() for match in matching if (folder / match).is_file()]
        if not found:
            raise InputError(f"data.{key}: expected files that match '{folder / file}', found none")
        files += [match for match in dict.fromkeys(found) if match not in files]
    return tuple(files)
