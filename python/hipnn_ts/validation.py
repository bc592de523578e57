"""One sentence for a user's mistake in a YAML file or a mapping."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from hipnn_ts.errors import InputError


class Section(BaseModel):
    """Keys with values, immutable after validation; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)

# pydantic's wording, translated for users who do not know Python.
_WORDING = {
    "Input should be (?=greater|less)": "expected a value ",
    "Input should be": "expected",
    "a valid dictionary or instance of .*": "keys with values",
    "a valid tuple": "a list",
    ", unable to parse.*": "",
}


def read_mapping(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The mapping in the YAML file at ``path``, changed by ``section.key=value`` overrides.

    Raises
    ------
    InputError
        The file cannot be read or contains no YAML mapping, or an override cannot be used.
    """
    import yaml  # imported here, so that reading a model does not wait for it

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected YAML, found what cannot be parsed ({reason})"
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: expected a mapping of keys to values, found {type(content).__name__}"
        )
    for override in overrides:
        apply_override(override, content)
    return content


def validated(model: type[Model], content: dict[str, Any], name: str, section: str = "") -> Model:
    """``model`` made from ``content``; messages begin with ``name`` and prefix keys by ``section``.

    Raises
    ------
    InputError
        A key is unknown or missing, or its value cannot be used; the first such key is named.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{name}: {_sentence(error.errors()[0], model, section)}") from error


def apply_override(override: str, content: dict[str, Any]) -> None:
    """Set one key, ``section.key=value`` with the value in YAML, in nested mappings.

    Raises
    ------
    InputError
        The text does not have that form, or a section on the path is a value.
    """
    import yaml

    key, equals, text = override.partition("=")
    *sections, last = key.split(".")
    if not equals or not all([*sections, last]):
        raise InputError(f"'{override}': expected section.key=value, training.epochs=5 say")
    inner = content
    for depth, section in enumerate(sections, 1):
        if inner.get(section) is None:
            inner[section] = {}
        inner = inner[section]
        if not isinstance(inner, dict):
            raise InputError(
                f"'{override}': expected keys with values under '{'.'.join(sections[:depth])}', "
                f"found {inner!r}"
            )
    try:
        inner[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"'{override}': expected a YAML value, found {text!r}") from error


def first_difference(old: Any, new: Any, key: str) -> str | None:
    """The first entry in which two nested values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            found = first_difference(old.get(name), new.get(name), f"{key}.{name}")
            if found:
                return found
        return None
    return None if old == new else f"{key} was {old!r} and is now {new!r}"


def _sentence(error: Any, model: type[BaseModel], section: str) -> str:
    key, known = section, model.model_fields
    for part in error["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part in known or error["type"] == "extra_forbidden":
            key += f".{part}" if key else part
            known = _inner_fields(known[part].annotation) if part in known else known
        # The rest names an alternative of a union, which only pydantic knows.
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}', expected one of {', '.join(known)}"
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    subject = f"{key}: " if key else ""
    if error["type"] == "value_error":
        return f"{subject}{message}"
    for theirs, ours in _WORDING.items():
        message = re.sub(theirs, ours, message)
    return f"{subject}{message}, found {error['input']!r}"


def _inner_fields(annotation: Any) -> dict[str, Any]:
    """Keys of a section, which may be optional; none if a value is expected."""
    for kind in (annotation, *get_args(annotation)):
        if hasattr(kind, "model_fields"):
            return kind.model_fields
    return {}
