"""System calls of this host, chosen by a person: which, of whom, and the feed that gives them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.errors import FalcowbError
from capture.events.table import syscalls
from capture.manifest import ProbeInfo
from engine.evttypes import all_types, event_types
from engine.fields.catalogue import SYSCALL
from engine.ruleset.selection import RuleSet
from workbench.config.values import Values
from workbench.core.call_feed import CallFeed, Probe
from workbench.core.session import Session

_LEAST_BUFFER, _MOST_BUFFER = 64 << 10, 1 << 30


@dataclass(frozen=True, slots=True)
class Chosen:
    """``syscalls``: names, None for every one. ``buffer_bytes``: of the kernel, for each CPU.
    ``pids``, ``containers``, ``uids``: of whom; empty for anybody. ``command``: what runs under the
    recording, as process ``command_pid``."""

    syscalls: frozenset[str] | None
    snaplen: int = 80
    buffer_bytes: int = 8 << 20
    pids: tuple[int, ...] = ()
    containers: tuple[str, ...] = ()
    uids: tuple[int, ...] = ()
    command: tuple[str, ...] = ()
    command_pid: int = 0

    def about(self) -> ProbeInfo:
        """What a capture says of it."""
        return ProbeInfo(
            every=self.syscalls is None,
            syscalls=tuple(sorted(self.syscalls or ())),
            snaplen=self.snaplen,
            pids=self.pids,
            containers=self.containers,
            uids=self.uids,
            command=self.command,
        )


def call_feed(
    chosen: Chosen, attached: Callable[[], None] = lambda: None, *, gather: float = 0.25
) -> CallFeed:
    """The feed of what was chosen; ``attached`` is called once all that happens is recorded, and
    events are gathered for ``gather`` seconds.

    Raises CaptureError, which says what to do, where this host does not let us.
    """
    from capture.syscalls.check import require
    from capture.syscalls.options import MAX_SNAPLEN, ProbeOptions
    from capture.syscalls.start_state import read_start_state

    if not 0 <= chosen.snaplen <= MAX_SNAPLEN:
        raise FalcowbError(f"--snaplen is a number of bytes up to {MAX_SNAPLEN:,}")
    for pid in chosen.pids:
        if not Path(f"/proc/{pid}").is_dir():
            raise FalcowbError(f"there is no process {pid}")
    if not _LEAST_BUFFER <= chosen.buffer_bytes <= _MOST_BUFFER:
        raise FalcowbError("--buffer is a size from 64KiB to 1GiB")
    require()
    roots = chosen.pids + ((chosen.command_pid,) if chosen.command_pid else ())
    options = ProbeOptions(
        syscalls=chosen.syscalls,
        snaplen=chosen.snaplen,
        pids=roots,
        containers=chosen.containers,
        uids=chosen.uids,
        exclude_pids=(os.getpid(),),
        buffer_bytes=chosen.buffer_bytes,
    )

    def make() -> Probe:
        from capture.syscalls.probe import LiveProbe

        return LiveProbe(options)

    return CallFeed(chosen.about(), make, read_start_state, attached, gather=gather)


def default_calls() -> frozenset[str]:
    """The system calls that Falco's rules and state engine need."""
    from capture.syscalls.default_set import default_syscalls

    return default_syscalls()


def calls_of_rules(ruleset: RuleSet) -> frozenset[str]:
    """The system calls that the rules which are on look at, and those that state needs.

    A rule that does not say which calls it looks at gets those of the default set: calls of high
    volume are recorded where a rule names them.
    """
    from capture.syscalls.default_set import default_syscalls, syscalls_for

    codes: set[int] = set()
    more: frozenset[str] = frozenset()
    for rule in ruleset.enabled(SYSCALL):
        looked_at = event_types(rule.condition)
        if len(looked_at) > len(all_types()) // 2:
            more = default_syscalls()
        else:
            codes |= looked_at
    return syscalls_for(codes) | more


def calls_of_rule_files(session: Session, files: Sequence[str]) -> frozenset[str]:
    """The same for rule files. Raises FalcowbError where none of their rules is of system calls."""
    ruleset = session.load_rules(files).ruleset
    if not ruleset.enabled(SYSCALL):
        raise FalcowbError(f"no rule of {', '.join(files)} that is on is about system calls")
    return calls_of_rules(ruleset)


def calls_wanted(session: Session) -> bool:
    """Whether system calls are to be recorded where nobody says: unless plugins alone were asked
    for, or the configuration has no driver."""
    kind = session.config.text("engine.kind")
    return not session.asked and kind not in ("nodriver", "replay")


def watched_calls(session: Session, ruleset: RuleSet) -> frozenset[str]:
    """The system calls that live judging needs, empty where no rule is of system calls: those of
    the rules and of state, with what ``base_syscalls`` of the configuration adds and takes away."""
    if not ruleset.enabled(SYSCALL):
        return frozenset()
    custom = {item.text or "" for item in _values(session).texts("base_syscalls.custom_set")}
    less = {name[1:] for name in custom if name.startswith("!")}
    more = {name for name in custom if name and not name.startswith("!")}
    return frozenset((calls_of_rules(ruleset) | (more & known_calls())) - less)


def known_calls() -> frozenset[str]:
    """The names of all system calls."""
    return frozenset(call.name for call in syscalls().values())


def _values(session: Session) -> Values:
    return Values(session.config.tree, [])
