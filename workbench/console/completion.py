"""What can be typed next: tables, columns with type and meaning, functions, keywords."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from workbench.sql.described import TableInfo

_WORD = re.compile(r'"[^"]*$|[\w.]*$')
_DOTTED = re.compile(r'(\w+)\.("?[\w.]*)$')
#: Within matches('…: what stands before the cursor of a condition.
_CONDITION = re.compile(r"matches\s*\(\s*'(?:[^']|'')*$", re.IGNORECASE)
_CONDITION_WORDS = (
    "and", "or", "not", "in", "intersects", "pmatch", "contains", "icontains", "startswith",
    "endswith", "glob", "iglob", "regex", "exists",
)  # fmt: skip
_MOST = 200


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` is what is typed; ``meta`` what is said about it; ``rank`` orders: low first."""

    text: str
    meta: str
    rank: int


def table_words(tables: Sequence[TableInfo]) -> list[Word]:
    """Tables, and their columns as they are written in SQL."""
    found: dict[str, Word] = {}
    for table in tables:
        found.setdefault(table.name, Word(_written(table.name), table.description, 0))
    for table in tables:
        for column in table.columns:
            meta = " · ".join(part for part in (column.type, column.description) if part)
            written = _written(column.name)
            found.setdefault(written, Word(written, meta, 1))
            if column.also:
                found.setdefault(column.also, Word(column.also, meta, 2))
    return list(found.values())


def _written(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


class SqlCompleter(Completer):
    """``tables`` is asked when something is completed first. ``more`` are functions and keywords;
    ``commands`` what begins with a dot, with what it does."""

    def __init__(
        self,
        tables: Callable[[], Sequence[TableInfo]],
        more: Callable[[], Sequence[Word]],
        commands: dict[str, str],
        fields: Callable[[], Sequence[Word]] = lambda: (),
    ) -> None:
        self._tables = tables
        self._more = more
        self._commands = commands
        self._fields = fields
        self._words: list[Word] | None = None

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.startswith(".") and " " not in before:
            return [
                Completion(name, -len(before), display_meta=what)
                for name, what in self._commands.items()
                if name.startswith(before)
            ]
        if _CONDITION.search(before):
            return self._of(before, [*self._fields(), *_condition_words()], quoted=False)
        qualified = _DOTTED.search(before)
        if qualified and (columns := self._columns(document.text, qualified[1])):
            return _chosen(qualified[2], columns)
        if not before or before[-1].isspace():
            if not complete_event.completion_requested:
                return []
            return _chosen("", self._all())
        return self._of(before, self._all(), quoted=True)

    def _of(self, before: str, words: Sequence[Word], *, quoted: bool) -> list[Completion]:
        found = _WORD.search(before)
        typed = found[0] if found else ""
        if not quoted:
            typed = typed.lstrip('"')
        return _chosen(typed, words) if typed else []

    def _all(self) -> list[Word]:
        if self._words is None:
            self._words = [*table_words(self._tables()), *self._more()]
        return self._words

    def _columns(self, text: str, alias: str) -> list[Word]:
        """The columns of a table by its name, or by what it is called in the query."""
        tables = {table.name.lower(): table for table in self._tables()}
        name = alias.lower()
        if name not in tables:
            pattern = rf"\b(\w+)\s+(?:as\s+)?{re.escape(alias)}\b"
            called = [each[1].lower() for each in re.finditer(pattern, text, re.IGNORECASE)]
            name = next((each for each in called if each in tables), "")
        table = tables.get(name)
        return [] if table is None else [word for word in table_words([table]) if word.rank]


def _condition_words() -> list[Word]:
    return [Word(text, "operator", 3) for text in _CONDITION_WORDS]


def _chosen(typed: str, words: Sequence[Word]) -> list[Completion]:
    """Those that begin with what was typed, then those that hold it; quotes do not count."""
    wanted = typed.strip('"').lower()
    begins, holds = [], []
    for word in words:
        bare = word.text.strip('"').lower()
        if typed.startswith('"') and not word.text.startswith('"'):
            continue
        if bare.startswith(wanted):
            begins.append(word)
        elif len(wanted) > 1 and wanted in bare and word.rank < 3:
            holds.append(word)
    order = [*sorted(begins, key=_order), *sorted(holds, key=_order)]
    return [Completion(word.text, -len(typed), display_meta=word.meta) for word in order[:_MOST]]


def _order(word: Word) -> tuple[int, str]:
    return word.rank, word.text
