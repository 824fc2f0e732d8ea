"""Questions are answered in lanes: one after the other in each, the lanes side by side."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from capture.errors import FalcowbError
from workbench.backend.messages import Ask, Question, Refusal, Reply, Trouble

Send = Callable[[Reply | Refusal], None]
#: Answers a question; ``Asking`` is how it tells progress and learns that it is outdated.
Answer = Callable[[Question, "Asking"], Any]

_log = logging.getLogger(__name__)


class Outdated(Exception):
    """Nobody waits for the answer any more."""


class Asking:
    """One question while it is answered."""

    def __init__(self, lanes: Lanes, ask: Ask) -> None:
        self._lanes = lanes
        self._ask = ask

    @property
    def outdated(self) -> bool:
        return not self._lanes.is_newest(self._ask)

    def check(self) -> None:
        """To be called now and then (between segments). Raises Outdated."""
        if self.outdated:
            raise Outdated

    def tell(self, answer: Any) -> None:
        """Send a part of the answer. Raises Outdated."""
        self.check()
        self._lanes.send(Reply(self._ask.id, answer, last=False))


class Lanes:
    """Threads that answer. ``put`` is for one thread, which never waits."""

    def __init__(self, answer: Answer, send: Send) -> None:
        self._answer = answer
        self.send = send
        self._newest: dict[str, int] = {}
        self._queues: dict[str, queue.SimpleQueue[Ask]] = {}

    def put(self, ask: Ask) -> None:
        self._newest[ask.kind] = ask.id
        lane = ask.question.lane
        if lane not in self._queues:
            waiting: queue.SimpleQueue[Ask] = queue.SimpleQueue()
            self._queues[lane] = waiting
            threading.Thread(
                target=self._run, args=(waiting,), name=f"lane {lane}", daemon=True
            ).start()
        self._queues[lane].put(ask)

    def forget(self, kind: str) -> None:
        self._newest.pop(kind, None)

    def is_newest(self, ask: Ask) -> bool:
        return self._newest.get(ask.kind) == ask.id

    def _run(self, waiting: queue.SimpleQueue[Ask]) -> None:
        while True:
            ask = waiting.get()
            if not self.is_newest(ask):
                continue
            try:
                answer = self._answer(ask.question, Asking(self, ask))
            except Outdated:
                continue
            except FalcowbError as error:
                self.send(Refusal(ask.id, Trouble.of(error)))
            except Exception as error:
                _log.exception("%s", ask.question)
                self.send(Refusal(ask.id, Trouble.of(error)))
            else:
                if self.is_newest(ask):
                    self.send(Reply(ask.id, answer, last=True))
