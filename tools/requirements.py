"""Print what the build, the package and its tests need, from pyproject.toml alone.

With --no-extras, what the build and the package need.
"""

import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def main() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    if sys.argv[1:] == ["--no-extras"]:
        extras = {}
    own = PROJECT["project"]["name"] + "["
    requirements = [
        *PROJECT["build-system"]["requires"],
        "cmake>=3.25,<5",
        "ninja>=1.11",
        *PROJECT["project"]["dependencies"],
        *(line for extra in extras.values() for line in extra if not line.startswith(own)),
    ]
    print("\n".join(requirements))


if __name__ == "__main__":
    main()
