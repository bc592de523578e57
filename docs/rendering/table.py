"""How a table of the docs is described: its source, rows and columns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from docs.rendering.markup import number, table

Column = tuple[str, str | Callable[[dict], Any], str]  # head, key or figure of a row, format
Rows = Iterable[tuple[str, dict]]


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows, with text before and after it."""

    source: str  # results file
    head: str
    rows: Callable[[dict], Rows]
    columns: Sequence[Column] | Callable[[dict], Iterable[Column]]
    before: Callable[[dict], str] = lambda result: ""
    after: Callable[[dict], str] = lambda result: ""

    def text(self, result: dict) -> str:
        """The table for a result, in Markdown."""
        columns = list(self.columns(result) if callable(self.columns) else self.columns)
        rows = [
            [name, *(number(_figure(row, figure), form) for _, figure, form in columns)]
            for name, row in self.rows(result)
        ]
        parts = self.before(result), table([self.head, *(c[0] for c in columns)], rows)
        return "\n\n".join(part for part in (*parts, self.after(result)) if part)


def _figure(row: dict, figure: str | Callable[[dict], Any]) -> Any:
    return figure(row) if callable(figure) else row.get(figure)


def at(key: str) -> Callable[[dict], Rows]:
    return lambda result: result[key].items()
