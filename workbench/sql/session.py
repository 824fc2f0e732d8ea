"""SQL over captures: a DuckDB that may do nothing but answer, and views made for each statement.

    with SqlSession.open(["a.fcap"], session, rules) as sql:
        result = sql.run('SELECT "proc.name", count(*) FROM events GROUP BY ALL')
        result.columns, result.batches

A statement is read first (``asked``): which tables and fields it names. It is then bound to empty
views, so that what is wrong with it is said before anything is computed; then what it names is made
where it was not kept (``store``), and asked.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from capture.manifest import SYSCALL
from capture.reader import Capture
from workbench.core.captures import open_any
from workbench.core.scap_cache import Progress
from workbench.core.session import Session
from workbench.sql.asked import Asked, Conditions, asked
from workbench.sql.described import TableInfo
from workbench.sql.errors import SqlError, Stopped, Told, in_words, told
from workbench.sql.events_table import EventsTable
from workbench.sql.limits import Limits
from workbench.sql.opened import OpenedCapture, Work, capture_name
from workbench.sql.other_tables import Fixed, TypeTable, tables_of
from workbench.sql.own import made_by, spare
from workbench.sql.result import Result, shown_schema
from workbench.sql.rules import Rules
from workbench.sql.safety import check, connect
from workbench.sql.store import Store
from workbench.sql.summaries import ViewTable, with_captures
from workbench.sql.tokens import Statement, statements
from workbench.sql.views import FUNCTIONS, VIEWS


class _Damaged(Exception):
    """A file of what was kept cannot be read."""


Table = EventsTable | Fixed | TypeTable | ViewTable

#: Rows of a batch of results.
_ROWS = 100_000
_RETRIES = 50
_EXPLAIN = "EXPLAIN "
_LISTS = ("information_schema", "duckdb_columns", "duckdb_views", "pg_catalog", "pg_attribute")


class SqlSession:
    """For one thread; ``interrupt`` may be called from any. To be closed, or used with ``with``."""

    def __init__(
        self,
        captures: Sequence[tuple[str, Capture]],
        session: Session,
        rules: Rules | None = None,
        limits: Limits | None = None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """``captures`` by the names that the column ``capture`` gives; they are closed with the
        session. ``note`` is told what takes long. Raises FalcowbError."""
        self.limits = limits or Limits()
        self.rules = rules
        more = [f"{each.name} {each.version}" for each in session.plugins.plugins]
        opened = [OpenedCapture(name, one, Store(one.path, more)) for name, one in captures]
        self._aside = Path(tempfile.mkdtemp(prefix="falcowb-sql-"))
        self._connection = connect(self.limits, [each.store.folder for each in opened], self._aside)
        # Statements are read by a DuckDB without any table: its locks are its own.
        self._parser = duckdb.connect(":memory:", config={"errors_as_json": "true"})
        self._work = Work(opened, session, self._connection, note)
        self._conditions = Conditions()
        self._made_views: dict[str, Asked] = {}
        self._timer: threading.Timer | None = None
        self._late = False
        self._answering: pa.RecordBatchReader | None = None
        self.tables: dict[str, Table] = self._all_tables(session)
        self._defined: set[str] = set()

    @classmethod
    def open(
        cls,
        paths: Sequence[str | Path],
        session: Session,
        rules: Rules | None = None,
        limits: Limits | None = None,
        note: Callable[[str], None] = lambda _text: None,
        progress: Progress = lambda _events, _fraction: None,
    ) -> Self:
        """Captures by their paths: folders, or ``.scap`` files. Raises FalcowbError."""
        opened: list[tuple[str, Capture]] = []
        try:
            for path in paths:
                capture = open_any(path, progress)
                opened.append((capture_name(path, [name for name, _ in opened]), capture))
            return cls(opened, session, rules, limits, note)
        except BaseException:
            for _, capture in opened:
                capture.close()
            raise

    # What there is.

    def _all_tables(self, session: Session) -> dict[str, Table]:
        work = self._work
        ruleset = self.rules.ruleset if self.rules else None
        sources = list(
            dict.fromkeys(name for each in work.captures for name in each.capture.sources)
        )
        main = SYSCALL if SYSCALL in sources or not sources else sources[0]
        events = EventsTable("events", main, work, ruleset)
        calls = events if main == SYSCALL else EventsTable("syscall", SYSCALL, work, ruleset)
        self._calls = calls.name
        found: list[Table] = [events, *tables_of(work, calls, self.rules, VIEWS)]
        taken = {each.name for each in found}
        found += [
            EventsTable(source, source, work, ruleset)
            for source in sources
            if source not in taken and source != SYSCALL
        ]
        return {each.name.lower(): each for each in found}

    def _define(self, names: Iterable[str]) -> None:
        """The functions among some names, if they are not there yet."""
        for name in set(names) & set(FUNCTIONS) - self._defined:
            self.tables["threads"].bind(Asked(""))
            macro = with_captures(FUNCTIONS[name], self._work.several)
            self._connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
            self._defined.add(name)

    def _bind_whole(self, tables: Iterable[Table]) -> None:
        """Views with all columns and no rows."""
        for table in tables:
            if isinstance(table, EventsTable):
                table.bind_all()
            else:
                table.bind(Asked(""))

    @property
    def infos(self) -> list[TableInfo]:
        """All tables with their columns."""
        return [each.info for each in self.tables.values()]

    @property
    def names(self) -> tuple[str, ...]:
        """The captures, as the column ``capture`` calls them."""
        return tuple(each.name for each in self._work.captures)

    @property
    def notes(self) -> list[str]:
        """What is missing from the captures."""
        return [text for each in self._work.captures for text in each.capture.missing]

    # Asking.

    def run(self, query: str) -> Result:
        """Ask one statement or several; the result is the last one's.

        Raises SqlError, or another FalcowbError with the place; Stopped when it was cancelled or
        took too long.
        """
        found = statements(query)
        if not found:
            raise SqlError(
                "there is nothing to ask", hint="For example: SELECT * FROM events LIMIT 5"
            )
        self._settle()
        self._work.wanted_stop = False
        result: Result | None = None
        for statement in found:
            if result is not None:
                for _ in result.batches:
                    """All but the last are asked for what they do."""
            result = self._run(statement)
        assert result is not None
        return result

    def interrupt(self) -> None:
        """Cancel what is being asked."""
        self._work.wanted_stop = True
        self._connection.interrupt()

    def _run(self, statement: Statement) -> Result:
        try:
            return self._asked_once(statement)
        except _Damaged:
            # What was kept is thrown away and made again.
            for table in self.tables.values():
                table.forget()
            self._work.discard()
            return self._asked_once(statement, last=True)

    def _asked_once(self, statement: Statement, *, last: bool = False) -> Result:
        started = time.monotonic()
        text = ""
        try:
            try:
                kind = check(statement, self._parser)
                wish = self._asked(statement)
                used = self._used(wish)
                self._define(wish.lower)
                if not self._is_description(statement, wish, used):
                    self._check(statement, wish, used)
                    for table in used:
                        table.make(wish)
                self._work.idle()
                # What is made for this question and others to come takes the time it takes.
                self._start_clock()
                text = wish.text
                reader = self._connection.sql(wish.text).to_arrow_reader(_ROWS)
                self._answering = reader
                first = next(iter(reader), None)
                if kind == "CREATE" and (made := made_by(statement)):
                    self._made_views[made] = wish
            except (duckdb.IOException, duckdb.SerializationException) as error:
                if last:
                    raise self._said(error, statement) from None
                raise _Damaged from error
            except duckdb.Error as error:
                raise self._said(error, statement, text) from None
            except KeyboardInterrupt:
                raise self._stopped() from None
        except BaseException:
            self._settle()
            raise
        schema = shown_schema(reader.schema, wish.conditions)
        result = Result(schema, self._batches(first, reader, schema, statement), close=self._settle)
        result.seconds = time.monotonic() - started
        return result

    def _asked(self, statement: Statement) -> Asked:
        wish = asked(statement, self._conditions, self._parser)
        for name, made in self._made_views.items():
            if name in wish.lower:
                wish.add(made)
        return wish

    def _used(self, wish: Asked) -> list[Table]:
        """The tables a statement names, those that others are over first."""
        names = wish.lower if wish.tables is None else set(wish.tables)
        if names & set(FUNCTIONS):
            names.add("threads")
        views = [
            table for name in sorted(names) if isinstance(table := self.tables.get(name), ViewTable)
        ]
        for view in views:
            needed = view.needs().names
            wish.names |= needed
            names |= needed & set(self.tables)
            if needed & set(view.spec.fields):
                names.add(self._calls)
        found = [table for name, table in self.tables.items() if name in names]
        return [*(each for each in found if each not in views), *views]

    def _is_description(self, statement: Statement, wish: Asked, used: Sequence[Table]) -> bool:
        """Whether a statement asks for the columns of a table: those are there without rows. What
        looks into the catalogue beside other things finds what they do not use."""
        words = statement.words
        described = statement.first in ("DESCRIBE", "DESC", "SHOW") and len(words) == 2
        if described and len(used) == 1:
            self._bind_whole(used)
            return True
        if statement.first == "SHOW" or any(word in wish.lower for word in _LISTS):
            self._bind_whole([each for each in self.tables.values() if each not in used])
        return False

    def _check(self, statement: Statement, wish: Asked, used: Sequence[Table]) -> None:
        """Find out what is wrong before anything is made."""
        spare(statement, (*self.tables, *FUNCTIONS, "matches"))
        for table in used:
            table.check(wish)
        if statement.first in ("EXPLAIN", "DROP", "ALTER"):
            return
        if all(table.ready(wish) for table in used):
            return  # nothing has to be made: asking says what is wrong
        for _ in range(_RETRIES):
            for table in used:
                table.bind(wish)
            try:
                self._connection.execute(f"{_EXPLAIN}{wish.text}").fetchall()
            except duckdb.Error as error:
                said = told(error, wish.text, len(_EXPLAIN))
                name = said.name
                known = any(
                    isinstance(table, EventsTable) and table.fields.find(name) for table in used
                )
                if not said.missing_column or name in wish.names or not known:
                    raise self._in_words(said, statement) from None
                wish.names.add(name)
                continue
            return

    def _batches(
        self,
        first: pa.RecordBatch | None,
        reader: pa.RecordBatchReader,
        schema: pa.Schema,
        statement: Statement,
    ) -> Iterator[pa.RecordBatch]:
        try:
            for batch in itertools.chain([] if first is None else [first], reader):
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
            if isinstance(error, duckdb.Error):
                raise self._said(error, statement) from None
            if self._work.wanted_stop or "nterrupt" in str(error):
                raise self._stopped() from None
            inner = duckdb.Error(str(error))
            raise self._said(inner, statement) from None
        finally:
            # Another statement may have been asked since.
            if self._answering is reader:
                self._settle()

    # Time, and the end.

    def _start_clock(self) -> None:
        self._late = False
        if self.limits.seconds is not None:
            self._timer = threading.Timer(self.limits.seconds, self._time_is_up)
            self._timer.daemon = True
            self._timer.start()

    def _time_is_up(self) -> None:
        self._late = True
        self.interrupt()

    def _settle(self) -> None:
        """No statement is being answered any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answering is not None:
            answering, self._answering = self._answering, None
            with contextlib.suppress(duckdb.Error, pa.ArrowException):
                answering.close()

    def _stopped(self) -> Stopped:
        if self._late:
            return Stopped(
                f"the query took longer than {self.limits.seconds:g} seconds",
                hint="Let it see less (WHERE, LIMIT), or give it more with --timeout.",
            )
        return Stopped("the query was cancelled")

    def _said(self, error: duckdb.Error, statement: Statement, text: str = "") -> SqlError:
        said = told(error, statement.text)
        if text and not said.kind and not isinstance(error, duckdb.InterruptException):
            # A relation's errors come without their facts; those of a statement have them.
            try:
                self._settle()
                self._connection.execute(f"{_EXPLAIN}{text}").fetchall()
            except duckdb.Error as again:
                said = told(again, statement.text, len(_EXPLAIN))
        if isinstance(error, duckdb.InterruptException) or "Interrupted!" in said.message:
            return self._stopped()
        return self._in_words(said, statement)

    def _in_words(self, said: Told, statement: Statement) -> SqlError:
        return in_words(said, statement.text, self.tables, self._columns_in(statement))

    def _columns_in(self, statement: Statement) -> Callable[[], Iterator[str]]:
        """The columns of the tables that a statement names; of all where it names none."""

        def found() -> Iterator[str]:
            named = {(word.name or "").lower() for word in statement.words}
            tables = [table for name, table in self.tables.items() if name in named]
            for table in tables or self.tables.values():
                for column in table.info.columns:
                    yield column.name
                    if column.also:
                        yield column.also

        return found

    def close(self) -> None:
        self._settle()
        with contextlib.suppress(duckdb.Error):
            self._connection.close()
        with contextlib.suppress(duckdb.Error):
            self._parser.close()
        for each in self._work.captures:
            each.capture.close()
        shutil.rmtree(self._aside, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
