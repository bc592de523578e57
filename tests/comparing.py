"""Largest and smallest values that cannot hide one that is no number.

Python's ``max(1.0, nan)`` is 1.0: a comparison by it passes. ``test_comparisons.py`` sees to it
that tests do not use it for anything but integers.
"""

import numpy as np


def largest(*values):
    """The largest of the numbers, or of one iterable of them; nan where one of them is nan."""
    return np.max(_together(values)).item()


def smallest(*values):
    """The smallest, likewise."""
    return np.min(_together(values)).item()


def _together(values):
    return [float(each) for each in (values[0] if len(values) == 1 else values)]
