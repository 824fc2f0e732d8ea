"""Open files of ``/proc`` as rows of ``capture.events.state_schema.FDS``, as in libscap's scan.

From userspace/libscap/linux/scap_fds.c in falcosecurity/libs. Files are those of a process's main
thread; other threads are taken to share them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from capture.syscalls.proc_sockets import Socket, read_sockets
from capture.syscalls.procfs import (
    Proc,
    kind_and_inode,
    numbers_in,
    open_folder,
    read_all,
    read_link,
)

#: libscap's numbers of kinds of files.
_DIRECTORY, _FIFO, _UNSUPPORTED, _FILE, _MEMFD = 2, 7, 10, 16, 20
_ANONYMOUS = {
    b"[eventfd]": 9,
    b"[signalfd]": 11,
    b"[eventpoll]": 12,
    b"inotify": 13,
    b"[timerfd]": 14,
    b"bpf-map": 17,
    b"bpf-prog": 17,
    b"bpf-link": 17,
    b"bpf_iter": 17,
    b"[userfaultfd]": 18,
    b"[io_uring]": 19,
    b"[pidfd]": 21,
}
#: The kernel's open flags, any bit of which is Falco's flag (driver/ppm_events_public.h); access
#: modes apart.
_FLAGS = (
    (os.O_CREAT, 1 << 2),
    (os.O_APPEND, 1 << 3),
    (os.O_DSYNC, 1 << 4),
    (os.O_EXCL, 1 << 5),
    (os.O_NONBLOCK, 1 << 6),
    (os.O_SYNC, 1 << 7),
    (os.O_TRUNC, 1 << 8),
    (os.O_DIRECT, 1 << 9),
    (os.O_DIRECTORY, 1 << 10),
    (os.O_LARGEFILE, 1 << 11),
    (os.O_CLOEXEC, 1 << 12),
    (os.O_TMPFILE, 1 << 13),
)
_ACCESS = {os.O_WRONLY: 2, os.O_RDWR: 3}

#: Values in the order of ``FDS``.
Row = tuple[int | bytes | None, ...]


def open_flags(flags: int) -> int:
    """Falco's open flags for the kernel's."""
    told = _ACCESS.get(flags & os.O_ACCMODE, 1)
    for kernel, falco in _FLAGS:
        if flags & kernel:
            told |= falco
    return told


@dataclass(slots=True)
class FileReader:
    """Reads the files of processes of one ``/proc``. Sockets are read once a network namespace."""

    proc: Proc
    _sockets: dict[int, dict[int, Socket]] = field(default_factory=dict)
    _devices: dict[int, int] = field(default_factory=dict)

    def rows(self, pid: int, folder: int) -> Iterator[Row]:
        """The files of a process; ``folder`` is its open folder in ``/proc``. What cannot be
        looked at is counted in ``proc.refused``."""
        try:
            files = open_folder("fd", folder)
        except OSError as error:
            self.proc.refuse("tables of open files", error)
            return
        try:
            for number in numbers_in(files):
                row = self._row(pid, number, files, folder)
                if row is not None:
                    yield row
        except OSError as error:
            self.proc.refuse("tables of open files", error)
        finally:
            os.close(files)

    def _row(self, pid: int, number: int, files: int, folder: int) -> Row | None:
        name = str(number)
        try:
            link = read_link(name, files)
        except OSError:
            return None  # closed meanwhile
        if link.startswith(b"socket:["):
            return self._socket(pid, number, link, folder)
        try:
            kind, ino = kind_and_inode(name, files)
        except OSError:
            return None
        if link.startswith(b"anon_inode:"):
            told = _ANONYMOUS.get(link[len(b"anon_inode:") :], _UNSUPPORTED)
            return _plain(pid, number, ino, told, b"")
        if kind == stat.S_IFIFO:
            return _plain(pid, number, ino, _FIFO, link)
        if kind == stat.S_IFDIR:
            return _plain(pid, number, ino, _DIRECTORY, link)
        if kind == stat.S_IFSOCK:
            return _plain(pid, number, ino, _UNSUPPORTED, link)
        if not kind:
            return _plain(pid, number, ino, _UNSUPPORTED, b"")
        if link.startswith(b"/memfd:"):
            return _plain(pid, number, ino, _MEMFD, link)
        flags, device = self._opened(number, folder)
        return (pid, number, ino, _FILE, link, flags, device, *(None,) * 7)

    def _socket(self, pid: int, number: int, link: bytes, folder: int) -> Row | None:
        inode = int(link[len(b"socket:[") : -1])
        found = self._namespace(folder).get(inode)
        if found is None:
            return None
        return (
            pid,
            number,
            inode,
            found.type,
            found.name,
            None,
            None,
            found.source_ip,
            found.dest_ip,
            found.source_port,
            found.dest_port,
            found.l4proto,
            found.source,
            found.destination,
        )

    def _namespace(self, folder: int) -> dict[int, Socket]:
        try:
            inode = os.stat("ns/net", dir_fd=folder).st_ino
        except OSError:
            inode = 0
        known = self._sockets.get(inode)
        if known is None:
            try:
                known = read_sockets(folder)
            except OSError as error:
                self.proc.refuse("tables of sockets", error)
                known = {}
            self._sockets[inode] = known
        return known

    def _opened(self, number: int, folder: int) -> tuple[int, int]:
        """Open flags and device (as the kernel tells it to programs) of an open file."""
        try:
            content = read_all(f"fdinfo/{number}", folder, 512)
        except OSError as error:
            self.proc.refuse("flags of open files", error)
            return 0, 0
        flags = device = 0
        for line in content.splitlines():
            key, _, value = line.partition(b":")
            if key == b"flags":
                flags = open_flags(int(value, 8))
            elif key == b"mnt_id":
                device = self._device(int(value), folder)
                break
        return flags, device

    def _device(self, mount: int, folder: int) -> int:
        device = self._devices.get(mount)
        if device is None:
            # All mounts of the namespace are learnt at once: others will be asked for.
            self._devices.update(_mounted(folder))
            device = self._devices.setdefault(mount, 0)
        return device


def _mounted(folder: int) -> dict[int, int]:
    """Devices by mount id, of the mount namespace of a process."""
    devices: dict[int, int] = {}
    try:
        content = read_all("mountinfo", folder, 64 << 20)
    except OSError:
        return devices
    for line in content.splitlines():
        fields = line.split(b" ", 3)
        if len(fields) < 4:
            continue
        major, _, minor = fields[2].partition(b":")
        devices[int(fields[0])] = os.makedev(int(major), int(minor)) & 0xFFFFFFFF
    return devices


def _plain(pid: int, number: int, ino: int, kind: int, name: bytes) -> Row:
    return (pid, number, ino, kind, name, *(None,) * 9)
