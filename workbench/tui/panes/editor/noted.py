"""A document with lines of remarks between its own: they take room, and the cursor passes them."""

from __future__ import annotations

from collections.abc import Mapping

from textual._cells import cell_width_to_column_index
from textual.document._document import DocumentBase, Location
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset


class NotedDocument(WrappedDocument):
    """Textual's own, and below some lines so many rows of remarks.

    A remark is a section of its line beyond those that wrapping makes: sections of a line's text
    are all that ``get_offsets`` and ``get_sections`` know of.
    """

    def __init__(self, document: DocumentBase, width: int = 0, tab_width: int = 4) -> None:
        self._rows: dict[int, int] = {}
        super().__init__(document, width, tab_width)

    @property
    def height(self) -> int:
        return len(self._offset_to_line_info)

    def set_notes(self, rows: Mapping[int, int]) -> None:
        """How many rows of remarks there are below which line."""
        last = self.document.line_count
        wanted = {line: count for line, count in rows.items() if 0 <= line < last}
        if wanted != self._rows:
            self._rows = wanted
            self.wrap(self._width)

    def note_at(self, y: int) -> tuple[int, int] | None:
        """The line whose remark is shown at a row, and which row of it; None for text."""
        if not 0 <= y < len(self._offset_to_line_info):
            return None
        line, section = self._offset_to_line_info[y]
        after = section - len(self._wrap_offsets[line]) - 1
        return (line, after) if after >= 0 else None

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        super().wrap(width, tab_width)
        if self._rows:
            self._put_in()

    def _put_in(self) -> None:
        info: list[tuple[int, int]] = []
        offsets: list[list[int]] = []
        for line, wraps in enumerate(self._wrap_offsets):
            sections = len(wraps) + 1 + self._rows.get(line, 0)
            offsets.append(list(range(len(info), len(info) + sections)))
            info.extend((line, section) for section in range(sections))
        self._offset_to_line_info = info
        self._line_index_to_offsets = offsets

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """Remarks below what was edited move with their lines, those within are gone."""
        if self._rows:
            first, last = sorted((start[0], old_end[0]))
            shift = max(start[0], new_end[0]) - last
            kept = {}
            for line, count in self._rows.items():
                if line < first:
                    kept[line] = count
                elif line > last:
                    kept[line + shift] = count
                elif first == last and not shift:
                    kept[line] = count  # Typing in a line does not make it jump.
            self._rows = {}
            super().wrap_range(start, old_end, new_end)
            self._rows = kept
            self.wrap(self._width)
            return
        super().wrap_range(start, old_end, new_end)

    def offset_to_location(self, offset: Offset) -> Location:
        """A click on a remark is one on the end of its line."""
        y = min(max(offset.y, 0), len(self._offset_to_line_info) - 1)
        note = self.note_at(y)
        if note is not None:
            return note[0], len(self.document[note[0]])
        line, section = self._offset_to_line_info[y]
        if not self._width:
            text = self.document.get_line(line)
            return line, cell_width_to_column_index(text, max(offset.x, 0), self._tab_width)
        return line, self.get_target_document_column(line, max(offset.x, 0), section)
