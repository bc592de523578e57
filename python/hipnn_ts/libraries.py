"""The compiled libraries that come with this package."""

from pathlib import Path

from hipnn_ts import _core

FOLDER = Path(_core.__file__).parent / "lib"
TORCH_OPERATORS = FOLDER / "libhipnn_ts_torch.so"


def torch_version() -> str:
    """The torch that the operators were built against."""
    return (FOLDER / "torch_version").read_text()
