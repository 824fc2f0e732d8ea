"""The control groups of a thread as libscap writes them: ``controller=/path``, each ended by NUL.

From userspace/libscap/linux/scap_cgroup.c in falcosecurity/libs. A thread is in one group of each
hierarchy of version 1. In version 2 it is in one group altogether; each controller counts as of the
innermost group above it that has the controller.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from capture.syscalls.procfs import MAX_CGROUPS, read_all, read_link

#: Folders looked at, at most, to find the group of this process from outside its namespace.
_MOST_FOLDERS = 50_000


@dataclass(frozen=True, slots=True)
class _Mount:
    kind: str
    path: str
    options: tuple[str, ...]


def _mounts(proc: str) -> list[_Mount]:
    """The cgroup file systems as the first process sees them."""
    try:
        content = read_all(f"{proc}/1/mounts", most=16 << 20)
    except OSError:
        return []
    lines = [line.split(" ") for line in content.decode("utf-8", "surrogateescape").splitlines()]
    return [
        _Mount(line[2], line[1].replace("\\040", " "), tuple(line[3].split(",")))
        for line in lines
        if len(line) > 3 and line[2] in ("cgroup", "cgroup2")
    ]


def _own_namespace(proc: str) -> bool:
    """Whether this process sees control groups from another place than the first process."""
    try:
        return read_link(f"{proc}/self/ns/cgroup") != read_link(f"{proc}/1/ns/cgroup")
    except OSError:
        return False


@dataclass(slots=True)
class Cgroups:
    """The control groups of threads of one host, remembered by what ``/proc/…/cgroup`` says."""

    proc: str = "/proc"
    _root2: str = ""
    _controllers2: tuple[str, ...] = ()
    _own: dict[str, str] = field(default_factory=dict)
    _controllers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        elsewhere = _own_namespace(self.proc)
        for mount in _mounts(self.proc):
            path = f"{self.proc}/1/root{mount.path}"
            if mount.kind == "cgroup":
                if elsewhere and (own := _find_own(path)) is not None:
                    self._own.update(dict.fromkeys(mount.options, own))
                continue
            if self._controllers2:
                continue
            controllers = self._controllers_of(path)
            if controllers is None:
                continue
            self._root2, self._controllers2 = path, controllers
            if elsewhere and (own := _find_own(path)) is not None:
                self._own[""] = own

    def of(self, content: bytes) -> bytes:
        """The set for the content of a ``cgroup`` file, at most ``MAX_CGROUPS`` bytes."""
        known = self._known.get(content)
        if known is None:
            known = self._known[content] = self._set(content)
        return known

    def _set(self, content: bytes) -> bytes:
        entries: list[str] = []
        for line in content.decode("utf-8", "surrogateescape").splitlines():
            number, _, rest = line.partition(":")
            names, _, path = rest.partition(":")
            if names:
                path = _from_root(self._own.get(names.split(",")[0]), path)
                entries += [f"{name}={path}" for name in names.split(",")]
            elif number == "0" and self._root2:
                entries += self._unified(_from_root(self._own.get(""), path))
        told = b""
        for entry in entries:
            more = told + entry.encode("utf-8", "surrogateescape") + b"\0"
            if len(more) > MAX_CGROUPS:
                break
            told = more
        return told

    def _unified(self, path: str) -> list[str]:
        found: dict[str, str] = {}
        while True:
            for name in self._controllers_of(self._root2 + path) or ():
                found.setdefault(name, path)
            if path in ("", "/") or found.keys() >= set(self._controllers2):
                return [f"{name}={where}" for name, where in found.items()]
            path = path[: path.rindex("/")] or "/" if "/" in path else "/"

    def _controllers_of(self, path: str) -> tuple[str, ...] | None:
        if path in self._controllers:
            return self._controllers[path]
        try:
            content = read_all(f"{path}/cgroup.controllers")
        except OSError:
            return None
        found = tuple(content.decode("ascii", "replace").split())
        self._controllers[path] = found
        return found


def _from_root(own: str | None, path: str) -> str:
    """A path that is told from this process's own group, from the root of the hierarchy."""
    if own is None:
        return path
    above = own.rstrip("/")
    while path.startswith("/.."):
        path = path[3:]
        above = above[: max(above.rfind("/"), 0)]
    return (above + ("" if path == "/" else path)) or "/"


def _find_own(root: str) -> str | None:
    """The group of this process below a mount, ``/``-led; None where it is not found."""
    own = str(os.getpid()).encode()
    for count, (folder, _, files) in enumerate(os.walk(root)):
        if count > _MOST_FOLDERS:
            return None
        if "cgroup.procs" not in files:
            continue
        try:
            pids = read_all(f"{folder}/cgroup.procs", most=16 << 20).split()
        except OSError:
            continue
        if own in pids:
            return folder[len(root) :] or "/"
    return None
