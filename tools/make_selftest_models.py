"""The exported files that come with the package, for a self-test without a model of one's own.

    python tools/make_selftest_models.py python/hipnn_ts/selftest

Run where the format or the network of the self-test is new.
"""

import sys
from pathlib import Path

from hipnn_ts.selftest.model import random_model, write_random_model


def main() -> None:
    """Write them to a folder."""
    for dtype in ("float32", "float64"):
        path = Path(sys.argv[1]) / random_model(dtype).name
        write_random_model(path, dtype, portable=False)


if __name__ == "__main__":
    main()
