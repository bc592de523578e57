"""Numbers on the command line."""

import math

import click


class _Positive(click.FloatRange):
    """A number above 0 that is not nan and, unless allowed, not infinite."""

    def __init__(self, infinite: bool = False):
        super().__init__(min=0, min_open=True)
        self._infinite = infinite

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if math.isnan(number) or (math.isinf(number) and not self._infinite):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


POSITIVE, POSITIVE_OR_INFINITE = _Positive(), _Positive(infinite=True)
