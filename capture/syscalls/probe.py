"""Live system calls: a probe in the kernel, its events as batches.

    with LiveProbe(ProbeOptions(DEFAULT_SYSCALLS)) as probe:
        probe.start()
        while ...:
            batch = probe.next_batch()

Records are taken out of the kernel's ring buffers and made into columns natively, without Python;
what was lost is counted where it was lost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.syscalls.calls import calls
from capture.syscalls.drain import Assembler, Drain, clock_offset
from capture.syscalls.family import families, in_containers
from capture.syscalls.loader import LoadedProbe
from capture.syscalls.options import ProbeOptions
from capture.syscalls.proc_details import ProcDetails

#: How often the ring buffers are looked into while little comes.
_CALM_NS, _HURRY_NS = 20_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were lost between one question after them and the next.

    ``time_ns`` is the time of day (ns) at which the loss was seen, ``count`` how many there were.
    ``where`` is ``kernel`` (no room in a ring buffer) or ``user`` (a record that could not be
    read). ``syscall_class`` is the category of the events: file, net, process, io_read, memory
    ...; ``event`` their name. Of some the kernel says only how many: the class is ``unknown``.
    """

    time_ns: int
    count: int
    where: str
    syscall_class: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class ProbeCounters:
    """So far: events given, events lost, bytes of the events' parameters, and how often the
    reader looked into the ring buffers."""

    events: int
    losses: int
    bytes: int
    wakeups: int


class LiveProbe:
    """The system calls of this host from ``start`` on.

    To be closed. Raises CaptureError, with a way out, where the host does not allow it. One thread
    at a time may ask for batches; another may ask for losses and counters or stop it.
    """

    def __init__(self, options: ProbeOptions) -> None:
        self.options = options
        self._loaded: LoadedProbe | None = None
        self._drain: Drain | None = None
        self._assembler: Assembler | None = None
        self._stopped = False
        self._told: dict[int, int] = {}
        self._lost = 0
        #: What read the details of processes, where the probe could not; None else.
        self.details: ProcDetails | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Compile, load and attach the probe: from now on events are kept."""
        if self._loaded is not None:
            raise CaptureError("the probe was started already")
        loaded = self._loaded = LoadedProbe(self.options)
        # Processes that have ended by the time their records are read are in /proc no more.
        calm = _HURRY_NS if loaded.plain else _CALM_NS
        self._drain = Drain(loaded.rings, loaded.ring_bytes, calm)
        self._assembler = Assembler(clock_offset())
        if loaded.plain:
            self.details = ProcDetails()
            self._assembler.ask(self.details)
        loaded.track(self.options.pids)
        loaded.attach()
        # What had been started by then is found now; what is started since, the probe sees.
        loaded.track(families(self.options.pids))
        loaded.track(families(in_containers(self.options.containers)))

    def add_pid(self, pid: int) -> None:
        """Record this process too, and what it has started and will start. Raises CaptureError
        unless the options choose processes: else everything is recorded anyway."""
        loaded = self._running()
        if not loaded.tracks:
            raise CaptureError("the probe records every process; there is none to add")
        loaded.track([pid])
        loaded.track(families([pid]))

    def next_batch(
        self,
        *,
        max_events: int = 65_536,
        max_bytes: int = 32 << 20,
        max_seconds: float = 1.0,
    ) -> EventBatch | None:
        """The next events, numbered on from 1, in the order of their times as well as the CPUs
        allow. Comes back once there are so many events, or bytes of them, or after so many seconds
        with what there is: None for nothing. After ``stop`` it does not wait, and None is the end.
        """
        self._running()
        assert self._drain is not None and self._assembler is not None
        self._drain.fill(self._assembler, max_events, max_bytes, max_seconds, last=self._stopped)
        return self._assembler.take()

    def losses(self) -> list[Loss]:
        """What was lost since the last question."""
        loaded, now = self._running(), time.time_ns()
        assert self._assembler is not None
        found: dict[tuple[str, str, str], int] = {}
        for call, total in loaded.lost().items():
            _count(found, "kernel", call, total - self._told.get(call, 0))
            self._told[call] = total
        missed = loaded.missed()
        _count(found, "kernel", -1, missed - self._told.get(-1, 0))
        self._told[-1] = missed
        for call, count in self._assembler.malformed().items():
            _count(found, "user", call, count)
        losses = [
            Loss(now, count, where, kind, event)
            for (where, kind, event), count in found.items()
            if count
        ]
        self._lost += sum(loss.count for loss in losses)
        return losses

    def remarks(self) -> list[str]:
        """In words, what cannot be known of what is recorded; empty where all can."""
        return [] if self.details is None else [self.details.remark()]

    def last_remarks(self) -> list[str]:
        """The same of all that was recorded, once it ends."""
        return [] if self.details is None else [self.details.last_remark()]

    def counters(self) -> ProbeCounters:
        """Totals so far; losses as of now, told by ``losses`` or not yet."""
        loaded = self._running()
        assert self._assembler is not None
        counts = self._assembler.counts()
        untold = sum(loaded.lost().values()) + loaded.missed() - sum(self._told.values())
        return ProbeCounters(
            int(counts.events), self._lost + untold, int(counts.bytes), int(counts.wakeups)
        )

    def stop(self) -> None:
        """Detach the probe. What is in its buffers can still be read."""
        if self._loaded is not None and not self._stopped:
            self._loaded.detach()
            self._stopped = True

    def close(self) -> None:
        """Detach the probe and drop what was not read."""
        self.stop()
        if self._drain is not None:
            self._drain.close()
        if self._loaded is not None:
            self._loaded.close()
        self._drain = self._loaded = None

    def _running(self) -> LoadedProbe:
        if self._loaded is None:
            raise CaptureError("the probe is not running")
        return self._loaded


def _count(to: dict[tuple[str, str, str], int], where: str, call: int, count: int) -> None:
    known = calls().get(call)
    key = (where, "unknown", "") if known is None else (where, known.category, known.event.name)
    to[key] = to.get(key, 0) + count
