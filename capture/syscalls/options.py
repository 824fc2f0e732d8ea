"""What the live probe records: chosen once, before it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """What to record, and into how much memory.

    ``syscalls`` are names as in ``capture/events/syscalls.tsv``; None is every one, those without
    an event type of their own as generic events. ``snaplen`` is how many bytes of a buffer are
    kept, at most ``MAX_SNAPLEN``.

    ``pids`` and ``containers`` choose processes, together with all their descendants: process ids,
    and ids of containers or beginnings of them (12 characters are usual). A process that either
    chooses is recorded; with neither, and not ``only_added``, everything is. ``only_added`` records
    just what ``LiveProbe.add_pid`` adds later. ``uids`` narrows all this to processes of these real
    users. ``exclude_pids`` (8 at most) are never recorded, their children are: the recorder itself.

    ``buffer_bytes`` is the size of each ring buffer; there is one a CPU, but not more than 8, so
    that CPUs do not wait for each other. It is rounded up to a power of two.

    ``kernel_types``: read the kernel's structures where it describes them (BTF). Without, and where
    it does not, details of processes are read from ``/proc``.
    """

    syscalls: frozenset[str] | None
    snaplen: int = 80
    pids: tuple[int, ...] = ()
    containers: tuple[str, ...] = ()
    uids: tuple[int, ...] = ()
    exclude_pids: tuple[int, ...] = ()
    buffer_bytes: int = 8 << 20
    only_added: bool = False
    kernel_types: bool = True

    @property
    def chooses(self) -> bool:
        """Whether only some processes are recorded."""
        return bool(self.pids or self.containers or self.only_added)


#: Most bytes of a buffer that the probe can keep.
MAX_SNAPLEN = 32_768
