"""DuckDB answers in a process of its own, kept from question to question."""

from __future__ import annotations

import json
from typing import Any

from capture.errors import FalcowbError
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Desk
from workbench.backend.lanes import Asking
from workbench.backend.questions.sql import AskSql, SqlRows, SqlWait
from workbench.sql.client import SqlClient
from workbench.sql.messages import Note, Setup

#: Characters of one value that are sent.
_MOST = 2000


class _Clients:
    """One client: that of the capture which was asked last. For the lane's thread."""

    def __init__(self) -> None:
        self._setup: Setup | None = None
        self._client: SqlClient | None = None
        self.asking: Asking | None = None

    def get(self, setup: Setup) -> SqlClient:
        if self._client is None or setup != self._setup:
            if self._client is not None:
                self._client.close()
            self._client = None
            client = SqlClient(setup, self._tell)
            client.start()
            self._client, self._setup = client, setup
        return self._client

    def _tell(self, note: Note) -> None:
        if self.asking is not None and not self.asking.outdated:
            self.asking.tell(SqlWait(note.text))


_CLIENTS = _Clients()


@answers(AskSql)
def ask_sql(desk: Desk, question: AskSql, asking: Asking) -> SqlRows:
    from workbench.sql.output import cells
    from workbench.sql.result import number_column

    desk.case(asking.check)
    setup = Setup(
        (question.capture,), question.config, question.options, question.plugins, question.rules
    )
    _CLIENTS.asking = asking
    client = _CLIENTS.get(setup)
    if not question.sql.strip():
        raise FalcowbError("no query is written", hint="Write one, or choose a recipe.")
    result = client.run(question.sql, stop=lambda: asking.outdated)
    try:
        table = result.table(question.most + 1)
    finally:
        result.close()
    more = table.num_rows > question.most
    table = table.slice(0, question.most)
    columns = [cells(column.combine_chunks()) for column in table.columns]
    name = number_column(table.schema)
    numbers = None if name is None else tuple(table.column(name).to_pylist())
    rows = tuple(tuple(map(_text, row)) for row in zip(*columns, strict=True))
    return SqlRows(tuple(table.schema.names), rows, more, result.seconds, numbers)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
