"""The program of known calls (``known/``): built, run, compared with what was seen of it."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import struct
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capture.events.schema import EventBatch
from capture.events.table import Parameter, event_table, flag_tables, syscalls

KNOWN = Path(__file__).parent / "known" / "known_calls.c"
COMPILER = shutil.which("cc") or shutil.which("gcc")
#: The impossible descriptors whose closing stands around everything that is said of the program.
FIRST, LAST = 987654, 987655


@dataclass(slots=True)
class Expected:
    """An event that must have been recorded, and fields that Falco shows with it."""

    tid: int
    key: str
    args: dict[str, Any]
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Said:
    """What the program said: events by thread, threads of which more may follow than was said,
    and calls that did not give what they should have."""

    events: dict[int, list[Expected]] = field(default_factory=lambda: defaultdict(list))
    open_ended: dict[int, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)


def build(folder: Path) -> Path:
    """Compiled, statically: an ordinary start makes calls that nobody knows."""
    program = folder / "known_calls"
    done = subprocess.run(
        [str(COMPILER), "-static", "-O1", "-Wall", "-o", program, KNOWN],
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    return program


def parse(text: str) -> Said:
    said = Said()
    last: Expected | None = None
    for line in text.splitlines():
        body = json.loads(line)
        if "key" in body:
            last = Expected(body["tid"], body["key"], body["args"])
            said.events[body["tid"]].append(last)
        elif "field" in body:
            assert last is not None
            last.fields[body["field"]] = body["value"]
        elif "rest" in body:
            said.open_ended[body["tid"]] = len(said.events[body["tid"]])
        else:
            said.unexpected.append(f"{body['unexpected']} gave {body['result']}")
    return said


def names_of(expected: Expected) -> tuple[str, ...]:
    """The system calls that an event is of."""
    if expected.key == "GENERIC_X":
        return (expected.args["ID"]["syscall"],)
    return event_table().by_key[expected.key].syscalls


# Beside strace

_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_RESULT = re.compile(r"\) += (-?\d+|0x[0-9a-f]+|\?)(?: (E[A-Z]+))?(?: \(.*\))?$")


@dataclass(frozen=True, slots=True)
class Traced:
    """A call as strace shows it; ``result`` is None where there was none."""

    name: str
    text: str
    result: int | None
    error: str


def parse_strace(text: str) -> dict[int, list[Traced]]:
    """Calls by thread, of ``strace -f -o``, in the order in which they ended."""
    found: dict[int, list[Traced]] = defaultdict(list)
    begun: dict[int, str] = {}
    for line in text.splitlines():
        resumed = _RESUMED.match(line)
        if resumed:
            tid, name, rest = int(resumed[1]), resumed[2], resumed[3]
            whole = begun.pop(tid, "") + rest
        else:
            call = _CALL.match(line)
            if call is None:
                continue
            tid, name, whole = int(call[1]), call[2], call[3]
            if whole.endswith("<unfinished ...>"):
                begun[tid] = whole.removesuffix("<unfinished ...>").rstrip()
                continue
        ended = _RESULT.search(whole)
        if ended is None:
            continue
        found[tid].append(Traced(name, whole, _result(ended[1]), ended[2] or ""))
    return found


def _result(text: str) -> int | None:
    if text == "?":
        return None
    octal = text.startswith("0") and text.isdigit()  # umask(2) shows so
    return int(text, 8 if octal else 0)


# Beside a recording


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it was recorded: parameters by name, None for one that it does not hold."""

    num: int
    tid: int
    key: str
    args: dict[str, Any]


def recorded(batch: EventBatch) -> list[Recorded]:
    """The events of a batch, in order; enter events are left out."""
    table = event_table()
    found: list[Recorded] = []
    for code in batch.codes:
        event = table[code]
        if event.enter and event.kind == "syscall":
            continue
        rows = batch.parameters(code).to_pylist()
        for position, row in zip(batch.rows(code).tolist(), rows, strict=True):
            found.append(
                Recorded(
                    batch.batch.column("num")[position].as_py(),
                    batch.batch.column("tid")[position].as_py(),
                    event.key,
                    row,
                )
            )
    return sorted(found, key=lambda one: one.num)


def differences(expected: Expected, seen: Recorded) -> list[str]:
    """What of an event was recorded otherwise, in words."""
    if expected.key != seen.key:
        return [f"{expected.key} was expected, {seen.key} recorded"]
    event = event_table().by_key[expected.key]
    found = []
    for parameter in event.parameters:
        if parameter.name not in expected.args:
            found.append(f"{expected.key}: nothing is said of {parameter.name}")
            continue
        said, value = expected.args[parameter.name], seen.args[parameter.name]
        if not _same(said, value, parameter):
            found.append(f"{expected.key}.{parameter.name}: {said!r} was done, {value!r} recorded")
    return found


def _same(said: Any, value: Any, parameter: Parameter) -> bool:
    if isinstance(said, str):
        return value == said.encode()
    if not isinstance(said, dict):
        # Falco has addresses and such as unsigned numbers.
        return value == said or (
            isinstance(value, int) and isinstance(said, int) and (value - said) % 2**64 == 0
        )
    ((kind, what),) = said.items()
    match kind:
        case "any":
            return True
        case "flags":
            return value == _number(what, parameter)
        case "bytes":
            return value == bytes.fromhex(what)
        case "texts":
            return value == b"".join(text.encode() + b"\0" for text in what)
        case "dyn":
            return isinstance(value, dict) and value["number"] == what
        case "syscall":
            return value == next(one.code for one in syscalls().values() if one.name == what)
        case "inet":
            return value == _address(*what)
        case "unix":
            return value is not None and value[:1] == b"\x01" and _text(value[1:]) == what
        case "tuple":
            return value == _pair(*what)
        case "to":
            return value is not None and value.endswith(_pair(*what, *what)[1 + _size(what) :])
        case "unix_tuple":
            return value is not None and value[:1] == b"\x01" and _text(value[17:]) == what
    raise AssertionError(kind)


def _number(names: list[str], parameter: Parameter) -> int:
    known = dict(flag_tables()[parameter.table])
    total = 0
    for name in names:
        total |= known[name]
    return total


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode()


def _size(where: list[Any]) -> int:
    return len(ipaddress.ip_address(where[0]).packed) + 2


def _family(address: str) -> bytes:
    return b"\x02" if ipaddress.ip_address(address).version == 4 else b"\x0a"


def _end(address: str, port: int) -> bytes:
    return ipaddress.ip_address(address).packed + struct.pack("<H", port)


def _address(address: str, port: int) -> bytes:
    return _family(address) + _end(address, port)


def _pair(source: str, source_port: int, dest: str, dest_port: int) -> bytes:
    return _family(source) + _end(source, source_port) + _end(dest, dest_port)
