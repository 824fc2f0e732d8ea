"""System calls of this host as a feed: a probe, and the state of the host when it began."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from capture.errors import CaptureError
from capture.events.containers import container_events
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import SYSCALL, ProbeInfo, SourceInfo
from workbench.core.feeds import Begin, Came, Item, Lost, Remark

#: Events and bytes that are taken from the probe at a time.
_EVENTS, _BYTES = 65_536, 16 << 20
#: Bytes of events that are held while the state of the host is read, and seconds that may take.
_HELD_BYTES, _READING = 96 << 20, 30.0


class Loss(Protocol):
    """Events that were lost: ``where`` is ``kernel`` or ``user``."""

    @property
    def time_ns(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def where(self) -> str: ...
    @property
    def syscall_class(self) -> str: ...
    @property
    def event(self) -> str: ...


class Probe(Protocol):
    """What ``capture.syscalls.probe.LiveProbe`` offers."""

    def start(self) -> None: ...
    def next_batch(
        self, *, max_events: int, max_bytes: int, max_seconds: float
    ) -> EventBatch | None: ...
    def losses(self) -> Sequence[Loss]: ...
    def remarks(self) -> Sequence[str]: ...
    def last_remarks(self) -> Sequence[str]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class HostState(Protocol):
    """What ``capture.syscalls.start_state.read_start_state`` gives."""

    @property
    def section(self) -> Section: ...
    @property
    def containers(self) -> Sequence[bytes]: ...
    @property
    def notes(self) -> Sequence[str]: ...


class CallFeed:
    """System calls as a probe gives them.

    ``make_probe`` and ``read_state`` make the probe and read the state of the host; ``attached``
    is called once everything that happens is recorded and the state is known. Events are gathered
    for ``gather`` seconds. A state that cannot be read is noted, and recording goes on without it.
    """

    source = SYSCALL
    label = "the probe of system calls"

    def __init__(
        self,
        probed: ProbeInfo,
        make_probe: Callable[[], Probe],
        read_state: Callable[[], HostState],
        attached: Callable[[], None] = lambda: None,
        *,
        gather: float = 0.25,
    ) -> None:
        self._probed = probed
        self._make_probe = make_probe
        self._read_state = read_state
        self._attached = attached
        self._gather = gather
        self._probe: Probe | None = None

    def info(self) -> SourceInfo:
        return SourceInfo(SYSCALL, probe=self._probed)

    def about(self) -> str:
        return describe(self._probed)

    def open(self) -> None:
        self._probe = self._make_probe()
        self._probe.start()

    def items(self, stop: threading.Event) -> Iterator[Item | None]:
        probe = self._probe
        assert probe is not None
        held: list[EventBatch] = []
        state = _Reading(self.read_state)
        # The kernel's buffer is emptied meanwhile: reading takes seconds on a large host.
        room = _HELD_BYTES
        while not state.done(0.0 if room > 0 else 0.05):
            batch = self._next(probe, 0.05) if room > 0 else None
            if batch is not None:
                held.append(batch)
                room -= batch.batch.nbytes
            yield None
        began, containers = state.result()
        yield began
        if containers is not None:
            yield Came(SYSCALL, containers)
        self._attached()
        yield from (Came(SYSCALL, batch) for batch in held)
        held.clear()
        while not stop.is_set():
            batch = self._next(probe, self._gather)
            yield None if batch is None else Came(SYSCALL, batch)
            yield from self._lost(probe)
        probe.stop()
        while (batch := self._next(probe, 0.0)) is not None:
            yield Came(SYSCALL, batch)
        yield from self._lost(probe)
        yield from (Remark(SYSCALL, text) for text in probe.last_remarks())

    def read_state(self) -> tuple[Begin, EventBatch | None]:
        """The state of the host as it now is, as the section that system calls go on from, and
        the events that make its containers known."""
        notes: list[str]
        try:
            state = self._read_state()
        except (CaptureError, OSError) as error:
            section, containers = Section.of(0), None
            notes = [f"The state of the host at the start could not be read: {error}"]
        else:
            section, containers = state.section, container_events(state.containers, time.time_ns())
            notes = list(state.notes)
        if self._probe is not None:
            notes += self._probe.remarks()
        return Begin(section, tuple(notes)), containers

    def _next(self, probe: Probe, seconds: float) -> EventBatch | None:
        batch = probe.next_batch(max_events=_EVENTS, max_bytes=_BYTES, max_seconds=seconds)
        return batch if batch is not None and batch.num_rows else None

    def _lost(self, probe: Probe) -> Iterator[Lost]:
        for loss in probe.losses():
            if loss.count:
                what = loss.event or loss.syscall_class
                yield Lost(SYSCALL, loss.count, loss.where, what, loss.time_ns)

    def close(self) -> None:
        if self._probe is not None:
            self._probe.close()


class _Reading:
    """The state of the host, read in a thread of its own."""

    def __init__(self, read: Callable[[], tuple[Begin, EventBatch | None]]) -> None:
        self._found: tuple[Begin, EventBatch | None] | None = None
        self._failure: BaseException | None = None
        self._deadline = time.monotonic() + _READING
        self._read = read
        self._thread = threading.Thread(target=self._work, name="state of the host", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._found = self._read()
        except BaseException as error:
            self._failure = error

    def done(self, wait: float) -> bool:
        """Whether it has been read, or will not be."""
        self._thread.join(wait)
        return not self._thread.is_alive() or time.monotonic() > self._deadline

    def result(self) -> tuple[Begin, EventBatch | None]:
        if self._failure is not None:
            raise self._failure
        if self._found is not None:
            return self._found
        note = (
            f"The state of the host at the start could not be read within {_READING:.0f} s: "
            "processes and files from before are not known."
        )
        return Begin(Section.of(0), (note,)), None


def describe(probed: ProbeInfo) -> str:
    """What is recorded, and of whom, for a person."""
    kinds = "every system call" if probed.every else f"{len(probed.syscalls)} kinds of system calls"
    if probed.command:
        return f"{kinds} of {probed.command[0]} and its descendants"
    bounds = [
        f"{name} {', '.join(map(str, values))}"
        for name, values in (
            ("process", probed.pids),
            ("container", probed.containers),
            ("user", probed.uids),
        )
        if values
    ]
    return f"{kinds} of {', '.join(bounds) if bounds else 'the whole host'}"
