"""The console: commands, several lines, completion; it outlives what a query does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.workbench.sql.conftest import CALLS, RULES
from workbench.console.commands import commands
from workbench.console.completion import SqlCompleter, Word
from workbench.console.console import Console
from workbench.console.display import table_text
from workbench.console.loop import make_prompt
from workbench.sql import client as clients
from workbench.sql.client import SqlClient
from workbench.sql.limits import Limits
from workbench.sql.messages import Setup


class Screen(Console):
    """A console whose text is kept."""

    def __init__(self, client: SqlClient) -> None:
        self.said: list[str] = []
        super().__init__(client, self.said.append)

    def told(self, line: str) -> str:
        self.said.clear()
        self.handle(line)
        return "\n".join(self.said)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlClient]:
    setup = Setup(
        (str(CALLS),),
        rules=(str(RULES / "syscall_rules.yaml"),),
        limits=Limits(memory=200 << 20, seconds=60),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with SqlClient(setup) as made:
            # A fork of a process under test would have its threads and files.
            made._begun = True
            made.start()
            yield made


@pytest.fixture
def screen(client: SqlClient) -> Screen:
    return Screen(client)


def test_queries_and_what_is_wrong_with_them(screen: Screen) -> None:
    assert "1 row" in screen.told('SELECT count("proc.name") AS n FROM events;')
    assert "Did you mean events" in screen.told("SELECT * FROM evnts;")
    assert "COPY" in screen.told("COPY events TO '/tmp/nothing.csv';")
    screen.told(".rows 2")
    assert "the first 2 rows" in screen.told("FROM events;")
    assert "done" in screen.told("CREATE VIEW few AS FROM events LIMIT 2;")
    assert "2 rows" in screen.told("FROM few;")


def test_commands(screen: Screen, tmp_path: Path) -> None:
    for name in commands():
        assert name in screen.told(".help")
    assert "events" in screen.told(".tables") and "execve" in screen.told(".tables")
    schema = screen.told(".schema connections")
    assert "server_port" in schema and "BIGINT" in schema and "the server's port" in schema
    assert "Did you mean processes" in screen.told(".schema processs")
    assert "proc.aname" in screen.told(".fields ancestor")
    assert "matches('condition')" in screen.told(".functions")
    assert "falcowb" in screen.told(".captures") or "intrusion" in screen.told(".captures")
    assert len(screen.told(".rules").splitlines()) > 10
    assert "top-talkers" in screen.told(".recipes")
    assert "rows" in screen.told(".run busiest")
    assert "GROUP BY" in screen.told(".recipes busiest")
    assert "PROJECTION" in screen.told(".explain SELECT num FROM events").upper()
    assert "Did you mean .tables" in screen.told(".table")
    target = tmp_path / "out.csv"
    assert "rows written" in screen.told(f".save {target} SELECT num FROM events LIMIT 5")
    assert len(target.read_text().splitlines()) == 6
    assert "exists" in screen.told(f".save {target} SELECT 1")
    query = tmp_path / "query.sql"
    query.write_text("SELECT 42 AS answer")
    assert "42" in screen.told(f".read {query}")
    screen.told(".quit")
    assert screen.over


def test_the_console_outlives_its_process(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more memory" in screen.told("SELECT length(repeat('x', 4000000000));")
    os.kill(screen.client._pid, signal.SIGSEGV)
    assert "SIGSEGV" in screen.told("SELECT count(*) FROM range(100000000000);")
    assert "1 row" in screen.told("SELECT count(*) FROM events;")
    # Work that does not look whether it should stop: the process is ended.
    monkeypatch.setattr(clients, "_GRACE", 1.0)
    monkeypatch.setattr(screen.client, "setup", _with_seconds(screen.client.setup, 1.0))
    said = screen.told("SELECT max(length(lpad('x', 900000000 + i::INT, 'y'))) FROM range(9) t(i);")
    assert "its process was ended" in said or "longer than" in said or "more memory" in said
    monkeypatch.setattr(clients, "_GRACE", 30.0)
    assert "1 row" in screen.told("SELECT count(*) FROM events;")


def _with_seconds(setup: Setup, seconds: float) -> Setup:
    limits = Limits(memory=setup.limits.memory, seconds=seconds)
    return Setup(setup.captures, rules=setup.rules, limits=limits)


def test_several_lines_history_and_leaving(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with create_pipe_input() as typed:
        prompt = make_prompt(screen, input=typed, output=DummyOutput())
        typed.send_text("SELECT 1\rAS a;\r")
        assert prompt.prompt() == "SELECT 1\nAS a;"
        typed.send_text(".tables\r")
        assert prompt.prompt() == ".tables"
        typed.send_text("\x03")
        with pytest.raises(KeyboardInterrupt):
            prompt.prompt()
        typed.send_text("\x04")
        with pytest.raises(EOFError):
            prompt.prompt()
    assert "SELECT 1" in (tmp_path / "falcowb" / "sql_history").read_text()


def completions(screen: Screen, text: str) -> dict[str, str]:
    completer = SqlCompleter(
        lambda: screen.tables,
        lambda: [Word("SELECT", "keyword", 3), Word("count", "function", 4)],
        {name: each.help for name, each in commands().items()},
        lambda: [Word("proc.name", "VARCHAR", 1)],
    )
    found = completer.get_completions(Document(text), CompleteEvent(completion_requested=True))
    return {each.text: each.display_meta_text for each in found}


def test_completion(screen: Screen) -> None:
    assert next(iter(completions(screen, 'SELECT "proc.exep'))) == '"proc.exepath"'
    told = completions(screen, "SELECT proc_exep")
    assert "VARCHAR" in told["proc_exepath"] and "path" in told["proc_exepath"]
    assert "events" in completions(screen, "SELECT * FROM ev")
    assert "server_port" in completions(screen, "SELECT c.server FROM connections c WHERE c.serv")
    assert list(completions(screen, ".sch")) == [".schema"]
    assert "proc.name" in completions(screen, "SELECT matches('proc.na")
    assert "SELECT" in completions(screen, "sel")
    assert completions(screen, "SELECT zzzzzz") == {}


def test_tables_fit_the_screen(client: SqlClient) -> None:
    table = client.run('SELECT num, "proc.cmdline", "fd.name" FROM events LIMIT 50').table()
    assert all(len(line) <= 60 for line in table_text(table, 60).splitlines())
    wide = client.run("FROM events LIMIT 3").table()
    records = table_text(wide, 80).splitlines()
    assert all(len(line) <= 80 for line in records) and records[0].startswith("── row 1")
    many = client.run("FROM events LIMIT 30").table()
    assert all(len(line) <= 80 for line in table_text(many, 80).splitlines())
    assert "more" in table_text(many, 80).splitlines()[0]
