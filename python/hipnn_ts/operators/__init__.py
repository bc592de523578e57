"""This package's torch operators, and their plain-torch reference."""

from functools import cache
from pathlib import Path

import torch

from hipnn_ts import _core
from hipnn_ts.errors import InputError


@cache
def load() -> None:
    """Register the operators ``torch.ops.hipnn_ts.*``; calls after the first do nothing.

    Raises
    ------
    InputError
        The compiled library is missing or was built against another torch.
    """
    if not torch.__version__.startswith(_core.torch_version):
        raise InputError(
            f"hipnn-ts was built against torch {_core.torch_version}, found torch "
            f"{torch.__version__}; install torch=={_core.torch_version} or rebuild hipnn-ts"
        )
    torch.ops.load_library(Path(_core.__file__).parent / "lib" / "libhipnn_ts.so")


load()
