"""Values and derivatives of an operator, to compare with those of another."""

import torch


def all_derivatives(out, leaves):
    """Return values, their gradients with respect to the leaves, and their second gradients."""
    first = torch.autograd.grad((out**2).sum(), leaves, create_graph=True)
    return [out, *first, *torch.autograd.grad(sum((g**3).sum() for g in first), leaves)]
