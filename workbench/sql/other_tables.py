"""The tables beside the events: states, events of one type, alerts, and what views make of them."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from capture.events.table import event_table
from capture.manifest import SYSCALL
from capture.reader import Capture
from workbench.sql import typed
from workbench.sql.asked import Asked
from workbench.sql.described import CAPTURE, NUM, TIME, Column, TableInfo
from workbench.sql.events_table import EventsTable
from workbench.sql.opened import OpenedCapture, Work
from workbench.sql.rules import Rules
from workbench.sql.schemas import ALERTS, FDS, THREADS
from workbench.sql.store import Kept
from workbench.sql.summaries import ViewSpec, ViewTable
from workbench.sql.tokens import quote

_LARGE = 300_000


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return _sql_type(type_.value_type)
    if pa.types.is_list(type_):
        return f"{_sql_type(type_.value_type)}[]"
    if pa.types.is_struct(type_):
        inner = ", ".join(f"{field.name} {_sql_type(field.type)}" for field in type_)
        return f"STRUCT({inner})"
    return _TYPES[type_]


_TYPES = {
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.timestamp("ns"): "TIMESTAMP_NS",
}


class Fixed:
    """A table that is made whole when it is first named."""

    def __init__(
        self,
        info: TableInfo,
        kind: str,
        schema: pa.Schema,
        batches: Callable[[Capture], Iterator[pa.RecordBatch]],
        work: Work,
        select: Callable[[str], str] = lambda rows: f"SELECT * FROM {rows}",
    ) -> None:
        columns = tuple(Column(each.name, _sql_type(each.type)) for each in schema)
        own = info.columns or columns
        head = (CAPTURE,) if work.several else ()
        self.info = TableInfo(info.name, info.description, info.group, (*head, *own))
        self.name = info.name
        self._stored = columns
        self._kind = kind
        self._schema = schema
        self._batches = batches
        self._work = work
        self._select = select
        self._done = False

    def rows(self, opened: OpenedCapture) -> Kept:
        kept = opened.kept(self._kind)
        if kept is None:
            if (opened.capture.count or 0) >= _LARGE:
                self._work.note(f"reading {opened.capture.count:,} events for {self.name}")
            kept = self._work.make(opened, self._kind, self._schema, self._batches(opened.capture))
        return kept

    def forget(self) -> None:
        """What was kept is gone."""
        self._done = False

    def ready(self, asked: Asked) -> bool:
        return all(opened.kept(self._kind) is not None for opened in self._work.captures)

    def bind(self, asked: Asked) -> None:
        if self._done:
            return
        items = [f"NULL::{each.type} AS {quote(each.name)}" for each in self._stored]
        head = "NULL::VARCHAR AS capture, " if self._work.several else ""
        empty = f"(SELECT {', '.join(items)} WHERE false)"
        self._work.view(self.name, [f"SELECT {head}* FROM ({self._select(empty)})"])

    def make(self, asked: Asked) -> None:
        if self._done:
            return
        parts = []
        for opened in self._work.captures:
            rows = self._work.rows(self.rows(opened))
            parts.append(f"SELECT {self._work.head(opened)}* FROM ({self._select(rows)})")
        self._work.view(self.name, parts)
        self._done = True

    def check(self, asked: Asked) -> None:
        """Nothing here takes a condition."""


class TypeTable:
    """The events of one type. Fields of events may be named as well: they are joined."""

    def __init__(self, name: str, events: EventsTable, work: Work) -> None:
        self.name = name
        self._events = events
        self._work = work
        self._schema = typed.schema(name)
        self._fixed = Fixed(
            TableInfo(name, "", ""), f"type-{name}", self._schema,
            lambda capture: typed.typed_events(capture, name), work,
        )  # fmt: skip

    @property
    def info(self) -> TableInfo:
        codes = typed.type_codes(self.name)
        arguments = {
            parameter.name: parameter.type
            for code in codes
            for parameter in event_table()[code].parameters
        }
        head = {"num": NUM, "time": TIME}
        columns = [
            head.get(each.name)
            or Column(each.name, _sql_type(each.type), _told(each.name, arguments))
            for each in self._schema
        ]
        if self._work.several:
            columns.insert(0, CAPTURE)
        return TableInfo(
            self.name, f"{self.name} events with their arguments", "event types", tuple(columns)
        )

    def _fields(self, asked: Asked) -> Asked:
        """What is asked of the events: their fields alone, without stars."""
        return Asked("", set(asked.names), set(), [], asked.conditions)

    def forget(self) -> None:
        """What was kept is gone."""
        self._fixed.forget()

    def ready(self, asked: Asked) -> bool:
        fields = self._fields(asked)
        simple = not asked.conditions and not self._events.wanted(fields)
        return self._fixed.ready(asked) and (simple or self._events.ready(fields))

    def bind(self, asked: Asked) -> None:
        wanted = self._events.wanted(self._fields(asked))
        items = [f"NULL::{_sql_type(each.type)} AS {quote(each.name)}" for each in self._schema]
        items += [f"NULL::{each.sql_type} AS {quote(name)}" for name, each in wanted.items()]
        items += [f"NULL::BOOLEAN AS {quote(name)}" for name in asked.conditions]
        head = "NULL::VARCHAR AS capture, " if self._work.several else ""
        self._work.view(self.name, [f"SELECT {head}{', '.join(items)} WHERE false"])

    def check(self, asked: Asked) -> None:
        self._events.check(asked)

    def make(self, asked: Asked) -> None:
        wanted = self._events.wanted(self._fields(asked))
        parts = []
        for opened in self._work.captures:
            if SYSCALL not in opened.capture.sources:
                continue
            rows = self._work.rows(self._fixed.rows(opened))
            items, source = ["t.*"], f"{rows} t"
            if wanted:
                kept = self._events.ensure(opened, list(wanted.values()))
                events = self._work.rows(kept)
                items += [f"e.{quote(each.name)} AS {quote(n)}" for n, each in wanted.items()]
                source += f" LEFT JOIN {events} e ON e.num = t.num"
            for name, condition in asked.conditions.items():
                table = self._events.verdict(opened, condition)
                items.append(f"t.num IN (SELECT v.num FROM {table} v) AS {quote(name)}")
            parts.append(f"SELECT {self._work.head(opened)}{', '.join(items)} FROM {source}")
        if parts:
            self._work.view(self.name, parts)
        else:
            self.bind(asked)


def _told(name: str, arguments: dict[str, str]) -> str:
    if name == "enter":
        return "true for the enter event of a call, in old captures"
    kind = arguments.get(name) or arguments.get(name.removeprefix("arg_"), "")
    return f"argument ({kind})" if kind else ""


_THREADS = (
    "SELECT *, lead(from_num) OVER (PARTITION BY section, tid ORDER BY from_num NULLS FIRST, "
    "serial) AS until_num FROM {rows}"
)
_FDS = (
    "SELECT *, lead(from_num) OVER (PARTITION BY section, tid, fd ORDER BY from_num NULLS FIRST, "
    "serial) AS until_num FROM {rows}"
)
_UNTIL = Column("until_num", "BIGINT", "event that ends this state; null: none")


# What fills tables is loaded when one has to be filled.


def _thread_states(capture: Capture) -> Iterator[pa.RecordBatch]:
    from workbench.sql.histories import thread_states

    return thread_states(capture)


def _file_states(capture: Capture) -> Iterator[pa.RecordBatch]:
    from workbench.sql.histories import file_states

    return file_states(capture)


def threads_table(work: Work) -> Fixed:
    return _history(
        work, "threads", THREADS, _thread_states, _THREADS,
        "states of threads, one row each, valid from an event on",
    )  # fmt: skip


def fds_table(work: Work) -> Fixed:
    return _history(
        work, "fds", FDS, _file_states, _FDS,
        "states of open files and connections, one row each",
    )  # fmt: skip


def _history(
    work: Work,
    name: str,
    schema: pa.Schema,
    batches: Callable[[Capture], Iterator[pa.RecordBatch]],
    select: str,
    description: str,
) -> Fixed:
    told = {
        "section": "section of the capture; state begins anew in each",
        "serial": "number of the state",
        "from_num": "event that brought it; null: since before the first",
        "from_time": "time of that event",
    }
    columns = [Column(each.name, _sql_type(each.type), told.get(each.name, "")) for each in schema]
    info = TableInfo(name, description, "state", (*columns, _UNTIL))
    return Fixed(info, name, schema, batches, work, lambda rows: select.format(rows=rows))


_ALERTS = (
    "SELECT num, time, source, rule, priority, tags, line->>'$.output' AS output, "
    "CAST(line->'$.output_fields' AS JSON) AS output_fields FROM {rows}"
)


def alerts_table(work: Work, rules: Rules | None) -> Fixed:
    """Without rules the table is there and empty."""

    def batches(capture: Capture) -> Iterator[pa.RecordBatch]:
        if rules is None:
            return iter(())
        from workbench.sql.alerts import alerts

        return alerts(capture, work.session, rules)

    description = "alerts of the loaded rules" if rules else "alerts: load rules with -r FILE"
    columns = (
        NUM, TIME,
        Column("source", "VARCHAR", "event source of the rule"),
        Column("rule", "VARCHAR", "name of the rule"),
        Column("priority", "VARCHAR", "priority of the rule"),
        Column("tags", "VARCHAR[]", "tags of the rule"),
        Column("output", "VARCHAR", "what the alert says"),
        Column("output_fields", "JSON", "the fields it names, by name"),
    )  # fmt: skip
    key = rules.key if rules else "none"
    info = TableInfo("alerts", description, "alerts", columns)
    return Fixed(
        info, f"alerts_{key}", ALERTS, batches, work, lambda rows: _ALERTS.format(rows=rows)
    )


def tables_of(
    work: Work, events: EventsTable, rules: Rules | None, views: Sequence[ViewSpec]
) -> list[Fixed | TypeTable | ViewTable]:
    """All tables beside the events of sources."""
    found: list[Fixed | TypeTable | ViewTable] = [
        threads_table(work), fds_table(work), alerts_table(work, rules),
    ]  # fmt: skip
    found += [ViewTable(spec, work) for spec in views]
    taken = {each.name for each in found} | {"events"}
    names: dict[str, None] = {}
    for opened in work.captures:
        for name in event_names(opened):
            names.setdefault(name)
    found += [TypeTable(name, events, work) for name in sorted(names) if name not in taken]
    return found


def event_names(opened: OpenedCapture) -> list[str]:
    """The types of events that a capture of system calls has, by name; kept in its store, for
    every batch's header has to be read for it."""
    path = opened.store.folder / "types.json"
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_bytes())
        if isinstance(known, list) and all(typed.type_codes(str(name)) for name in known):
            return known
    events = (event_table()[code] for code in opened.capture.syscall_codes())
    names = sorted({event.name for event in events if typed.type_codes(event.name)})
    with contextlib.suppress(OSError):
        draft = path.with_name(f"new-types-{secrets.token_hex(4)}.json")
        draft.write_text(json.dumps(names), encoding="utf-8")
        draft.rename(path)
    return names
