"""Work that runs ahead of who waits for it, in a thread of its own."""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

#: How often a full queue looks whether anybody still waits.
_LOOK = 0.1
#: How long (seconds) the end of the process waits for a thread that nobody waits for any more.
_PATIENCE = 5.0
#: Threads at work and what stops them, those that others wait for after those that wait.
_at_work: dict[threading.Thread, threading.Event] = {}


@atexit.register
def _end() -> None:
    """Python does not bear threads that come back from native code once it has been taken down."""
    for thread, stop in list(_at_work.items()):
        stop.set()
        thread.join(_PATIENCE)


class _End:
    """Nothing more comes; ``error`` says why, where there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[Item], depth: int = 2) -> Generator[Item, None, None]:
    """The same items, made up to ``depth`` items ahead by another thread.

    Pays where making them is native work without Python's lock. What ``items`` raises is raised
    here. When the generator is closed, the thread ends after the item it is making, and ``items``,
    if it is a generator, is closed.
    """
    made: queue.Queue[Item | _End] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stop.is_set():
            try:
                made.put(item, timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as raised:
            error = raised
        finally:
            if isinstance(items, Generator):
                items.close()
        put(_End(error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    _at_work[thread] = stop
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        _at_work.pop(thread, None)
        if thread is not threading.current_thread():  # which may be the one to find it abandoned
            thread.join()
