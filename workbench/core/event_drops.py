"""What falco.yaml says of lost system calls (``syscall_event_drops``), done as Falco does it.

From userspace/falco/event_drops.cpp and falco_outputs.cpp in falcosecurity/falco: events are looked
at once a second of their own time; when more than ``threshold`` of them were lost meanwhile, and
the token bucket of ``rate`` and ``max_burst`` allows it, the actions are taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.alerts import iso_8601, this_hostname
from engine.jsontext import dump
from engine.timetext import CLOCK, written
from workbench.config import FalcoConfig
from workbench.config.values import Values

_SECOND = 1_000_000_000
_THRESHOLD, _RATE, _MAX_BURST = 0.1, 0.03333, 1.0
RULE = "Falco internal: syscall event drop"
#: Falco's counters of lost events, by the names of the events: from falcosecurity/libs,
#: driver/modern_bpf/helpers/base/stats.h.
_CLASSES = {
    "clone_fork_exit": "clone clone3 fork vfork",
    "execve_exit": "execve execveat",
    "connect_exit": "connect",
    "open_exit": "open openat openat2 creat open_by_handle_at",
    "dir_file_exit": """
        dup chmod fchmod fchmodat chown lchown fchown fchownat link linkat mkdir mkdirat mount
        umount umount2 rename renameat renameat2 rmdir symlink symlinkat unlink unlinkat
    """,
    "other_interest_exit": """
        bpf setpgid ptrace seccomp setns setresgid setresuid setsid unshare capset keyctl
    """,
    "close_exit": "close",
    "proc_exit": "procexit",
}


@dataclass(frozen=True, slots=True)
class DropConfig:
    """``actions``: of ``log``, ``alert``, ``exit``; ``rate`` in messages a second; ``simulate``:
    act as if one event were lost every second."""

    actions: frozenset[str] = frozenset()
    threshold: float = _THRESHOLD
    rate: float = _RATE
    max_burst: float = _MAX_BURST
    simulate: bool = False

    @classmethod
    def of(cls, config: FalcoConfig) -> DropConfig:
        """From a configuration whose values have been checked when it was read."""
        values = Values(config.tree, [])
        key = "syscall_event_drops"
        actions = frozenset(item.text or "" for item in values.texts(f"{key}.actions"))
        simulate = values.flag(f"{key}.simulate_drops", False)
        return cls(
            actions - {"ignore"},
            0.0 if simulate else values.number(f"{key}.threshold", _THRESHOLD),
            values.number(f"{key}.rate", _RATE),
            values.number(f"{key}.max_burst", _MAX_BURST),
            simulate,
        )


@dataclass(frozen=True, slots=True)
class InternalAlert:
    """What Falco itself says, as an alert of source ``internal``; ``time`` in nanoseconds since the
    epoch."""

    time: int
    rule: str
    message: str
    fields: Mapping[str, str]
    priority: str = "Debug"

    def line(self, *, as_json: bool) -> str:
        """The alert as one line, without its line end."""
        if as_json:
            return dump(
                {
                    "hostname": this_hostname(),
                    "output": self.message,
                    "output_fields": dict(sorted(self.fields.items())),
                    "priority": self.priority,
                    "rule": self.rule,
                    "source": "internal",
                    "time": iso_8601(self.time),
                }
            )
        clock = written(np.array([self.time], np.int64), CLOCK)[0].as_py().decode()
        fields = " ".join(f"{name}={dump(value)}" for name, value in sorted(self.fields.items()))
        return f"{clock}: {self.priority} {self.message} ({fields})"


class DropMonitor:
    """Told of events and losses; takes the actions. ``alert`` and ``log`` are what they call.

    ``occurrences``: seconds in which too much was lost; ``actions``: how often something was done.
    """

    def __init__(
        self,
        config: DropConfig,
        alert: Callable[[InternalAlert], None],
        log: Callable[[str], None],
        *,
        ebpf: bool = True,
    ) -> None:
        self.config = config
        self.occurrences = 0
        self.actions = 0
        self._alert = alert
        self._log = log
        self._ebpf = ebpf
        self._next_check: int | None = None
        self._events = 0
        self._lost: Counter[str] = Counter()
        self._simulated = 0
        self._tokens = config.max_burst
        self._claimed_at: int | None = None

    def lost(self, count: int, what: str) -> None:
        """Events were lost; ``what``: the name of the events."""
        self._lost[what] += count

    def events(self, times: npt.NDArray[np.int64]) -> None:
        """Events came, at these times (nanoseconds since the epoch).

        Raises FalcowbError where losses are to end everything.
        """
        place = 0
        while place < len(times):
            if self._next_check is None:
                self._next_check = int(times[place]) + _SECOND
            late = times[place:] > self._next_check
            first = int(np.argmax(late)) if late.any() else -1
            if first < 0:
                break
            self._events += first
            place += first
            self._check(int(times[place]))
            self._next_check = int(times[place]) + _SECOND
        self._events += len(times) - place

    def report(self) -> list[str]:
        """How often too much was lost and something was done, as Falco says it at its end."""
        return [
            "Syscall event drop monitoring:",
            f"   - event drop detected: {self.occurrences} occurrences",
            f"   - num times actions taken: {self.actions}",
        ]

    def _check(self, now: int) -> None:
        self._simulated = int(self.config.simulate)
        lost = self._lost.total() + self._simulated
        if lost and lost > self.config.threshold * (self._events + lost):
            self.occurrences += 1
            if self._claim(now):
                self.actions += 1
                self._act(now, lost)
        self._lost.clear()
        self._events = 0

    def _claim(self, now: int) -> bool:
        """Whether the token bucket allows one more message; it is full at first."""
        if self._claimed_at is not None:
            gained = self.config.rate * max(now - self._claimed_at, 0) / _SECOND
            self._tokens = min(self._tokens + gained, self.config.max_burst)
        self._claimed_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _act(self, now: int, lost: int) -> None:
        message = f"{RULE}. {lost} system calls dropped in last second."
        if "log" in self.config.actions:
            self._log(message)
        if "alert" in self.config.actions:
            self._alert(InternalAlert(now, RULE, message, self._fields(lost)))
        if "exit" in self.config.actions:
            self._log(message)
            self._log("Exiting.")
            raise FalcowbError(
                "system calls were lost, and syscall_event_drops says to exit",
                hint="Take 'exit' out of its actions to go on.",
            )

    def _fields(self, lost: int) -> dict[str, str]:
        in_buffer = {
            f"n_drops_buffer_{counter}": sum(self._lost[name] for name in names.split())
            for counter, names in _CLASSES.items()
        }
        numbers = {
            "n_evts": self._events + lost,
            "n_drops": lost,
            "n_drops_buffer_total": lost - self._simulated,
            **in_buffer,
            "n_drops_scratch_map": 0,
            "n_drops_page_faults": 0,
            "n_drops_bug": 0,
            "ebpf_enabled": int(self._ebpf),
        }
        return {name: str(number) for name, number in numbers.items()}
