"""Asks an engine process and waits for answers."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench.backend.client import Crash, EngineClient
from workbench.backend.messages import Question, Trouble

PATIENCE = 90.0


class Asked:
    """A client whose callbacks run here. ``crashes`` are those it told of."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.crashes: list[Crash] = []
        self.client = EngineClient(deliver=self._waiting.put, on_crash=self.crashes.append)

    def pump(self, until: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, "no answer came"
            try:
                self._waiting.get(timeout=0.1)()
            except queue.Empty:
                continue

    def start(self, question: Question, *, kind: str | None = None) -> list[Any]:
        """Ask and do not wait: the list gets every part, a Trouble for a refusal, and at the end
        None."""
        got: list[Any] = []

        def answered(answer: Any, last: bool) -> None:
            got.append(answer)
            if last:
                got.append(None)

        def refused(trouble: Trouble) -> None:
            got.extend((trouble, None))

        self.client.ask(question, answered, refused, kind=kind)
        return got

    def ask(self, question: Question) -> Any:
        """The last answer, or the Trouble."""
        return self.parts(question)[-1]

    def parts(self, question: Question) -> list[Any]:
        got = self.start(question)
        self.pump(lambda: got and got[-1] is None)
        return got[:-1]


@contextmanager
def engine() -> Iterator[Asked]:
    asked = Asked()
    asked.client.start()
    try:
        yield asked
    finally:
        asked.client.close()
