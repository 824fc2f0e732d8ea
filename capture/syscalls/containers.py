"""The containers of this host as a capture describes them.

Ids come from control groups. Names, images and all else come from the runtimes that have a socket
here, asked all at once and for a limited time, or from what runtimes keep on disk. A container that
nobody tells of is known by its id alone, as in Falco.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from capture.syscalls.container_json import Described
from capture.syscalls.container_names import MAX_CONTAINERS, SHORT_ID, containers_of
from capture.syscalls.procfs import host_root
from capture.syscalls.runtime_cri import ask_cri
from capture.syscalls.runtime_docker import ask_docker, ask_podman
from capture.syscalls.runtime_http import Deadline, RuntimeRefused
from capture.syscalls.runtime_oci import read_specifications

Ask = Callable[[str, Deadline], Iterator[Described]]

_ASK: dict[str, Ask] = {"docker": ask_docker, "podman": ask_podman, "cri": ask_cri}
_SOCKETS = {
    "docker": ("var/run/docker.sock", "run/docker.sock"),
    "podman": ("run/podman/podman.sock", "run/user/*/podman/podman.sock"),
    "cri": (
        "run/containerd/containerd.sock",
        "run/crio/crio.sock",
        "run/k3s/containerd/containerd.sock",
        "run/host-containerd/containerd.sock",
    ),
}
#: Most ids that a note names.
_NAMED = 5


def default_sockets(root: Path) -> dict[str, list[str]]:
    """The sockets of runtimes that are there, by runtime: where Falco's container plugin looks."""
    found: dict[str, list[str]] = {}
    for runtime, patterns in _SOCKETS.items():
        paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
        found[runtime] = list(dict.fromkeys(os.path.realpath(path) for path in paths))
    return found


def describe_containers(
    cgroups: Iterable[bytes],
    *,
    seconds: float = 2.0,
    sockets: Mapping[str, list[str]] | None = None,
    root: Path | None = None,
) -> tuple[list[bytes], list[str]]:
    """JSON texts of containers (``StartState.containers``), and notes of what is not known.

    ``cgroups``: sets of control groups as the table of threads has them; the containers they name
    come first, others that runtimes tell of follow. ``sockets`` by ``docker``, ``podman`` and
    ``cri`` (default: those that are there). Takes at most about ``seconds`` altogether and raises
    nothing: a runtime that is silent or talks nonsense is a note.
    """
    root = root or host_root()
    named = containers_of(cgroups)
    found, notes = _asked(default_sockets(root) if sockets is None else sockets, seconds)
    left = [full_id for full_id in named if full_id[:SHORT_ID] not in found]
    for described in read_specifications(left, root):
        found.setdefault(described.full_id[:SHORT_ID], described)
    unknown = [full_id[:SHORT_ID] for full_id in named if full_id[:SHORT_ID] not in found]
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        notes.append(
            f"containers: no runtime told of {', '.join(unknown[:_NAMED])}{more}; "
            "their names and images are not known"
        )
    seen = {full_id[:SHORT_ID] for full_id in named}
    ordered = sorted(found.values(), key=lambda one: one.full_id[:SHORT_ID] not in seen)
    return [one.to_json() for one in ordered[:MAX_CONTAINERS]], notes


def _asked(
    sockets: Mapping[str, list[str]], seconds: float
) -> tuple[dict[str, Described], list[str]]:
    """What runtimes tell in time, by short id, and what went wrong."""
    deadline = Deadline(seconds)
    askings = [
        _Asking(_ASK[runtime], path, runtime, deadline)
        for runtime, paths in sockets.items()
        for path in paths
    ]
    for asking in askings:
        asking.thread.start()
    for asking in askings:
        asking.thread.join(max(deadline.remaining, 0))
    # Before connections are cut: who is woken by that would say that its runtime hung up.
    outcomes = [asking.outcome() for asking in askings]
    deadline.cut()
    found: dict[str, Described] = {}
    notes: list[str] = []
    for asking, (told, problem) in zip(askings, outcomes, strict=True):
        for described in told:
            found.setdefault(described.full_id[:SHORT_ID], described)
        if problem:
            notes.append(f"containers: {asking.runtime} at {asking.path} {problem}")
    return found, notes


class _Asking:
    """One runtime that is asked by a thread of its own, and left behind when time is up."""

    def __init__(self, ask: Ask, path: str, runtime: str, deadline: Deadline) -> None:
        self.runtime, self.path = runtime, path
        self._ask, self._deadline = ask, deadline
        self._lock = threading.Lock()
        self._told: list[Described] = []
        self._problem: str | None = f"gave no answer within {deadline.seconds:g} s"
        self.thread = threading.Thread(target=self._run, name=f"asks {runtime}", daemon=True)

    def _run(self) -> None:
        problem = ""
        try:
            for described in self._ask(self.path, self._deadline):
                with self._lock:
                    if len(self._told) >= MAX_CONTAINERS:
                        break
                    self._told.append(described)
        except RuntimeRefused as refused:
            problem = str(refused)
        except Exception as error:  # what a runtime says is not worth a recording
            problem = f"could not be understood ({type(error).__name__})"
        with self._lock:
            self._problem = problem

    def outcome(self) -> tuple[list[Described], str | None]:
        """What was told so far, and what went wrong."""
        with self._lock:
            return list(self._told), self._problem
