"""Largest and smallest values that cannot hide a nan.

Python's ``max(1.0, nan)`` is 1.0, so that a comparison with it passes. ``test_comparisons.py``
checks that tests use it only for integers.
"""

import numpy as np


def largest(*values):
    """Return the largest of several numbers or of one iterable; nan if any of them is nan."""
    return np.max(_together(values)).item()


def smallest(*values):
    """Return the smallest of several numbers or of one iterable; nan if any of them is nan."""
    return np.min(_together(values)).item()


def _together(values):
    return [float(each) for each in (values[0] if len(values) == 1 else values)]
