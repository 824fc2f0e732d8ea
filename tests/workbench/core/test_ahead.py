"""Items made ahead by another thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.workbench.command import ROOT
from workbench.core.ahead import ahead


def at_work() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_items_come_in_order_from_another_thread() -> None:
    threads: set[int] = set()

    def items() -> Iterator[int]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number

    assert list(ahead(items())) == list(range(50))
    assert threading.get_ident() not in threads
    assert len(threads) == 1


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    made = ahead(items())
    assert next(made) == 1
    with pytest.raises(KeyError, match="gone"):
        next(made)


def test_no_more_is_made_than_there_is_room_for_and_closing_ends_the_thread() -> None:
    count = 0

    def items() -> Iterator[int]:
        nonlocal count
        while True:
            count += 1
            yield count

    before = at_work()
    made = ahead(items(), depth=2)
    assert next(made) == 1
    made.close()
    assert at_work() == before
    assert count <= 5


def test_one_ahead_of_another_ends_with_it() -> None:
    def items() -> Iterator[int]:
        yield from range(1000)

    before = at_work()
    made = ahead(ahead(items(), 1), 1)
    assert [next(made) for _ in range(5)] == list(range(5))
    assert at_work() == before + 2
    made.close()
    assert at_work() == before
    assert list(ahead(ahead(items()))) == list(range(1000))


def test_the_process_ends_well_while_threads_are_at_work() -> None:
    program = """
from workbench.core.ahead import ahead
made = ahead(ahead((bytearray(1 << 16) for _ in range(1_000_000)), 1), 1)
loop = [made, next(made)]
loop.append(loop)
"""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
