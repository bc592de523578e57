"""What an operator gives and its derivatives, to compare with those of another."""

import torch


def all_derivatives(out, leaves):
    """Values, their gradients with respect to the leaves, and gradients of a function of those."""
    first = torch.autograd.grad((out**2).sum(), leaves, create_graph=True)
    return [out, *first, *torch.autograd.grad(sum((g**3).sum() for g in first), leaves)]
