"""Print what the build, the package and its tests need, from pyproject.toml alone.

With --build, what the build needs; with --no-extras, what the build and the package need.
"""

import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def main() -> None:
    content = PROJECT["project"]
    requirements = [*PROJECT["build-system"]["requires"], "cmake>=3.25,<5", "ninja>=1.11"]
    if "--build" not in sys.argv:
        requirements += content["dependencies"]
    if len(sys.argv) == 1:
        own = content["name"] + "["
        extras = content["optional-dependencies"].values()
        requirements += [line for extra in extras for line in extra if not line.startswith(own)]
    print("\n".join(requirements))


if __name__ == "__main__":
    main()
