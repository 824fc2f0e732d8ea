"""The table of calls: whole, and right about what is recorded by default."""

from __future__ import annotations

import pytest

from capture.errors import CaptureError
from capture.events.table import event_table, syscalls
from capture.syscalls.calls import KERNEL_CALLS, call_rows, calls, ia32_calls, recipes, wanted
from capture.syscalls.default_set import default_syscalls, state_syscalls, syscalls_for


def code(key: str) -> int:
    return event_table().by_key[key].code


def test_every_call_of_x86_64_gives_its_event():
    for syscall in syscalls().values():
        if syscall.x86_64 < 0:
            continue
        call = calls()[syscall.x86_64]
        assert call.name == syscall.name
        expected = syscall.exit if syscall.exit >= 0 else code("GENERIC_X")
        assert call.event.code == expected, syscall.name
        assert len(call.parameters) == len(call.event.parameters)


def test_numbers_the_table_does_not_know_give_generic_events():
    assert {calls()[number].event.key for number in range(470, KERNEL_CALLS)} <= {"GENERIC_X"}


def test_the_default_set_has_what_state_needs():
    state = {name for name in state_syscalls() if any(c.name == name for c in calls().values())}
    assert state <= default_syscalls()
    assert {"openat", "execve", "connect", "ptrace", "chmod", "sendto"} <= default_syscalls()
    assert not {"read", "write", "getpid", "futex", "mmap", "stat"} & default_syscalls()


def test_a_rule_set_adds_what_its_rules_look_at():
    assert "read" in syscalls_for([code("SYSCALL_READ_E")])
    assert "read" not in syscalls_for([code("SYSCALL_OPEN_X")])
    assert state_syscalls() <= syscalls_for([])
    assert "getpid" not in syscalls_for(range(len(event_table())))


def test_names_become_numbers():
    numbers = wanted(frozenset({"close", "execve"}))
    names = sorted(calls()[number].name for number in numbers)
    assert names == ["close", "execve", "execve", "procexit"]
    assert wanted(None) == frozenset(calls())


def test_a_name_of_no_call_is_an_error():
    with pytest.raises(CaptureError, match="'opnat'"):
        wanted(frozenset({"opnat"}))


def test_calls_of_32_bit_programs():
    found = ia32_calls()
    assert calls()[found[5]].name == "open"
    assert calls()[found[11]].name == "execve"
    assert calls()[found[KERNEL_CALLS + 3]].name == "connect"
    assert found[90] not in calls()  # the old mmap, whose arguments lie elsewhere


def test_recipes_are_in_the_order_of_the_table():
    made, parameters = recipes()
    assert sum(recipe.parameters for recipe in made) == len(parameters)
    assert set(call_rows()) == {call.event.key for call in calls().values()}
