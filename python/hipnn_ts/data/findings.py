"""Remarkable facts about data: counted, with a few examples."""

from collections import Counter, defaultdict

SHOWN = 3  # examples of a finding


class Findings:
    """Problems, how often each occurred, and where first."""

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = defaultdict(list)

    def add(self, problem: str, where: str) -> None:
        """Count a problem; the first few places are remembered."""
        self.counts[problem] += 1
        if self.counts[problem] <= SHOWN:
            self._examples[problem].append(where)

    def lines(self) -> list[str]:
        """``problem: number (first places and n more)``, in the order of occurrence."""
        return [
            f"{problem}: {self.counts[problem]} ({'; '.join(shown)}{self._more(problem)})"
            for problem, shown in self._examples.items()
        ]

    def _more(self, problem: str) -> str:
        hidden = self.counts[problem] - SHOWN
        return f" and {hidden} more" if hidden > 0 else ""
