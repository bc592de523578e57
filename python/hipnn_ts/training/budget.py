"""How much of a run is done: by epochs, by the clock, or by whichever ends first."""

import time
from collections.abc import Callable


class Budget:
    """Progress from 0 to 1. The clock, in seconds, starts with ``start``."""

    def __init__(
        self,
        epochs: int | None,
        max_minutes: float | None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.epochs = epochs
        self.max_minutes = max_minutes
        self.clock = clock
        self.start()

    def start(self, minutes: float = 0.0) -> None:
        """Set the clock to zero, or to the ``minutes`` of an earlier process."""
        self._started = self.clock() - 60 * minutes

    @property
    def minutes(self) -> float:
        """Minutes since the start."""
        return (self.clock() - self._started) / 60

    def progress(self, epochs: float) -> float:
        """Fraction of the run that is done after ``epochs`` epochs."""
        by_epochs = epochs / self.epochs if self.epochs else 0.0
        by_clock = self.minutes / self.max_minutes if self.max_minutes else 0.0
        return min(max(by_epochs, by_clock), 1.0)
