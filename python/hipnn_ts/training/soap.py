"""SOAP: Adam in the eigenbasis of the second moments of a weight's gradients.

N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", arXiv:2409.11321.

The sensitivities overlap, and so do the polynomials of one moment: their weights receive gradients
that are almost the same. Adam, which scales each weight by itself, learns the differences between
them last; in the eigenbasis, it learns them as fast as what they have in common.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

DECAY = 0.95  # per step, of the averages of gradients and of their squares
EPSILON = 1e-8
LONGEST = 1024  # no eigenbasis for a dimension that is longer: it would cost more than it saves
MOMENTS_EVERY = 2  # steps between two looks at the moments
BASES_EVERY = 40  # steps between two improvements of the bases


class Soap(torch.optim.Optimizer):
    """Weights of two and more dimensions are rotated; the others are trained by Adam.

    Parameters of the same shape are handled together, which takes a third of the time of one after
    the other.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float):
        super().__init__(list(parameters), {"lr": lr})
        self._stacks: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for parameter in chain.from_iterable(group["params"] for group in self.param_groups):
            shape = tuple(length for length in parameter.shape if length != 1)
            if parameter.numel() > 0:
                self._stacks.setdefault((parameter.dtype, *shape), []).append(parameter)

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters against their gradients."""
        for (_, *shape), parameters in self._stacks.items():
            gradient = torch.stack([parameter.grad.view(shape) for parameter in parameters])
            step = _step(self.state[parameters[0]], gradient)
            for parameter, own in zip(parameters, step, strict=True):
                parameter.view(shape).sub_(own, alpha=self.param_groups[0]["lr"])


def _step(state: dict[str, Any], gradient: Tensor) -> Tensor:
    """The step at rate 1 of a stack of parameters, (parameters, ...) like their gradients."""
    if not state:
        moments = _moments(gradient)
        state |= _averages(gradient) | {"moments": moments, "bases": [None] * len(moments)}
    elif state["step"] % MOMENTS_EVERY == 0:
        for moments, found in zip(state["moments"], _moments(gradient), strict=True):
            if moments is not None:
                moments.lerp_(found, 1 - DECAY)
    state["step"] += 1
    bases = state["bases"]
    gradient = _rotated(gradient, bases)
    state["mean"].lerp_(gradient, 1 - DECAY)
    state["square"].mul_(DECAY).addcmul_(gradient, gradient, value=1 - DECAY)
    missing = 1 - DECAY ** state["step"]  # both averages began at 0
    deviation = (state["square"] / missing).sqrt_().add_(EPSILON)
    step = _rotated((state["mean"] / missing).div_(deviation), _inverse(bases))
    if state["step"] % BASES_EVERY == 0:
        if any(basis is not None for basis in bases):
            _improve_bases(state)
        elif any(moments is not None for moments in state["moments"]):
            _find_bases(state)
    return step


def _averages(values: Tensor) -> dict[str, Any]:
    return {"step": 0, "mean": torch.zeros_like(values), "square": torch.zeros_like(values)}


def _moments(gradient: Tensor) -> list[Tensor | None]:
    """The second moments (parameters, n, n) of each dimension of length n."""
    moments = []
    for dimension in range(1, gradient.dim()) if gradient.dim() > 2 else ():
        rows = gradient.movedim(dimension, 1).flatten(2)
        moments.append(rows @ rows.mT if rows.shape[1] <= LONGEST else None)
    return moments


def _rotated(values: Tensor, bases: list[Tensor | None]) -> Tensor:
    """``values`` (parameters, n, ...) in the basis of each dimension."""
    for basis in bases:  # each turn moves the first dimension to the end
        others = values.shape[2:]
        rows = values.flatten(2).mT
        values = (rows if basis is None else rows @ basis).unflatten(1, others)
    return values


def _inverse(bases: list[Tensor | None]) -> list[Tensor | None]:
    return [None if basis is None else basis.mT for basis in bases]


def _find_bases(state: dict[str, Any]) -> None:
    """Eigenvectors of the moments, after a few steps of Adam: one gradient has null directions,
    whose eigenvectors are arbitrary. The averages begin again."""
    # What is not finite has no eigenvectors, and the training loop says it in its own words.
    finite = [
        moments is not None and bool(moments.isfinite().all()) for moments in state["moments"]
    ]
    state["bases"] = [
        torch.linalg.eigh(moments)[1].flip(-1) if usable else None
        for moments, usable in zip(state["moments"], finite, strict=True)
    ]
    state |= _averages(state["mean"])


def _improve_bases(state: dict[str, Any]) -> None:
    """One step of a power iteration towards the eigenvectors; the averages move with them."""
    old = state["bases"]
    mean = _rotated(state["mean"], _inverse(old))
    for index, (moments, basis) in enumerate(zip(state["moments"], old, strict=True)):
        if basis is not None:
            ahead = moments @ basis
            values = (basis * ahead).sum(1)  # (parameters, n)
            order = values.argsort(-1, descending=True)
            ahead = ahead.take_along_dim(order[:, None], -1)
            shape = [1] * mean.dim()
            shape[0], shape[index + 1] = order.shape
            state["square"] = state["square"].take_along_dim(order.view(shape), index + 1)
            state["bases"][index] = torch.linalg.qr(ahead)[0]
    state["mean"] = _rotated(mean, state["bases"])
