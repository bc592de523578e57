"""How much of a run is done: by steps, by the clock, or by the first of both to end."""

import time


class Budget:
    """Progress from 0 to 1. The clock starts with ``start``."""

    def __init__(self, n_steps: int | None, max_minutes: float | None):
        self.n_steps = n_steps
        self.max_minutes = max_minutes
        self.start()

    def start(self) -> None:
        """Set the clock to zero."""
        self._started = time.monotonic()

    @property
    def minutes(self) -> float:
        """Minutes since the start."""
        return (time.monotonic() - self._started) / 60

    def progress(self, step: int) -> float:
        """Share of the run that is done after ``step`` steps."""
        by_steps = step / self.n_steps if self.n_steps else 0.0
        by_clock = self.minutes / self.max_minutes if self.max_minutes else 0.0
        return min(max(by_steps, by_clock), 1.0)
