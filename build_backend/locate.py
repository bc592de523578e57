"""Find a file of an installed distribution, in the build's environment or its target's.

With build isolation, packages of the target environment cannot be imported, but a second copy of
torch in the isolated one would cost minutes and gigabytes.
"""

import sys
import sysconfig
from importlib.metadata import Distribution
from pathlib import Path


def locate(distribution: str, ending: str) -> Path | None:
    """Path of the distribution's first file whose path ends with ``ending``, or None."""
    for path in (sys.path, [sysconfig.get_path("purelib")]):
        for found in Distribution.discover(name=distribution, path=path):
            for file in found.files or []:
                if file.as_posix().endswith(ending):
                    return Path(found.locate_file(file)).resolve()
    return None


if __name__ == "__main__":
    print(locate(sys.argv[1], sys.argv[2]) or "")
