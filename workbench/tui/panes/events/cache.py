"""The rows that were fetched last."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.backend.questions.events import PageOf

#: Rows that are kept; a screen is a few dozen.
_MOST = 6000


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    time: int
    source: str
    cells: tuple[str | None, ...]
    priority: int
    rule: str


class RowCache:
    """Rows of one version of the view, by row."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self.version = 0

    def __contains__(self, row: int) -> bool:
        return row in self._rows

    def get(self, row: int) -> Row | None:
        return self._rows.get(row)

    def clear(self) -> None:
        self._rows.clear()

    def put(self, page: PageOf) -> None:
        """Take a page in, in place of what was there."""
        if page.version != self.version:
            self._rows.clear()
            self.version = page.version
        cells = list(zip(*page.cells, strict=True)) if page.cells else [()] * len(page.numbers)
        for place, number in enumerate(page.numbers):
            row = page.first + place
            self._rows.pop(row, None)
            self._rows[row] = Row(
                number,
                page.times[place],
                page.sources[place],
                cells[place],
                page.priorities[place],
                page.rules[place],
            )
        while len(self._rows) > _MOST:
            self._rows.pop(next(iter(self._rows)))

    def complete(self, first: int, stop: int) -> bool:
        """Whether all rows from one to another are there."""
        return all(row in self._rows for row in range(first, stop))

    def some(self) -> list[Row]:
        return list(self._rows.values())
