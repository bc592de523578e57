"""The compiled libraries that come with this package."""

from pathlib import Path

from hipnn_ts import _core

FOLDER = Path(_core.__file__).parent / "lib"
TORCH_OPERATORS = FOLDER / "libhipnn_ts_torch.so"


# The cure beside a torch, in a copy of the repository; there may also be a wheel.
BUILD_OPERATORS = "pip install --no-build-isolation ./torch_operators"


def torch_version() -> str | None:
    """The torch that the operators were built against; None for a build without torch."""
    file = FOLDER / "torch_version"
    return file.read_text() if file.exists() else None
