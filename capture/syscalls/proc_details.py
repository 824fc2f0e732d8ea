"""Details of processes from ``/proc``, where the probe sees nothing of the kernel's structures.

The native side asks for each record of a process that is made or begins a program. A process that
has ended by then has only what it has in common with the one that made it, if that is known.
"""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from typing import Any

from capture.syscalls import _native
from capture.syscalls.proc_cgroups import Cgroups
from capture.syscalls.proc_status import parse_stat, parse_status
from capture.syscalls.procfs import host_root, open_folder, read_all, read_link

ffi, lib = _native.ffi, _native.lib

_CLONES = frozenset({56, 57, 58, 435})
_EXECS = frozenset({59, 322, lib.CALL_EXEC})
_CAPSET = 126
#: Controllers in the order in which the probe tells of them.
_CONTROLLERS = (b"cpuset", b"cpu", b"cpuacct", b"io", b"memory")
_ABSENT, _MOST_NAMES = 255, 127
#: Processes that are remembered, at most.
_REMEMBERED = 1 << 17
#: States of a process that has ended and is still to be waited for.
_ENDED = (b"Z", b"X")
_NO_LOGIN = 0xFFFFFFFF
_WHOLE = 0xFFFFFFFF
_NAMES = ("pgid", "vpgid", "fdlimit", "loginuid", "tty", "in_pidns")


@dataclass(frozen=True, slots=True)
class _Known:
    """What processes have in common with those that they make."""

    ptid: int
    args: bytes
    cgroups: bytes
    numbers: tuple[int, ...]


class ProcDetails:
    """Fills in ``probe_details``. ``asked``: how many records of processes there were; ``missed``:
    how many of them were of processes that had ended, or become another, by then."""

    def __init__(self, proc: str = "") -> None:
        self.proc = proc or str(host_root() / "proc")
        self.asked = 0
        self.missed = 0
        self._cgroups = Cgroups(self.proc)
        self._known: dict[int, _Known] = {}

    def remark(self) -> str:
        """In words, for the capture."""
        return (
            "Details of processes were read from /proc, for the kernel does not describe its types "
            "(BTF): those that lived shorter may lack them. Not known are inodes of files, local "
            "ends of connections, and what processes ended with."
        )

    def last_remark(self) -> str:
        """In words, how many lack them."""
        return (
            f"{self.missed:,} of {self.asked:,} records of processes that were made or began a "
            "program lack details: the process had ended, or begun another, before /proc was read."
        )

    def fill(self, details: Any) -> None:
        """Never raises: what cannot be read is left as it is."""
        call, task = int(details.call), details.task
        if call == lib.CALL_EXIT:
            self._known.pop(int(task.tid), None)
            return
        if call != _CAPSET:
            self.asked += 1
        whole = False
        with contextlib.suppress(OSError, ValueError):
            folder = open_folder(f"{self.proc}/{int(task.pid)}")
            try:
                whole = self._read(call, details, folder)
            finally:
                os.close(folder)
        if not whole and call != _CAPSET:
            self.missed += 1
            if call in _EXECS:
                # None, rather than that of the program before.
                _put(details, "path", b"\1\0")
            self._recall(details)
        if details.known != lib.KNOWN_SEEN and (call in _CLONES or call == lib.CALL_EXEC):
            self._remember(call, details)

    def _read(self, call: int, details: Any, folder: int) -> bool:
        task = details.task
        status_text = read_all(f"task/{int(task.tid)}/status", folder)
        status = parse_status(int(task.tid), status_text)
        task.cap_inheritable = status.inheritable
        task.cap_permitted = status.permitted
        task.cap_effective = status.effective
        if call == _CAPSET:
            details.exe_size = ffi.sizeof("struct probe_caps")
            return True
        lines = dict(line.split(b":", 1) for line in status_text.split(b"\n") if b":" in line)
        stat = parse_stat(read_all(f"task/{int(task.tid)}/stat", folder, 4095))
        task.ptid, task.vtid, task.vpid = status.ptid, status.vtid, status.vpid
        task.pgid = stat.pgid if status.pgid is None else status.pgid
        task.vpgid = status.vpgid or task.pgid
        task.in_pidns = int(len(lines.get(b"NSpid", b"").split()) > 1)
        task.euid, task.egid = status.uid, status.gid
        task.fsuid, task.fsgid = (_fourth(lines.get(key), status.uid) for key in (b"Uid", b"Gid"))
        task.vm_size, task.vm_rss, task.vm_swap = status.vmsize, status.vmrss, status.vmswap
        task.pgft_maj, task.pgft_min, task.tty = stat.pfmajor, stat.pfminor, stat.tty
        task.loginuid = _loginuid(folder)
        with contextlib.suppress(OSError):
            task.fdlimit = resource.prlimit(int(task.pid), resource.RLIMIT_NOFILE)[0]
        details.known = lib.KNOWN_READ
        if stat.state in _ENDED:
            return False
        _put(details, "cgroups", self._levels(read_all("cgroup", folder, 1 << 16)))
        args = read_all("cmdline", folder, 4096)
        if call in _CLONES:
            # A new process may run another program by now; it began with its parent's arguments.
            before = None if details.result else self._known.get(int(task.pid))
            _put(details, "args", args if before is None else before.args)
            return True
        given = bytes(ffi.buffer(details.given, details.given_size)) if details.given_size else b""
        # Another program runs there by now, or has not begun to: its file is not this one's.
        if call == lib.CALL_EXEC and given and args[: len(given)] != given[: len(args)]:
            return False
        _executable(details, folder, lines.get(b"Groups", b""))
        return True

    def _levels(self, content: bytes) -> bytes:
        """The groups of a thread as the probe has them: names from the leaf up."""
        paths = dict(
            entry.partition(b"=")[::2] for entry in self._cgroups.of(content).split(b"\0") if entry
        )
        told = b""
        for name in _CONTROLLERS:
            path = paths.get(name, paths.get(b"blkio") if name == b"io" else None)
            if path is None:
                told += bytes([_ABSENT])
                continue
            names = [part for part in path.split(b"/") if part][-_MOST_NAMES + 1 :]
            told += bytes([len(names) + 1])
            told += b"".join(part + b"\0" for part in [*reversed(names), b""])
        return told

    def _recall(self, details: Any) -> None:
        task = details.task
        known = self._known.get(int(task.pid))
        if known is None and details.call in _CLONES and not details.result:
            known = self._known.get(int(task.ptid))  # of one that has ended, not gone yet
        if known is None:
            return
        if details.known == lib.KNOWN_SEEN:
            details.known = lib.KNOWN_RECALLED
            task.ptid = known.ptid
            for name, value in zip(_NAMES, known.numbers, strict=True):
                setattr(task, name, value)
        if not details.cgroups_size:
            _put(details, "cgroups", known.cgroups)
        if details.call in _CLONES:
            _put(details, "args", known.args)

    def _remember(self, call: int, details: Any) -> None:
        task = details.task
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        args = bytes(ffi.buffer(details.args, details.args_size))
        if call == lib.CALL_EXEC and details.given_size:
            args = bytes(ffi.buffer(details.given, details.given_size))
        numbers = tuple(int(getattr(task, name)) for name in _NAMES)
        cgroups = bytes(ffi.buffer(details.cgroups, details.cgroups_size))
        known = self._known[int(task.pid)] = _Known(int(task.ptid), args, cgroups, numbers)
        if call in _CLONES and details.result > 0 and details.result not in self._known:
            self._known[int(details.result)] = _Known(
                int(task.pid), known.args, known.cgroups, known.numbers
            )


def _fourth(numbers: bytes | None, otherwise: int) -> int:
    fields = numbers.split() if numbers else ()
    return int(fields[3]) if len(fields) > 3 else otherwise


def _loginuid(folder: int) -> int:
    try:
        return int(read_all("loginuid", folder, 32)) & _NO_LOGIN
    except (OSError, ValueError):  # a kernel without audit
        return _NO_LOGIN


def _executable(details: Any, folder: int, groups: bytes) -> None:
    """The file that is run, as it is, also where it was replaced or deleted since."""
    path = read_link("exe", folder)
    fd = os.open("exe", os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
    try:
        file, flags = os.fstat(fd), os.fstatvfs(fd).f_flag
    finally:
        os.close(fd)
    if not file.st_nlink:
        path = path.removesuffix(b" (deleted)")
    exe = details.exe
    exe.memfd = int(path.startswith(b"/memfd:"))
    exe.ino, exe.uid, exe.gid = file.st_ino, file.st_uid, file.st_gid
    exe.ctime_sec, exe.ctime_nsec = divmod(file.st_ctime_ns, 1_000_000_000)
    exe.mtime_sec, exe.mtime_nsec = divmod(file.st_mtime_ns, 1_000_000_000)
    exe.mode, exe.flags, exe.layer = file.st_mode & 0xFFFF, 0, 0
    exe.sb_flags = int(bool(flags & os.ST_RDONLY))
    exe.uid_extents = exe.gid_extents = 1
    for extents in (exe.uids, exe.gids):
        extents[0].first = extents[0].lower_first = 0
        extents[0].count = _WHOLE
    numbers = [int(word) for word in groups.split()[:64]]
    exe.groups = len(numbers)
    for at, number in enumerate(numbers):
        details.groups[at] = number
    details.exe_size = ffi.sizeof("struct probe_exe") + 4 * len(numbers)
    # A path in one piece, not as names from the leaf up.
    _put(details, "path", b"\1" + (path[1:] if exe.memfd else path) + b"\0")


def _put(details: Any, name: str, content: bytes) -> None:
    room = getattr(details, name)
    content = content[: len(room)]
    ffi.memmove(room, content, len(content))
    setattr(details, f"{name}_size", len(content))


@ffi.def_extern()  # type: ignore[untyped-decorator]  # cffi tells no types
def probe_details_of(handle: Any, details: Any) -> None:
    ffi.from_handle(handle).fill(details)
