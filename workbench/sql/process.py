"""The process that answers: ``python -P -m workbench.sql.process FD``, FD one end of a socket pair.

A query may be anything: it can ask for more memory than there is, or for work that DuckDB does not
let itself be called away from. In a process of its own the worst it can do is to end that, and the
console goes on with a new one. It ends when the other end closes.
"""

from __future__ import annotations

import os
import pickle
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from capture.errors import FalcowbError
from workbench.sql.messages import (
    Answer,
    Ask,
    AskTables,
    Cancel,
    Drop,
    Failed,
    More,
    Note,
    Question,
    Ready,
    Reply,
    Rows,
    RuleInfo,
    Setup,
    Tables,
)

if TYPE_CHECKING:
    from workbench.sql.result import Result
    from workbench.sql.session import SqlSession

#: Address space beside what DuckDB may use: for reading captures, and what DuckDB does not count.
_BESIDE = 3 << 30


def main(fd: int) -> None:
    """Answer until the other end closes; then the process ends."""
    # Ctrl-C in the terminal is for the console, which says what is to be cancelled.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    connection = Connection(fd)
    try:
        _serve(connection)
    except (EOFError, OSError):
        pass
    finally:
        # Plugins may run threads of their own that never end.
        os._exit(0)


def _serve(connection: Connection) -> None:
    setup: Setup = pickle.loads(connection.recv_bytes())

    def send(reply: Reply) -> None:
        connection.send_bytes(pickle.dumps(reply, protocol=pickle.HIGHEST_PROTOCOL))

    try:
        session, ready = _open(setup, send)
    except FalcowbError as error:
        send(_failed(error))
        return
    _bound(setup)
    with session:
        send(ready)
        questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        listening = (connection, session, questions)
        threading.Thread(target=_listen, args=listening, daemon=True).start()
        _answer(session, questions, send)


def _open(setup: Setup, send: Callable[[Reply], None]) -> tuple[SqlSession, Ready]:
    """Raises FalcowbError."""
    from workbench.core.session import Session
    from workbench.sql.rules import Rules
    from workbench.sql.session import SqlSession

    config = None if setup.config is None else Path(setup.config)
    session = Session.open(config, setup.options, setup.plugins)
    warnings = [str(each) for each in session.config.warnings]
    rules, told = None, []
    if setup.rules or session.config.rules_files:
        loaded = session.load_rules(setup.rules)
        rules = Rules(loaded.ruleset, session.matching(setup.all_rules))
        warnings += [str(each.place) for each in loaded.warnings]
        told = [
            RuleInfo(rule.name, rule.priority.title, rule.source, tuple(sorted(rule.tags)))
            for source in loaded.ruleset.sources
            for rule in loaded.ruleset.enabled(source)
        ]
    sql = SqlSession.open(
        setup.captures,
        session,
        rules,
        setup.limits,
        note=lambda text: send(Note(text)),
        progress=lambda events, fraction: send(Note("importing", events, fraction)),
    )
    return sql, Ready(sql.names, tuple(told), tuple(sql.notes), tuple(warnings))


def _bound(setup: Setup) -> None:
    """No query makes this process larger than it may be: what does not fit is refused."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + setup.limits.memory + _BESIDE
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _listen(
    connection: Connection, session: SqlSession, questions: queue.SimpleQueue[Question | None]
) -> None:
    """Put questions in line; what is to be cancelled is told at once."""
    while True:
        try:
            question: Question = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            session.interrupt()
            questions.put(None)
            return
        if isinstance(question, Cancel):
            session.interrupt()
        else:
            questions.put(question)


def _answer(
    session: SqlSession,
    questions: queue.SimpleQueue[Question | None],
    send: Callable[[Reply], None],
) -> None:
    result: Result | None = None
    while (question := questions.get()) is not None:
        try:
            match question:
                case Ask(sql):
                    result = None
                    result = session.run(sql)
                    send(Answer(result.schema.serialize().to_pybytes(), result.seconds))
                case More():
                    batch = None if result is None else next(result.batches, None)
                    send(Rows(None if batch is None else batch.serialize().to_pybytes()))
                case Drop():
                    if result is not None:
                        result.close()
                    result = None
                case AskTables():
                    send(Tables(tuple(session.infos)))
        except FalcowbError as error:
            result = None
            send(_failed(error))
        except MemoryError:
            result = None
            send(Failed("the query needs more memory than it may have", None, _MEMORY_HINT))


_MEMORY_HINT = "Let it see less (WHERE, LIMIT), or give it more with --memory."


def _failed(error: FalcowbError) -> Failed:
    from workbench.sql.errors import Stopped

    return Failed(error.message, error.place, error.hint, isinstance(error, Stopped))


if __name__ == "__main__":
    main(int(sys.argv[1]))
