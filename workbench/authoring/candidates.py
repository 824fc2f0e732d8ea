"""What events have in common, as conditions: the raw material of drafts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.errors import FalcowbError
from engine.columns import ListColumn
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.fields.model import FieldType
from engine.language.ast import Binary, Expr, Field, Value, ValueList
from engine.language.format import format_condition
from engine.language.parser import scan_field
from engine.values import texts
from workbench.authoring.walk import FoundEvent

#: Of system calls, what says most about what happened first.
CALL_FIELDS = (
    "proc.name", "fd.name", "proc.exepath", "fd.directory", "evt.is_open_write", "proc.pname",
    "evt.failed", "evt.arg.flags", "fd.sport", "fd.l4proto", "fd.rip", "fd.type", "user.name",
    "user.uid", "container.image.repository", "container.id", "container.name", "k8s.ns.name",
    "evt.arg.path", "evt.arg.target", "evt.arg.oldpath", "evt.arg.newpath", "evt.arg.name",
    "evt.arg.mode", "proc.cmdline", "proc.args", "proc.cwd", "proc.exe", "proc.pexepath",
    "proc.pcmdline", "proc.tty", "proc.is_exe_writable", "proc.is_exe_upper_layer",
    "proc.is_exe_from_memfd",
)  # fmt: skip
#: What is new with every event or process says nothing of the next one.
PASSING = re.compile(
    r"(^|[._])(num|time|rawtime|datetime|reltime|deltatime|auditid|uuid|timestamp|request_?id|"
    r"event_?id|[pt]id|v?[pt]id|latency|duration|cursor|res(ource)?version|info|plugininfo|"
    r"asynctype|source|hostname|useragent)s?([._].*)?$",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"(^|[._])(uri|url|reason|stage|message|raw|json)($|[._])", re.IGNORECASE)
#: Different values of one field that are worth a list.
_MOST_VALUES = 5
_LEAST_PREFIX = 5
_LONGEST = 256
_SENTENCE = 48
#: Fields of a plugin that are tried; each costs a bit in a code of 64.
MOST = 60
_ONE_LINE = 1 << 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A check that all given events satisfy. ``values``: the values that it names."""

    field: str
    op: str
    values: tuple[str, ...]
    expr: Expr

    @property
    def text(self) -> str:
        return format_condition(self.expr, _ONE_LINE)


def field_names(source: str, catalogue: Catalogue) -> list[str]:
    """The fields worth comparing in a source, the most telling first."""
    if source == SYSCALL:
        return list(CALL_FIELDS)
    names = [
        info.name
        for info in catalogue.fields(source)
        if not (info.argument is not None and info.argument.required)
        and info.source != SYSCALL
        and "generic" not in info.properties
        and not info.path
        and not PASSING.search(info.name)
    ]
    # Addresses repeat in one text what other fields say apart.
    return sorted(names, key=lambda name: bool(_WHOLE.search(name)))[:MOST]


def values_of(
    event: FoundEvent, names: Sequence[str], catalogue: Catalogue
) -> dict[str, str | None]:
    """The values of single-valued fields as constants of a condition would be written; None for no
    value. Fields that the source does not have, and those of several values, are left out."""
    refs = {}
    for name in names:
        try:
            written, _ = scan_field(name)
            ref = catalogue.lookup(written.name, written.arg, event.source)
        except FalcowbError:
            continue
        if not ref.is_list and ref.info.type is not FieldType.DYN:
            refs[name] = ref
    part = event.segment.take(np.array([event.row], np.int64))
    columns = part.columns(list(refs.values()))
    found: dict[str, str | None] = {}
    for (name, ref), column in zip(refs.items(), columns, strict=True):
        if isinstance(column, ListColumn):
            continue
        (text,) = texts(ref.info.name, ref.info.type, False, column)
        try:
            found[name] = None if text is None else text.decode("utf-8")
        except UnicodeDecodeError:
            continue  # Such bytes cannot be written in a rules file.
    return found


def common(
    events: Sequence[FoundEvent], names: Sequence[str], catalogue: Catalogue
) -> list[Candidate]:
    """A check for each field of which all events have a value: the same one, one of a few, or
    texts that begin alike."""
    told = [values_of(event, names, catalogue) for event in events]
    found = []
    for name in names:
        values = [each.get(name) for each in told]
        known = [value for value in values if value is not None and _writable(value)]
        if len(known) == len(events):
            made = _candidate(name, list(dict.fromkeys(known)))
            if made is not None:
                found.append(made)
    # Sentences are seldom what a rule is about.
    return sorted(found, key=lambda one: len(one.values[0]) > _SENTENCE)


def equal(name: str, value: str) -> Candidate:
    field, _ = scan_field(name)
    return Candidate(name, "=", (value,), Binary(field, "=", Value(value)))


def _candidate(name: str, values: list[str]) -> Candidate | None:
    if len(values) == 1:
        return equal(name, values[0])
    field, _ = scan_field(name)
    assert isinstance(field, Field)
    if len(values) <= _MOST_VALUES:
        items = tuple(values)
        return Candidate(name, "in", items, Binary(field, "in", ValueList(items)))
    prefix = _beginning(min(values), max(values))
    if "/" in prefix:
        prefix = prefix[: prefix.rindex("/") + 1]
        if len(prefix) >= _LEAST_PREFIX:
            expr = Binary(field, "startswith", Value(prefix))
            return Candidate(name, "startswith", (prefix,), expr)
    return None


def _beginning(one: str, other: str) -> str:
    """What two texts begin with; of the least and the greatest of many, what all do."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return one[:length]


def _writable(value: str) -> bool:
    """Whether a value says something and can stand in a condition."""
    return 0 < len(value.encode()) < _LONGEST and value != "<NA>" and "\0" not in value
