"""Threads of ``/proc`` as rows of ``capture.events.state_schema.THREADS``, as in libscap's scan.

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
from capture.syscalls.procfs import (
    MAX_ARGS,
    MAX_ENV,
    MAX_PATH,
    Proc,
    numbers_in,
    open_folder,
    read_all,
    read_link,
)

#: Flags of a thread that is not its process's first: CLONE_THREAD and CLONE_FILES
#: (driver/ppm_events_public.h).
_THREAD_FLAGS = 1 << 13 | 1 << 0
_NO_LOGIN = 0xFFFFFFFF

#: Values in the order of ``THREADS``.
Row = tuple[int | bytes | None, ...]


@dataclass(frozen=True, slots=True)
class _Executable:
    """The file that a process runs, as it is: also one that was replaced or deleted since."""

    path: bytes = b""
    owner: int = -1
    group: int = -1
    mode: int = 0
    read_only: bool = True
    ino: int = 0
    ctime: int = 0
    mtime: int = 0

    @property
    def from_memfd(self) -> bool:
        return self.path.startswith(b"/memfd:")

    def writable(self, uid: int, gid: int) -> bool:
        """Whether this user may write it or, owning it, allow himself to."""
        if self.owner < 0 or self.path.endswith(b" (deleted)"):
            return False
        if uid == self.owner:
            return True
        if self.read_only:
            return False
        return uid == 0 or bool(self.mode & (0o020 if gid == self.group else 0o002))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all threads of a process have in common."""

    exe: bytes
    args: bytes
    file: _Executable
    cwd: bytes
    root: bytes
    fdlimit: int
    pidns_start: int
    loginuid: int


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
            for tid in numbers_in(tasks):
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
        return (
            tid,
            status.pid,
            status.ptid,
            stat.sid,
            status.vpgid,
            stat.comm,
            shared.exe,
            shared.file.path,
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
            int(shared.file.writable(status.uid, status.gid)),
            status.inheritable,
            status.permitted,
            status.effective,
            0,
            shared.file.ino,
            shared.file.ctime,
            shared.file.mtime,
            int(shared.file.from_memfd),
            0,
            stat.pgid if status.pgid is None else status.pgid,
        )

    def _shared(self, pid: int, folder: int) -> _Shared | None:
        cmdline = _ended(read_all("cmdline", folder, MAX_ARGS), MAX_ARGS)
        path = self._link(folder, "exe", "executables")
        if not cmdline and not path:
            return None
        exe, _, args = cmdline.partition(b"\0")
        return _Shared(
            exe=exe[:MAX_PATH],
            args=args,
            file=self._executable(folder, path),
            cwd=self._link(folder, "cwd", "working directories"),
            root=self._link(folder, "root", "root directories"),
            fdlimit=self._fdlimit(pid, folder),
            pidns_start=_pidns_start(folder),
            loginuid=_loginuid(folder),
        )

    def _executable(self, folder: int, path: bytes) -> _Executable:
        try:
            fd = os.open("exe", os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return _Executable(path)
        try:
            file = os.fstat(fd)
            read_only = bool(os.fstatvfs(fd).f_flag & os.ST_RDONLY)
        except OSError:
            return _Executable(path)
        finally:
            os.close(fd)
        return _Executable(
            path,
            file.st_uid,
            file.st_gid,
            file.st_mode,
            read_only,
            file.st_ino,
            file.st_ctime_ns,
            file.st_mtime_ns,
        )

    def _fdlimit(self, pid: int, folder: int) -> int:
        try:
            return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
        except ProcessLookupError:
            return -1
        except OSError:  # of another user, and without CAP_SYS_RESOURCE
            limits = self._optional(folder, "limits", 8192, "limits")
        for line in limits.splitlines():
            if line.startswith(b"Max open files"):
                soft = line.split()[3]
                return int(soft) if soft.isdigit() else -1
        return -1

    def _optional(self, folder: int, name: str, most: int, what: str) -> bytes:
        try:
            return read_all(name, folder, most)
        except OSError as error:
            self.proc.refuse(what, error)
            return b""

    def _link(self, folder: int, name: str, what: str) -> bytes:
        try:
            return read_link(name, folder)
        except OSError as error:
            self.proc.refuse(what, error)
            return b""


def _ended(texts: bytes, most: int) -> bytes:
    """Texts whose last byte is a NUL, as libscap makes it one."""
    return texts[: most - 1] + b"\0" if len(texts) >= most else texts and texts[:-1] + b"\0"


def _pidns_start(folder: int) -> int:
    """When the first process of the thread's pid namespace began; 0 where that is not seen."""
    try:
        return os.stat("root/proc/1/cmdline", dir_fd=folder).st_ctime_ns
    except OSError:
        return 0


def _loginuid(folder: int) -> int:
    try:
        return int(read_all("loginuid", folder, 32)) & 0xFFFFFFFF
    except (OSError, ValueError):  # a kernel without audit
        return _NO_LOGIN
