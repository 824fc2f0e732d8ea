"""The state of this host from which a live recording goes on, read from ``/proc``.

What libscap's scan reads (userspace/libscap/linux in falcosecurity/libs): every thread with its
files, sockets joined to the tables of their network namespace, users, groups, interfaces, the
machine; and the containers that the control groups of the threads name.

To leave no gap, start the probe first, then read, then drain the probe: a process that starts
meanwhile is in the stream, one that ends meanwhile is in both. Reading never fails for what a
process, a mount or a container runtime refuses: what is missing is said in notes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa

from capture.errors import CaptureError
from capture.events.section import Section
from capture.events.state_schema import FDS, THREADS
from capture.syscalls.containers import describe_containers
from capture.syscalls.machine_state import read_interfaces, read_machine
from capture.syscalls.proc_cgroups import Cgroups
from capture.syscalls.proc_files import FileReader
from capture.syscalls.proc_threads import ThreadReader
from capture.syscalls.procfs import Proc, host_root, numbers_in, open_folder, read_all
from capture.syscalls.users import read_users

#: Rows that are collected in Python before they become Arrow columns.
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class StartState:
    """What a recording begins with.

    ``section``: its number is 0 and its version (0, 0). ``containers``: one JSON text a container,
    as the events ``CONTAINER_JSON_2_E`` and ``ASYNCEVENT_E`` carry it, without an ending NUL.
    ``notes``: in words, what could not be read.
    """

    section: Section
    containers: list[bytes]
    notes: list[str]


class _Rows:
    """Rows of a table, turned into columns as they come."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self._rows: list[tuple[int | bytes | None, ...]] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, row: tuple[int | bytes | None, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _CHUNK:
            self._turn()

    def _turn(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, type_)
            for column, type_ in zip(columns, self.schema.types, strict=True)
        ]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
        self._rows = []

    def batch(self) -> pa.RecordBatch | None:
        if self._rows:
            self._turn()
        if not self._batches:
            return None
        return pa.concat_batches(self._batches)


def read_start_state(
    *, containers: bool = True, socket_timeout: float = 2.0, proc: str = ""
) -> StartState:
    """The host's state now.

    ``containers``: also tell of containers, asking runtimes on their sockets for at most
    ``socket_timeout`` seconds altogether. ``proc``: where ``/proc`` is (default: below
    ``HOST_ROOT``, as Falco has it, else ``/proc``). Raises :class:`CaptureError` where that is no
    ``/proc``.
    """
    mounted = Proc(proc or str(host_root() / "proc"))
    threads, fds = _Rows(THREADS), _Rows(FDS)
    readers = ThreadReader(mounted, Cgroups(mounted.path)), FileReader(mounted)
    cgroups: dict[bytes, None] = {}
    strange = 0
    for pid in _pids(mounted.path):
        try:
            folder = open_folder(f"{mounted.path}/{pid}")
        except OSError as error:
            mounted.refuse("anything", error)
            continue
        try:
            alive = False
            for row in readers[0].rows(pid, folder):
                threads.add(row)
                cgroups[_bytes(row[_CGROUPS])] = None
                alive = True
            if alive:
                for row in readers[1].rows(pid, folder):
                    fds.add(row)
        except OSError as error:  # it has ended
            mounted.refuse("anything", error)
        except ValueError:
            strange += 1
        finally:
            os.close(folder)
    users, groups, notes = read_users(max(socket_timeout, 0.1))
    tables = {
        "threads": threads.batch(),
        "fds": fds.batch(),
        "users": users,
        "groups": groups,
        "machine": read_machine(mounted.path),
        "interfaces": read_interfaces(),
    }
    section = Section.of(0, tables={name: table for name, table in tables.items() if table})
    notes += _notes(mounted, strange)
    told: list[bytes] = []
    if containers:
        told, more = describe_containers(cgroups, seconds=socket_timeout)
        notes += more
    return StartState(section, told, notes)


def _pids(path: str) -> list[int]:
    try:
        folder = open_folder(path)
        try:
            pids = numbers_in(folder)
        finally:
            os.close(folder)
    except OSError:
        pids = []
    if not pids:
        raise CaptureError(
            f"{path} does not tell of processes",
            hint="Mount it (mount -t proc proc /proc), or set HOST_ROOT to the host's root.",
        )
    return pids


_CGROUPS = THREADS.get_field_index("cgroups")


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _notes(proc: Proc, strange: int) -> list[str]:
    notes = []
    if proc.refused:
        told = ", ".join(f"{what} ({count})" for what, count in proc.refused.items())
        notes.append(f"state at start: not permitted to read of some processes: {told}")
    if strange:
        notes.append(f"state at start: {strange} processes tell of themselves in an unknown form")
    if _hidden(proc.path):
        notes.append("state at start: /proc hides processes of other users (hidepid)")
    return notes


def _hidden(proc: str) -> bool:
    """Whether the mount hides processes from this user."""
    try:
        lines = read_all(f"{proc}/self/mounts", most=16 << 20).splitlines()
    except OSError:
        return False
    options = [
        line.split()[3]
        for line in lines
        if len(line.split()) > 3 and line.split()[1] == proc.encode()
    ]
    hides = bool(options) and any(
        b"hidepid=" + kind in options[-1].split(b",")
        for kind in (b"1", b"2", b"4", b"noaccess", b"invisible", b"ptraceable")
    )
    return hides and os.geteuid() != 0
