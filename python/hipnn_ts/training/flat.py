"""Many small parameters as parts of one tensor.

A network of 32 features has forty parameters. The operations of an optimisation step on each of
them (zeroing the gradient, norm, step, average) cost more than the arithmetic; on one tensor that
contains them all, they take only a few operations.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

ALIGNMENT = 16  # elements; each part begins at a multiple, for the sake of vector instructions


class FlatParameters:
    """Parameters and their gradients become views of ``wholes``, one tensor for each precision.

    Loading a state dict, which copies in place, preserves this; moving to another device or
    precision does not.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]):
        by_type: dict[torch.dtype, list[nn.Parameter]] = {}
        for parameter in parameters:
            by_type.setdefault(parameter.dtype, []).append(parameter)
        self.wholes = [_joined(group) for group in by_type.values()]

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for whole in self.wholes:
            whole.grad.zero_()


def _joined(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    lengths = [-(-parameter.numel() // ALIGNMENT) * ALIGNMENT for parameter in parameters]
    whole = nn.Parameter(parameters[0].new_zeros(sum(lengths)))
    whole.grad = torch.zeros_like(whole)
    parts = zip(whole.data.split(lengths), whole.grad.split(lengths), strict=True)
    for parameter, (values, gradient) in zip(parameters, parts, strict=True):
        own = _like(values, parameter)
        own.copy_(parameter.data)
        parameter.data = own
        parameter.grad = _like(gradient, parameter)
    return whole


def _like(part: Tensor, parameter: nn.Parameter) -> Tensor:
    return part[: parameter.numel()].view_as(parameter)
