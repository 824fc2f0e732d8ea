"""Processes that run now and belong together: descendants, and those of a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")


def families(roots: Iterable[int]) -> set[int]:
    """These processes and all their descendants that run now. A child that is started meanwhile is
    found too, unless its parent ends before it is looked at."""
    found = set(roots)
    size = -1
    while found and size != len(found):
        size = len(found)
        found |= {pid for pid, parent in _parents() if parent in found}
    return found


def in_containers(ids: Iterable[str]) -> set[int]:
    """Processes that run now in containers with these ids, or with ids that begin so: as the names
    of their cgroups tell."""
    wanted = tuple(ids)
    if not wanted:
        return set()
    return {pid for pid in _pids() if any(_named(name, wanted) for name in _cgroup_names(pid))}


def _named(name: str, ids: tuple[str, ...]) -> bool:
    """Whether the last part of a cgroup's name, as ID or docker-ID.scope, begins with an id."""
    return name.startswith(ids) or name.rpartition("-")[2].startswith(ids)


def _cgroup_names(pid: int) -> Iterator[str]:
    try:
        text = (_PROC / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        yield from line.rpartition(":")[2].split("/")[-3:]


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit())


def _parents() -> Iterator[tuple[int, int]]:
    for pid in _pids():
        try:
            # The name, in parentheses, may hold anything.
            fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            yield pid, int(fields[1])
        except (OSError, IndexError, ValueError):
            continue
