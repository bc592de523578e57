"""This package's torch operators, and their plain-torch reference."""

from functools import cache

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.libraries import BUILD_OPERATORS, TORCH_OPERATORS, torch_version


@cache
def load() -> None:
    """Register the operators ``torch.ops.hipnn_ts.*``; calls after the first do nothing.

    Raises
    ------
    InputError
        The compiled library is missing or was built against another torch.
    """
    built_against = torch_version()
    if built_against is None:
        raise InputError(
            "this hipnn-ts was built without torch: install torch, then the operators beside it "
            f"(hipnn-ts-torch: {BUILD_OPERATORS})"
        )
    if not torch.__version__.startswith(built_against):
        raise InputError(
            f"hipnn-ts was built against torch {built_against}, found torch "
            f"{torch.__version__}; install torch=={built_against} or rebuild hipnn-ts"
        )
    torch.ops.load_library(TORCH_OPERATORS)


load()
