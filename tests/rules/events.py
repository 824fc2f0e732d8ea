"""Events of the cases for system calls: fields as people write them, made into columns.

A case names the fields that the event and the state at that moment give; all others have no value.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capture.events.table import EventType, event_table, flag_tables
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef, FieldType
from engine.language.parser import scan_field
from engine.ruleset.model import SYSCALL_SOURCE
from tests.engine.columns import PlainSegment
from tests.reference import Event, Scalar, Value

CATALOGUE = Catalogue.native()
#: Parameters of these types show as names of their flags table, several joined by ``|``.
_FLAG_TYPES = ("flags8", "flags16", "flags32", "enumflags8", "enumflags16", "enumflags32", "mode")
#: What descriptors can be, in words.
_KINDS = frozenset(
    [
        "file",
        "directory",
        "ipv4",
        "ipv6",
        "unix",
        "pipe",
        "event",
        "signalfd",
        "eventpoll",
        "inotify",
        "timerfd",
        "netlink",
        "bpf",
        "userfaultfd",
        "io_uring",
        "memfd",
        "pidfd",
    ]
)


@dataclass(frozen=True)
class Named:
    """A field of a case as written, and what the catalogue says of it."""

    text: str
    ref: FieldRef


def named(text: str) -> Named:
    """Raises FalcowbError for what is no field of system calls."""
    field, end = scan_field(text)
    assert end == len(text), f"not a field: {text}"
    return Named(text, CATALOGUE.lookup(field.name, field.arg, SYSCALL_SOURCE))


def event(fields: Mapping[str, Any]) -> Event:
    """The event as the plain evaluator takes it."""
    return {text: _value(value, named(text).ref.info.type) for text, value in fields.items()}


def segment(events: Sequence[Event]) -> PlainSegment:
    texts = {text for one in events for text in one}
    return PlainSegment(
        len(events),
        {text: [one.get(text) for one in events] for text in texts},  # type: ignore[misc]
    )


def _value(value: Any, type_: FieldType) -> Value:
    if isinstance(value, list):
        return [_scalar(item, type_) for item in value]
    return _scalar(value, type_)


def _scalar(value: Any, type_: FieldType) -> Scalar:
    if type_ in (FieldType.IPADDR, FieldType.IPNET):
        return ipaddress.ip_address(value).packed
    if type_.physical in "iu" or (type_ is FieldType.DYN and not isinstance(value, str)):
        assert isinstance(value, int) and not isinstance(value, bool), f"{value!r} is no number"
        return value
    if type_.physical == "?":
        assert isinstance(value, bool), f"{value!r} is not true or false"
        return value
    assert isinstance(value, str), f"{value!r} is no text"
    return value.encode()


# What no real event could say


def mistakes(fields: Mapping[str, Any]) -> list[str]:
    """What is wrong with an event of a case; empty where it could be a real one."""
    found = []
    types = _types(str(fields.get("evt.type")))
    if not types:
        found.append(f"no event of type {fields.get('evt.type')!r} leaves the kernel")
    for text, value in fields.items():
        for prefix in ("evt.arg.", "evt.rawarg."):
            if text.startswith(prefix):
                found += _argument(text.removeprefix(prefix), value, types, prefix)
    found += _file(fields)
    for text in ("fd.type", "proc.stdin.type"):
        if fields.get(text, "file") not in _KINDS:
            found.append(f"no descriptor is a {fields[text]}")
    result = fields.get("evt.res", "SUCCESS")
    if result not in {"SUCCESS", *(name for name, _ in flag_tables()["errno"])}:
        found.append(f"no error is called {result}")
    if ("evt.failed", False) in fields.items() and fields.get("evt.res", "SUCCESS") != "SUCCESS":
        found.append("a call with an error that did not fail")
    return found


def _types(name: str) -> list[EventType]:
    """The exit events of that name that today's kernels send."""
    return [
        each
        for each in event_table().types
        if each.name == name and not each.enter and each.used and not each.old
    ]


def _argument(name: str, value: Any, types: Sequence[EventType], prefix: str) -> list[str]:
    parameters = [each for type_ in types for each in type_.parameters if each.name == name]
    if not parameters:
        return [f"no {name} among the arguments"]
    parameter = parameters[-1]
    if prefix == "evt.rawarg." or parameter.type not in _FLAG_TYPES or not parameter.table:
        return []
    known = {flag for flag, _ in flag_tables()[parameter.table]}
    return [
        f"{name} has no flag {flag}"
        for flag in str(value).split("|")
        if flag not in known and flag != "0"
    ]


def _file(fields: Mapping[str, Any]) -> list[str]:
    path = str(fields.get("fd.name", ""))
    folder, _, file = path.rpartition("/")
    found = []
    if fields.get("fd.directory", folder or "/") != (folder or "/"):
        found.append("fd.directory is not that of fd.name")
    if fields.get("fd.filename", file) != file:
        found.append("fd.filename is not that of fd.name")
    flags = str(fields.get("evt.arg.flags", "")).split("|")
    for text, letters in (("evt.is_open_read", "O_RDONLY"), ("evt.is_open_write", "O_WRONLY")):
        if text in fields and fields[text] != bool({letters, "O_RDWR"} & set(flags)):
            found.append(f"{text} and the flags disagree")
    return found
