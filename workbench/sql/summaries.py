"""Tables that are summaries of others."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.sql.asked import Asked
from workbench.sql.described import CAPTURE, Column, TableInfo
from workbench.sql.opened import Work
from workbench.sql.tokens import quote

_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view over other tables: ``select`` with ``{capture}`` and ``{captures}`` where columns of
    several captures are kept apart; ``needs`` names tables, and the fields of events it uses."""

    name: str
    description: str
    columns: tuple[Column, ...]
    select: str
    tables: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class ViewTable:
    """A summary, made when it is first named: of one capture it is kept, of several it lasts as
    long as the session."""

    def __init__(self, spec: ViewSpec, work: Work) -> None:
        self.spec = spec
        self.name = spec.name
        self._work = work
        self._kind = f"view-{spec.name}"
        self._done = False
        head = (CAPTURE,) if work.several else ()
        self.info = TableInfo(spec.name, spec.description, "summaries", (*head, *spec.columns))

    def needs(self) -> Asked:
        """What has to be there for it to be made; nothing once it is."""
        if self._done or (not self._work.several and self._work.captures[0].kept(self._kind)):
            return Asked("")
        return Asked("", {*self.spec.tables, *self.spec.fields})

    def forget(self) -> None:
        """What was kept is gone."""
        self._done = False

    def ready(self, asked: Asked) -> bool:
        return not self.needs().names

    def bind(self, asked: Asked) -> None:
        if not self._done:
            items = [f"NULL::{each.type} AS {quote(each.name)}" for each in self.info.columns]
            self._work.view(self.name, [f"SELECT {', '.join(items)} WHERE false"])

    def check(self, asked: Asked) -> None:
        """Nothing here takes a condition."""

    def make(self, asked: Asked) -> None:
        if self._done:
            return
        connection = self._work.connection
        select = with_captures(self.spec.select, self._work.several)
        if self._work.several:
            rows = f"temp.summary_{self.name}"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE summary_{self.name} AS {select}")
        else:
            opened = self._work.captures[0]
            kept = opened.kept(self._kind)
            if kept is None:
                reader = connection.sql(select).to_arrow_reader(_ROWS)
                try:
                    kept = self._work.make(opened, self._kind, reader.schema, iter(reader))
                finally:
                    reader.close()
            rows = self._work.rows(kept)
        self._work.view(self.name, [f"SELECT * FROM {rows}"])
        self._done = True


def with_captures(select: str, several: bool) -> str:
    """``{c}`` is ``capture,``, ``{on NAME NAME}`` a condition that both are of one capture."""
    text = select.replace("{c}", "capture," if several else "")
    text = text.replace("{c of g}", "g.capture," if several else "")
    parts = text.split("{on ")
    for at, part in enumerate(parts[1:], 1):
        names, _, rest = part.partition("}")
        left, right = names.split()
        joined = f" AND {left}.capture = {right}.capture" if several else ""
        parts[at] = joined + rest
    return "".join(parts)
