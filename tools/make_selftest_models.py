"""Write the exported files that the package has for a self-test without a user's model.

    python tools/make_selftest_models.py python/hipnn_ts/selftest

Run it when the format or the network of the self-test changes.
"""

import sys
from pathlib import Path

from hipnn_ts.selftest.model import random_model, write_random_model


def main() -> None:
    """Write both files to the folder that the command names."""
    for dtype in ("float32", "float64"):
        path = Path(sys.argv[1]) / random_model(dtype).name
        write_random_model(path, dtype, portable=False)


if __name__ == "__main__":
    main()
