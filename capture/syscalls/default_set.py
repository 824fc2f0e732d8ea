"""Which system calls are recorded by default, and which a rule set needs."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from capture.events.table import event_table, syscalls
from capture.syscalls.calls import call_rows


def _names_of(events: Iterable[int]) -> frozenset[str]:
    """System calls whose exit gives one of these event types; the generic ones are left out."""
    wanted = set(events) - {event_table().by_key["GENERIC_X"].code}
    return frozenset(call.name for call in syscalls().values() if call.exit in wanted)


@functools.cache
def default_syscalls() -> frozenset[str]:
    """What Falco's rules and its state of processes and files need: the column ``default`` of
    ``calls.tsv``. Calls of high volume that no rule looks at are not among them: read and write,
    stat, mmap, futex, poll and their kin."""
    table = event_table()
    return _names_of(
        table.by_key[key].code for key, row in call_rows().items() if row["default"] == "yes"
    )


@functools.cache
def state_syscalls() -> frozenset[str]:
    """What the state engine needs whatever the rules are: those that change processes, threads,
    users, files, sockets."""
    return _names_of(event.code for event in event_table().types if "modifies_state" in event.flags)


def syscalls_for(codes: Iterable[int]) -> frozenset[str]:
    """What a rule set needs: the calls of the event types its rules look at, together with those
    that state needs. Types of one name count together, whichever of enter and exit, or of older
    drivers, is given. A rule that looks at every type asks for every call that has one of its own;
    calls without a type of their own (generic events) are recorded only with all."""
    table = event_table()
    names = {table[code].name for code in codes}
    events = (event.code for name in names for event in table.by_name.get(name, ()))
    return _names_of(events) | state_syscalls()
