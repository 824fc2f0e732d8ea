"""The asking side of a session in a process of its own: see ``workbench.sql.process``."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Self

from capture.errors import FalcowbError
from workbench.sql.described import TableInfo
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
    Setup,
    Tables,
)

if TYPE_CHECKING:
    from workbench.sql.result import Result

#: Seconds between two looks at whether the process still answers.
_LOOK = 0.1
#: Seconds that a query may go on after it was told to stop; then its process is ended.
_GRACE = 8.0
_ANEW = (
    "DuckDB's process was begun anew: the captures are open, views and tables of yours are gone."
)


class SqlClient:
    """Begins the process and asks it. Raises FalcowbError where the session cannot begin.

    ``note`` is told what takes long. KeyboardInterrupt while waiting cancels the query, which then
    raises ``workbench.sql.errors.Stopped``. To be closed, or used with ``with``.
    """

    def __init__(self, setup: Setup, note: Callable[[Note], None] = lambda _note: None) -> None:
        self.setup = setup
        self._note = note
        self._connection: Connection | None = None
        self._pid = 0
        self._begun = False
        self.ready: Ready
        self._tables: tuple[TableInfo, ...] | None = None
        self._lock = threading.Lock()

    def start(self) -> Ready:
        """Begin the process, and wait until the captures are open."""
        self.begin()
        return self.wait()

    def begin(self) -> None:
        """Begin the process, and do not wait."""
        ours, theirs = socket.socketpair()
        # A fork right at the start spares loading everything again; later there are threads.
        if not self._begun and threading.active_count() == 1:
            self._pid = os.fork()
            if self._pid == 0:
                ours.close()
                _become(theirs.detach())
        else:
            self._pid = subprocess.Popen(
                [sys.executable, "-P", "-m", "workbench.sql.process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            ).pid
        theirs.close()
        self._begun = True
        self._connection = Connection(ours.detach())
        self._send(self.setup)

    def wait(self) -> Ready:
        """Wait until the captures are open. KeyboardInterrupt goes through."""
        try:
            reply = self._receive(None, cancellable=False)
        except KeyboardInterrupt:
            self._end()
            raise
        if isinstance(reply, Failed):
            self._end()
            raise _error(reply)
        assert isinstance(reply, Ready)
        self.ready = reply
        return reply

    @property
    def tables(self) -> tuple[TableInfo, ...]:
        """All tables with their columns."""
        if self._tables is None:
            reply = self._question(AskTables())
            assert isinstance(reply, Tables)
            self._tables = reply.tables
        return self._tables

    def run(self, sql: str, stop: Callable[[], bool] = lambda: False) -> Result:
        """Ask. ``stop`` is asked now and then while waiting; true cancels the query. Raises
        FalcowbError as ``SqlSession.run`` does."""
        import pyarrow as pa

        from workbench.sql.result import Result

        reply = self._question(Ask(sql), stop)
        assert isinstance(reply, Answer)
        schema = pa.ipc.read_schema(pa.py_buffer(reply.schema))
        rows = self._rows(schema)
        return Result(schema, rows, reply.seconds, close=self._drop)

    def _rows(self, schema: object) -> Iterator[object]:
        import pyarrow as pa

        while True:
            reply = self._question(More())
            assert isinstance(reply, Rows)
            if reply.batch is None:
                return
            yield pa.ipc.read_record_batch(pa.py_buffer(reply.batch), schema)

    def _drop(self) -> None:
        with contextlib.suppress(OSError):
            self._send(Drop())

    # Talking.

    def _question(self, question: Question, stop: Callable[[], bool] = lambda: False) -> Reply:
        with self._lock:
            self._send(question)
            reply = self._receive(self.setup.limits.seconds, stop)
        if isinstance(reply, Failed):
            raise _error(reply)
        return reply

    def _send(self, message: Question | Setup) -> None:
        assert self._connection is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send_bytes(pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))

    def _receive(
        self,
        seconds: float | None,
        stop: Callable[[], bool] = lambda: False,
        *,
        cancellable: bool = True,
    ) -> Reply:
        """The next reply. A process that neither answers nor stops in time is begun anew."""
        assert self._connection is not None
        # The process keeps the time itself; this is for one that cannot.
        deadline = None if seconds is None else time.monotonic() + seconds + _GRACE
        told = False
        while True:
            try:
                while not self._connection.poll(_LOOK):
                    if not told and stop():
                        told = True
                        self._send(Cancel())
                        deadline = time.monotonic() + _GRACE
                    if deadline is not None and time.monotonic() > deadline:
                        return self._anew("the query would not stop, and its process was ended")
                reply: Reply = pickle.loads(self._connection.recv_bytes())
            except KeyboardInterrupt:
                if not cancellable:
                    raise
                self._send(Cancel())
                deadline = time.monotonic() + _GRACE
                continue
            except (EOFError, ConnectionResetError):
                return self._anew(f"the query ended DuckDB's process ({self._reap()})")
            if not isinstance(reply, Note):
                return reply
            self._note(reply)
            if deadline is not None and seconds is not None:
                deadline = time.monotonic() + seconds + _GRACE

    def _anew(self, message: str) -> Failed:
        self._end()
        if not hasattr(self, "ready"):
            return Failed("the process of DuckDB ended before it began", None, "")
        self.start()
        return Failed(message, None, _ANEW, stopped=True)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> str:
        """How the process ended, in words."""
        if not self._pid:
            return "it is gone"
        pid, self._pid = self._pid, 0
        try:
            _, status = os.waitpid(pid, 0)
        except ChildProcessError:
            return "it is gone"
        code = os.waitstatus_to_exitcode(status)
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def close(self) -> None:
        """The process ends by itself once nobody listens; what it has put aside goes with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        deadline = time.monotonic() + 2.0
        while self._pid and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                    time.sleep(0.01)
                    continue
            self._pid = 0
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _become(fd: int) -> None:
    """In the child of a fork: be the process that answers, and nothing else."""
    try:
        from workbench.sql.process import main

        main(fd)
    finally:
        os._exit(1)


def _error(failed: Failed) -> FalcowbError:
    from workbench.sql.errors import SqlError, Stopped

    kind = Stopped if failed.stopped else SqlError
    return kind(failed.message, place=failed.place, hint=failed.hint)
