"""The asking side: starts the engine process, matches answers to questions, survives its crash."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from workbench.backend.messages import Ask, Forget, Question, Refusal, Reply, Trouble

#: Told an answer (or a part of it), and whether it is the last.
OnAnswer = Callable[[Any, bool], None]
OnTrouble = Callable[[Trouble], None]
#: Runs something where answers are wanted: on the screen's loop.
Deliver = Callable[[Callable[[], None]], None]

#: So many crashes within so many seconds, and the process is not started again by itself.
_MOST_CRASHES, _WITHIN = 3, 60.0


@dataclass(frozen=True, slots=True)
class Crash:
    """The process ended by itself. ``reason`` says how; ``doing`` are the questions it was at.
    ``restarted``: a new one runs, and standing questions were asked again."""

    reason: str
    doing: tuple[str, ...]
    restarted: bool

    @property
    def text(self) -> str:
        what = f" while it was at: {', '.join(self.doing)}" if self.doing else ""
        after = "It was started again." if self.restarted else "It is not started again."
        return f"The engine process ended ({self.reason}){what}. {after}"


@dataclass(slots=True)
class _Pending:
    kind: str
    question: Question
    on_answer: OnAnswer
    on_trouble: OnTrouble
    #: How often the process died while it was at this question.
    deaths: int = 0


class EngineClient:
    """Asks the engine process.

    ``deliver`` runs callbacks where they are wanted (by default in the thread that reads);
    ``on_crash`` is told when the process died. All methods are for one thread, the one that
    ``deliver`` delivers to. ``log`` receives what the process and its plugins print.
    """

    def __init__(
        self,
        *,
        deliver: Deliver = lambda run: run(),
        on_crash: Callable[[Crash], None] = lambda crash: None,
        log: Path | None = None,
    ) -> None:
        self._deliver = deliver
        self._on_crash = on_crash
        self._log = log
        self._ids = itertools.count(1)
        self._newest: dict[str, int] = {}
        self._pending: dict[int, _Pending] = {}
        self._standing: dict[str, _Pending] = {}
        self._crashes: list[float] = []
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start the process; questions asked before are asked now."""
        ours, theirs = socket.socketpair()
        with theirs, self._open_log() as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "workbench.backend.process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._connection = Connection(ours.detach())
        threading.Thread(
            target=self._read, args=(self._connection, self._process), name="engine", daemon=True
        ).start()

    def _open_log(self) -> IO[bytes]:
        if self._log is not None:
            try:
                self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                return self._log.open("wb")
            except OSError:
                pass
        return Path(os.devnull).open("wb")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def busy(self) -> tuple[str, ...]:
        """The kinds of questions that wait for their last answer."""
        return tuple(each.kind for each in self._pending.values())

    def ask(
        self,
        question: Question,
        on_answer: OnAnswer,
        on_trouble: OnTrouble = lambda trouble: None,
        *,
        kind: str | None = None,
    ) -> None:
        """Ask, and be told the answer unless a newer question of the same kind is asked first.

        ``kind``: by default the question's own; two panes that ask the same give theirs.
        """
        self._ask(_Pending(kind or question.kind, question, on_answer, on_trouble))

    def _ask(self, pending: _Pending) -> None:
        number = next(self._ids)
        kind = pending.kind
        before = self._newest.get(kind)
        if before is not None:
            self._pending.pop(before, None)
        self._newest[kind] = number
        self._pending[number] = pending
        if pending.question.standing:
            self._standing[kind] = pending
        self._send(Ask(number, kind, pending.question))

    def forget(self, kind: str) -> None:
        """Answers of this kind are not wanted any more, nor is it to be asked again."""
        number = self._newest.pop(kind, None)
        if number is not None:
            self._pending.pop(number, None)
        self._standing.pop(kind, None)
        self._send(Forget(kind))

    def _send(self, message: Ask | Forget) -> None:
        if self._connection is None:
            return
        # Where it died, the reading thread will notice, and tell.
        with contextlib.suppress(OSError):
            self._connection.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def _read(self, connection: Connection, process: subprocess.Popen[bytes]) -> None:
        try:
            while True:
                message = pickle.loads(connection.recv_bytes())
                self._deliver(lambda message=message: self._received(message))  # type: ignore[misc] # a lambda with a default is not inferred
        except (EOFError, OSError, pickle.UnpicklingError):
            code = process.wait()
            self._deliver(lambda: self._ended(process, code))

    def _received(self, message: Reply | Refusal) -> None:
        pending = self._pending.get(message.id)
        if pending is None:
            return  # Outdated.
        if isinstance(message, Refusal):
            del self._pending[message.id]
            pending.on_trouble(message.trouble)
            return
        if message.last:
            del self._pending[message.id]
        pending.on_answer(message.answer, message.last)

    def _ended(self, process: subprocess.Popen[bytes], code: int) -> None:
        if self._closed or process is not self._process:
            return
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        now = time.monotonic()
        self._crashes = [at for at in self._crashes if now - at < _WITHIN] + [now]
        restart = len(self._crashes) <= _MOST_CRASHES
        doing = list(self._pending.values())
        self._pending.clear()
        self._newest.clear()
        for pending in doing:
            pending.deaths += 1
        crash = Crash(_how(code), tuple(dict.fromkeys(each.kind for each in doing)), restart)
        if restart:
            self.restart()
        for pending in doing:
            if not restart or pending.kind not in self._newest:
                pending.on_trouble(Trouble(crash.text, crash.text, crash=True))
        self._on_crash(crash)

    def restart(self) -> None:
        """Start anew with the standing questions, but for those at which it died twice."""
        if self._connection is not None:
            self._stop()
            self._pending.clear()
            self._newest.clear()
        self.start()
        for pending in list(self._standing.values()):
            if pending.deaths < 2:
                self._ask(pending)
            else:
                del self._standing[pending.kind]

    def close(self) -> None:
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            # The reading thread holds the descriptor: ending the process wakes it.
            held = socket.socket(fileno=os.dup(connection.fileno()))
            with held, contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        if process is not None:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"signal {name}"
