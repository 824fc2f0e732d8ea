"""Events of a capture that satisfy a condition, with the fields that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.columns import Column, Segment
from engine.evaluate import Evaluator
from engine.fields.catalogue import SYSCALL, Catalogue, UnknownField
from engine.gather import take
from engine.language.errors import ConditionError
from engine.language.parser import parse
from engine.output import OutputError, OutputFormat, Token
from engine.output_value import OutputValue
from engine.plan import Plan
from engine.segments import EventSource
from workbench.core.events import Events, Window
from workbench.core.plugin_set import PluginSet

#: What is shown when nobody says.
SYSCALL_FIELDS = ("evt.num", "evt.time", "proc.name", "thread.tid", "evt.type", "evt.args")
PLUGIN_FIELDS = ("evt.num", "evt.time", "evt.source", "evt.plugininfo")

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shown:
    """A field, or a transformer over fields, to be shown: ``name`` as it was asked for, and what
    it is in each source that has it."""

    name: str
    by_source: dict[str, OutputValue]

    @property
    def value(self) -> OutputValue:
        """What it is in the first source that has it; types do not differ between sources."""
        return next(iter(self.by_source.values()))


@dataclass(frozen=True, slots=True)
class Found:
    """Events of one source that were looked for: their numbers, ascending, and for each thing to
    be shown its column, None where the source has no such thing."""

    numbers: Numbers
    columns: tuple[Column | None, ...]


class EventsQuery:
    """``condition`` chooses events, by default all; ``fields`` are shown of each.

    A field or condition that only some of the sources know leaves out the others: their events
    have no value, or do not match. Raises FalcowbError for a condition or field that none knows.
    """

    def __init__(
        self,
        events: Events,
        plugins: PluginSet,
        *,
        condition: str | None = None,
        fields: Sequence[str] = (),
    ) -> None:
        catalogue = plugins.surroundings.catalogue
        sources = [name for name in events.sources if name in catalogue.sources]
        names = fields or _usual(sources)
        self._events = events
        self.shown = tuple(_shown(name, catalogue, sources) for name in names)
        self._sources = {name: plugins.event_source(name) for name in sources}
        self._evaluators = _evaluators(condition, catalogue, sources)
        self.matched = 0
        self.seen = 0

    def windows(self) -> Iterator[list[Found]]:
        """What is found, window by window: events of one window all come before those of the
        next."""
        for window in self._events.windows():
            yield self._found(window)

    def _found(self, window: Window) -> list[Found]:
        found = []
        for name, piece in window.items():
            self.seen += len(piece)
            source = self._sources.get(name)
            if source is None or name not in self._evaluators or not len(piece):
                continue
            rows = self._rows(name, piece.segment(source), piece.numbers, source)
            if rows is not None:
                self.matched += len(rows.numbers)
                found.append(rows)
        return found

    def _rows(
        self, name: str, segment: Segment, numbers: Numbers, source: EventSource
    ) -> Found | None:
        evaluator = self._evaluators[name]
        if evaluator is not None:
            rows = evaluator.judge(segment).rows[0]
            if not len(rows):
                return None
            if len(rows) < len(segment):
                segment, numbers = segment.take(rows), numbers[rows]
        values = [each.by_source.get(name) for each in self.shown]
        refs = list(dict.fromkeys(ref for value in values if value for ref in value.refs))
        columns = dict(zip(refs, segment.columns(refs), strict=True))
        return Found(
            numbers,
            tuple(
                None if value is None else value.column(columns, len(numbers)) for value in values
            ),
        )


def first_events(found: Sequence[Found], count: int) -> list[Found]:
    """The ``count`` events of a window with the lowest numbers."""
    if not found:
        return []
    numbers = np.sort(np.concatenate([each.numbers for each in found]))
    if len(numbers) <= count:
        return list(found)
    last = numbers[count - 1]
    parts = []
    for each in found:
        rows = np.flatnonzero(each.numbers <= last)
        if len(rows):
            columns = tuple(None if one is None else take(one, rows) for one in each.columns)
            parts.append(Found(each.numbers[rows], columns))
    return parts


def _usual(sources: Sequence[str]) -> tuple[str, ...]:
    plugins = [name for name in sources if name != SYSCALL]
    if not plugins:
        return SYSCALL_FIELDS
    return PLUGIN_FIELDS if SYSCALL not in sources else (*SYSCALL_FIELDS, *PLUGIN_FIELDS[2:])


def split_fields(text: str) -> list[str]:
    """Names with commas between; commas in brackets, parentheses and quotes belong to a name."""
    names, depth, quote, start = [], 0, "", 0
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == "," and depth <= 0:
            names.append(text[start:at])
            start = at + 1
    names.append(text[start:])
    return [name.strip().removeprefix("%") for name in names if name.strip()]


def _shown(name: str, catalogue: Catalogue, sources: Sequence[str]) -> Shown:
    found: dict[str, OutputValue] = {}
    refused: FalcowbError | None = None
    for source in sources:
        try:
            found[source] = field_value(name, catalogue, source)
        except (UnknownField, OutputError) as error:
            # The nearest name is best looked for among the fields of the first source.
            refused = refused or error
    if not found:
        raise refused or FalcowbError(f"no source of these events has a field '{name}'")
    return Shown(name, found)


def field_value(name: str, catalogue: Catalogue, source: str) -> OutputValue:
    """One field, or a transformer over fields, as an output has it after its ``%``. Raises
    FalcowbError."""
    parts = OutputFormat.parse(f"%{name}", catalogue, source).parts
    if len(parts) != 1 or not isinstance(parts[0], Token):
        near = catalogue.nearest(name, source)
        hint = f"Did you mean {near}?" if near else "Put commas between fields."
        raise OutputError(f"'{name}' is not one field", hint=hint)
    return parts[0].value


def _evaluators(
    condition: str | None, catalogue: Catalogue, sources: Sequence[str]
) -> dict[str, Evaluator | None]:
    """What chooses the events of each source; None chooses all. Sources that do not know the
    condition's fields are left out."""
    if condition is None:
        return dict.fromkeys(sources)
    expr = parse(condition, file="--filter")
    found: dict[str, Evaluator | None] = {}
    refused: FalcowbError | None = None
    for source in sources:
        try:
            found[source] = Evaluator(Plan(catalogue, source, [("filter", expr)]))
        except ConditionError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found
