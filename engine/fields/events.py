"""What conditions need to know of the event table: names, and the types of arguments."""

from __future__ import annotations

import functools

from capture.events.table import event_table, syscalls

#: Types of event parameters whose values compare like another type's. From
#: userspace/libsinsp/filter_compare.cpp in falcosecurity/libs.
COMPARES_AS = {
    "ERRNO": "INT64", "FD": "INT64", "PID": "INT64", "SYSCALLID": "UINT16", "SIGTYPE": "UINT8",
    "FLAGS8": "UINT8", "FLAGS16": "UINT16", "FLAGS32": "UINT32", "MODE": "UINT32",
    "ENUMFLAGS8": "UINT8", "ENUMFLAGS16": "UINT16", "ENUMFLAGS32": "UINT32",
    "IPV4ADDR": "IPADDR", "IPV6ADDR": "IPADDR",
}  # fmt: skip


@functools.cache
def syscall_names() -> frozenset[str]:
    return frozenset(syscall.name for syscall in syscalls().values())


@functools.cache
def event_names() -> frozenset[str]:
    """Names of event types; ``NA`` is the name of those that were never used."""
    return frozenset(event.name for event in event_table().types)


@functools.cache
def known_type_names() -> frozenset[str]:
    """Every text that ``evt.type`` may be compared with."""
    return event_names() | syscall_names()


@functools.cache
def parameter_types() -> dict[str, str]:
    """Parameter name to type, in upper case; where events differ, the first event's, as Falco
    does."""
    types: dict[str, str] = {}
    for event in event_table().types:
        for parameter in event.parameters:
            types.setdefault(parameter.name, parameter.type.upper())
    return types
