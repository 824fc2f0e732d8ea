"""The captures of a session, each with its folder of tables, and where those are attached."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from capture.reader import Capture
from workbench.core.session import Session
from workbench.sql.store import Kept, Store
from workbench.sql.tokens import literal, quote

#: Seconds between two notes that something still goes on.
_EVERY = 1.0


@dataclass(slots=True)
class OpenedCapture:
    """``name`` is what the column ``capture`` says."""

    name: str
    capture: Capture
    store: Store
    found: dict[str, Kept] = field(default_factory=dict)

    def kept(self, kind: str) -> Kept | None:
        """The table of a kind, if it was made."""
        known = self.found.get(kind)
        if known is not None and not known.path.exists():
            known = None
        if known is None and (known := self.store.find(kind)) is not None:
            self.found[kind] = known
        return known


class Work:
    """What tables need of a session to be made: captures, plugins, the connection that answers.

    ``stopped`` tells whether the query was cancelled; ``note`` is told what takes long.
    """

    def __init__(
        self,
        captures: Sequence[OpenedCapture],
        session: Session,
        connection: duckdb.DuckDBPyConnection,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.captures = tuple(captures)
        self.session = session
        self.connection = connection
        self._note = note
        self._doing = ""
        self._told = 0.0
        self.wanted_stop = False
        self._attached: dict[Path, str] = {}
        self._count = 0

    @property
    def several(self) -> bool:
        return len(self.captures) > 1

    def note(self, text: str) -> None:
        """Something that takes long begins."""
        self._doing, self._told = text, time.monotonic()
        self._note(text)

    def stopped(self) -> bool:
        """Whether the query was cancelled; asked now and then, so that it can be told that what
        was begun still goes on."""
        if self._doing and time.monotonic() - self._told > _EVERY:
            self.note(self._doing)
        return self.wanted_stop

    def idle(self) -> None:
        """What was begun is done."""
        self._doing = ""

    def make(
        self,
        opened: OpenedCapture,
        kind: str,
        schema: pa.Schema,
        batches: Iterator[pa.RecordBatch],
        before: Kept | None = None,
    ) -> Kept:
        """Write a table of a capture. Raises KeyboardInterrupt when the query is cancelled."""
        made = opened.store.write(kind, schema, batches, before, self.stopped)
        opened.found[kind] = made
        return made

    def rows(self, kept: Kept) -> str:
        """The name of a table in the connection."""
        known = self._attached.get(kept.path)
        if known is None:
            known = f"kept{self._count}"
            self._count += 1
            path = literal(str(kept.path))
            self.connection.execute(f"ATTACH {path} AS {known} (READ_ONLY)")
            self._attached[kept.path] = known
        return f"{known}.rows"

    def head(self, opened: OpenedCapture) -> str:
        """What stands first in a SELECT of a capture's rows."""
        return f"{literal(opened.name)} AS capture, " if self.several else ""

    def view(self, name: str, parts: Sequence[str]) -> None:
        """A view of the rows of all captures together."""
        union = "\nUNION ALL\n".join(parts)
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {union}")

    def discard(self) -> None:
        """Throw away all that was kept: some of it is damaged."""
        for path, name in self._attached.items():
            with contextlib.suppress(duckdb.Error):
                self.connection.execute(f"DETACH {name}")
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        for each in self.captures:
            for kept in each.found.values():
                kept.path.unlink(missing_ok=True)
                kept.path.with_suffix(".json").unlink(missing_ok=True)
            each.found.clear()
        self._attached.clear()


def capture_name(path: str | Path, taken: Sequence[str]) -> str:
    """What a capture is called: the name of its file without the ending, made different."""
    name = Path(path).name
    for ending in (".gz", ".scap", ".fcap"):
        name = name.removesuffix(ending)
    found, number = name or "capture", 2
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
