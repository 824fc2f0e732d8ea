"""Questions: the newest of a kind counts, lanes run side by side, refusals are words."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import ClassVar

from capture.errors import FalcowbError, Place
from workbench.backend.lanes import Asking, Lanes
from workbench.backend.messages import Ask, Question, Refusal, Reply

PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Slow(Question):
    name: str
    lane: ClassVar[str] = "slow"


@dataclass(frozen=True, slots=True)
class Quick(Question):
    lane: ClassVar[str] = "quick"


class Bench:
    def __init__(self) -> None:
        self.started: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.go_on = threading.Event()
        self.replies: queue.SimpleQueue[Reply | Refusal] = queue.SimpleQueue()
        self.lanes = Lanes(self.answer, self.replies.put)

    def answer(self, question: Question, asking: Asking) -> object:
        if isinstance(question, Quick):
            return "quick"
        assert isinstance(question, Slow)
        self.started.put(question.name)
        if question.name == "refuse":
            raise FalcowbError("no", place=Place("file", 3, 4), hint="do this")
        if question.name == "fail":
            raise ZeroDivisionError("oh")
        asking.tell("part")
        while not self.go_on.wait(0.01):
            asking.check()
        return question.name


def test_a_newer_question_of_its_kind_ends_the_older() -> None:
    bench = Bench()
    bench.lanes.put(Ask(1, "a", Slow("one")))
    assert bench.started.get(timeout=PATIENCE) == "one"
    assert bench.replies.get(timeout=PATIENCE) == Reply(1, "part", last=False)
    bench.lanes.put(Ask(2, "a", Slow("two")))
    bench.lanes.put(Ask(3, "a", Slow("three")))
    seen = [bench.started.get(timeout=PATIENCE)]
    if seen == ["two"]:  # it had begun before the third came
        seen = [bench.started.get(timeout=PATIENCE)]
        assert bench.replies.get(timeout=PATIENCE).id == 2
    assert seen == ["three"]
    bench.go_on.set()
    got = [bench.replies.get(timeout=PATIENCE) for _ in range(2)]
    assert got[-1] == Reply(3, "three", last=True)
    assert bench.replies.empty()


def test_other_lanes_do_not_wait() -> None:
    bench = Bench()
    bench.lanes.put(Ask(1, "a", Slow("one")))
    assert bench.replies.get(timeout=PATIENCE) == Reply(1, "part", last=False)
    bench.lanes.put(Ask(2, "b", Quick()))
    assert bench.replies.get(timeout=PATIENCE) == Reply(2, "quick", last=True)
    bench.go_on.set()
    assert bench.replies.get(timeout=PATIENCE) == Reply(1, "one", last=True)


def test_what_nobody_waits_for_ends() -> None:
    bench = Bench()
    bench.lanes.put(Ask(1, "a", Slow("one")))
    bench.replies.get(timeout=PATIENCE)
    bench.lanes.forget("a")
    bench.lanes.put(Ask(2, "b", Slow("two")))
    assert bench.started.get(timeout=PATIENCE) == "one"
    assert bench.started.get(timeout=PATIENCE) == "two"
    bench.go_on.set()
    assert bench.replies.get(timeout=PATIENCE) == Reply(2, "part", last=False)
    assert bench.replies.get(timeout=PATIENCE) == Reply(2, "two", last=True)


def test_refusals() -> None:
    bench = Bench()
    bench.lanes.put(Ask(1, "a", Slow("refuse")))
    refused = bench.replies.get(timeout=PATIENCE)
    assert isinstance(refused, Refusal)
    trouble = refused.trouble
    assert (trouble.message, trouble.hint, trouble.file) == ("no", "do this", "file")
    assert (trouble.line, trouble.column, trouble.crash) == (3, 4, False)
    bench.lanes.put(Ask(2, "a", Slow("fail")))
    refused = bench.replies.get(timeout=PATIENCE)
    assert isinstance(refused, Refusal) and refused.trouble.crash
    assert "ZeroDivisionError: oh" in refused.trouble.message
