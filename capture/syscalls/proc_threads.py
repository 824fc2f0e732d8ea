"""Threads of ``/proc`` as rows of ``capture.events.state_schema.THREADS``, as libscap's scan has them.

From userspace/libscap/linux/scap_procs.c in falcosecurity/libs. Kernel threads and processes that
have ended but were not waited for are left out. What threads of a process share (its executable,
arguments, folders, limits) is read once a process; the environment is told with the main thread
alone, where libsinsp looks for it. Whether an executable lies in the upper layer of an overlay is
told by exec events only: 0 here, as in Falco.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass

from capture.syscalls.proc_cgroups import Cgroups
from capture.syscalls.proc_status import parse_stat, parse_status
from capture.syscalls.procfs import MAX_ARGS, MAX_ENV, Proc, open_folder, read_all, read_link

#: Flags of a thread that is not its process's first: CLONE_THREAD and CLONE_FILES
#: (driver/ppm_events_public.h).
_THREAD_FLAGS = 1 << 13 | 1 << 0
_NO_LOGIN = 0xFFFFFFFF

#: Values in the order of ``THREADS``.
Row = tuple[int | bytes | None, ...]


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all threads of a process have in common."""

    exe: bytes
    args: bytes
    exepath: bytes
    cwd: bytes
    root: bytes
    fdlimit: int
    pidns_start: int
    loginuid: int
    writable: int
    ino: int
    ctime: int
    mtime: int
    memfd: int


@dataclass(slots=True)
class ThreadReader:
    """Reads the threads of one ``/proc``."""

    proc: Proc
    cgroups: Cgroups

    def rows(self, pid: int, folder: int) -> Iterator[Row]:
        """The threads of a process, the main one first; ``folder`` is its open folder in ``/proc``.

        Raises OSError where the process is gone, or cannot be looked at, before its main thread was
        read; ValueError where what it says of itself cannot be understood. A kernel thread or a
        process that has ended has none.
        """
        shared = self._shared(pid, folder)
        if shared is None:
            return
        yield self._row(pid, folder, "", shared)
        try:
            tasks = open_folder("task", folder)
        except OSError:
            return
        try:
            for tid in self.proc.numbers(tasks):
                if tid == pid:
                    continue
                try:
                    yield self._row(tid, tasks, f"{tid}/", shared)
                except (OSError, ValueError):
                    continue  # it has ended
        except OSError:
            return
        finally:
            os.close(tasks)

    def _row(self, tid: int, folder: int, at: str, shared: _Shared) -> Row:
        status = parse_status(tid, read_all(f"{at}status", folder))
        stat = parse_stat(read_all(f"{at}stat", folder, 4095))
        main = not at
        env = self._optional(folder, "environ", MAX_ENV, "environments") if main else b""
        writable = shared.writable if shared.writable >= 0 else self._writable(
            folder, shared, status.uid, status.gid
        )
        return (
            tid,
            status.pid,
            status.ptid,
            stat.sid,
            status.vpgid,
            stat.comm,
            shared.exe,
            shared.exepath,
            shared.args,
            shared.cwd,
            shared.fdlimit,
            0 if tid == status.pid else _THREAD_FLAGS,
            status.uid,
            status.gid,
            status.vmsize,
            status.vmrss,
            status.vmswap,
            stat.pfmajor,
            stat.pfminor,
            _ended(env, MAX_ENV),
            status.vtid,
            status.vpid,
            self.cgroups.of(self._optional(folder, f"{at}cgroup", 1 << 16, "control groups")),
            shared.root,
            shared.pidns_start,
            stat.tty,
            shared.loginuid,
            writable,
            status.inheritable,
            status.permitted,
            status.effective,
            0,
            shared.ino,
            shared.ctime,
            shared.mtime,
            shared.memfd,
            0,
            stat.pgid if status.pgid is None else status.pgid,
        )
