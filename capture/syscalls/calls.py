"""System calls and how each becomes its event: ``calls.tsv`` in the forms that the probe and the
assembler take. x86_64 only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.events.table import EventType, event_table, rows, syscalls
from capture.syscalls import _native

ffi, lib = _native.ffi, _native.lib

TABLE = Path(__file__).with_name("calls.tsv")

#: Numbers of the kernel's calls are below; events of tracepoints have numbers from there on.
KERNEL_CALLS = 512

_WHERE = {"r": lib.RESULT, "exe": lib.EXECUTABLE}
_MODES = {
    "read": lib.MODE_READ,
    "write": lib.MODE_WRITE,
    "len": lib.MODE_LENGTH,
    "lenp": lib.MODE_LENGTH_AT,
    "in": lib.MODE_IN,
    "out": lib.MODE_OUT,
}
#: Fields of pieces that have a name, by the word of the step.
_STRUCTS = {"task": "struct probe_task", "mm": "struct probe_mm", "caps": "struct probe_caps"}
#: Where the name of the file is no argument but handed over by the tracepoint.
_EXEC_STEPS = "task args cgroups env exe dpath:exe kstr:0"
_WHEN = {
    "": lib.WHEN_ALWAYS,
    "?": lib.WHEN_SUCCEEDED,
    "?0": lib.WHEN_ZERO,
    "?+": lib.WHEN_ABOVE_ZERO,
}

#: Of 32-bit programs: the call of all sockets, what stands for it, what stands for no call at all.
_SOCKETCALL, _ASKS_SOCKETCALL, _NO_CALL = 102, 1022, 1023

_PARAMETER = re.compile(r"(?P<what>[^?|]+)(?P<when>\?[0+]?)?(?:\|(?P<other>-?\d+))?")
_FUNCTION = re.compile(r"(\w+)\((.*)\)")
_FIELD = re.compile(r"b(\d+)\.(\d+)\.([ui])([1248])")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the probe reads: its kind and where, as ``struct probe_step``."""

    word: str
    kind: int
    a: int = 0
    b: int = 0
    mode: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a parameter, or an argument of its conversion, comes from: ``probe_source``."""

    kind: int
    index: int = 0
    width: int = 8
    signed: bool = False
    offset: int = 0
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one parameter is made: ``probe_parameter``."""

    function: int
    when: int
    other: int | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, or tracepoint, and its event.

    ``number`` is the kernel's, or one from ``KERNEL_CALLS`` on; ``arguments`` how many of its
    arguments a record keeps; ``category`` that of the event, by which losses are told.
    """

    number: int
    name: str
    event: EventType
    steps: tuple[Step, ...]
    parameters: tuple[Recipe, ...]
    arguments: int
    category: str
    failures_only: bool = False

    @property
    def several(self) -> bool:
        """Whether it gives an event for each element of an array."""
        return any(step.kind == lib.STEP_MMSG for step in self.steps)

    @property
    def pieces(self) -> int:
        return sum(step.kind != lib.STEP_IOVARG for step in self.steps)


@functools.cache
def call_rows() -> Mapping[str, Mapping[str, str]]:
    """Rows of ``calls.tsv`` by the event's key."""
    return {row["event"]: row for row in rows(TABLE)}


@functools.cache
def calls() -> Mapping[int, Call]:
    """All calls by number: every one the kernel may have, known by name or not."""
    table, made = event_table(), call_rows()
    generic = table.by_key["GENERIC_X"]
    found: dict[int, Call] = {}
    for number in range(KERNEL_CALLS):
        found[number] = _generic(number, 0, "unknown", generic)
    for syscall in syscalls().values():
        if not 0 <= syscall.x86_64 < KERNEL_CALLS:
            continue
        event = table[syscall.exit] if syscall.exit >= 0 else generic
        if event is generic or event.key not in made:
            found[syscall.x86_64] = _generic(syscall.x86_64, syscall.code, syscall.name, generic)
        else:
            found[syscall.x86_64] = _call(syscall.x86_64, syscall.name, event)
    exec_event, exit_event = table.by_key["SYSCALL_EXECVE_19_X"], table.by_key["PROCEXIT_1_E"]
    found[lib.CALL_EXEC] = _call(lib.CALL_EXEC, "execve", exec_event, _EXEC_STEPS)
    found[lib.CALL_EXIT] = _call(lib.CALL_EXIT, "procexit", exit_event)
    found[lib.CALL_SEND] = _call(lib.CALL_SEND, "send", table.by_key["SOCKET_SEND_X"])
    found[lib.CALL_RECV] = _call(lib.CALL_RECV, "recv", table.by_key["SOCKET_RECV_X"])
    return found


@functools.cache
def ia32_calls() -> Mapping[int, int]:
    """What number stands for each of a 32-bit program's calls; what socketcall asks for has
    numbers from ``KERNEL_CALLS`` on."""
    numbers = {call.name: number for number, call in calls().items() if number < KERNEL_CALLS}
    numbers |= {"send": lib.CALL_SEND, "recv": lib.CALL_RECV}
    found = dict.fromkeys(range(KERNEL_CALLS + 32), _NO_CALL)
    for row in rows(TABLE.with_name("ia32.tsv")):
        found[int(row["number"])] = numbers[row["call"]]
    found[_SOCKETCALL] = _ASKS_SOCKETCALL
    return found


def wanted(names: frozenset[str] | None) -> frozenset[int]:
    """Numbers of the calls to record: those named, all for None. Ends of processes are always
    among them, for state; successful execs come with execve or execveat. Raises CaptureError for
    a name that no system call has."""
    if names is None:
        return frozenset(calls())
    known = {call.name for call in calls().values()} - {"unknown"}
    known |= {syscall.name for syscall in syscalls().values()}
    strange = sorted(names - known)
    if strange:
        raise CaptureError(
            f"there is no system call {strange[0]!r}",
            hint="names are as in the manual's section 2: openat, execve, connect ...",
        )
    chosen = {number for number, call in calls().items() if call.name in names}
    if names & {"execve", "execveat"}:
        chosen.add(lib.CALL_EXEC)
    chosen.add(lib.CALL_EXIT)
    return frozenset(chosen)


def probe_calls(chosen: frozenset[int]) -> Any:
    """``struct probe_call[CALLS]`` for the probe's map."""
    array = ffi.new("struct probe_call[]", lib.CALLS)
    for number in chosen:
        call, to = calls()[number], array[number]
        to.wanted = 1
        to.arguments = call.arguments
        to.several = call.several
        to.failures_only = call.failures_only
        for at, step in enumerate(call.steps):
            to.step[at] = (step.kind, step.a, step.b, step.mode, step.size)
    return array


def recipes() -> tuple[Any, Any]:
    """``probe_recipe[]`` and ``probe_parameter[]`` for the assembler, of all calls."""
    made: list[tuple[int, ...]] = []
    parameters: list[tuple[Any, ...]] = []
    for number, call in sorted(calls().items()):
        made.append(
            (
                number,
                call.event.code,
                call.arguments,
                call.pieces,
                len(call.parameters),
                len(parameters),
            )
        )
        parameters += [_native_parameter(recipe) for recipe in call.parameters]
    return ffi.new("probe_recipe[]", made), ffi.new("probe_parameter[]", parameters)


def _native_parameter(recipe: Recipe) -> tuple[Any, ...]:
    sources = [
        (s.kind, s.index, s.width, s.signed, s.offset, s.constant)
        for s in (*recipe.sources, *(Source(lib.SOURCE_NONE),) * 2)[:2]
    ]
    has_other = recipe.other is not None
    return (recipe.function, recipe.when, has_other, recipe.other or 0, sources)


def _generic(number: int, code: int, name: str, event: EventType) -> Call:
    constants = (Source(lib.SOURCE_CONSTANT, constant=value) for value in (code, number))
    parameters = tuple(Recipe(-1, lib.WHEN_ALWAYS, None, (source,)) for source in constants)
    return Call(number, name, event, (), parameters, 0, event.category)


def _call(number: int, name: str, event: EventType, kernel: str | None = None) -> Call:
    row = call_rows()[event.key]
    steps = tuple(_step(word) for word in (row["kernel"] if kernel is None else kernel).split())
    tokens = row["parameters"].split()
    if len(tokens) != len(event.parameters):
        raise ValueError(f"calls.tsv: {event.key} has {len(event.parameters)} parameters")
    parameters = tuple(_recipe(token, steps) for token in tokens)
    used = [
        source.index + 1
        for recipe in parameters
        for source in recipe.sources
        if source.kind == lib.SOURCE_ARGUMENT
    ]
    # With pieces the record keeps all; conversions may look at arguments that are not named.
    needed = 6 if steps or any(recipe.function >= 0 for recipe in parameters) else max(used or [0])
    if number == lib.CALL_EXIT:
        needed = 3
    kept = next(kept for kept in (0, 1, 3, 6) if kept >= needed)
    failures = event.key in ("SYSCALL_EXECVE_19_X", "SYSCALL_EXECVEAT_X") and kernel is None
    return Call(number, name, event, steps, parameters, kept, event.category, failures)


def _step(word: str) -> Step:
    name, *rest = word.split(":")
    kind = getattr(lib, f"STEP_{name.upper()}")
    modes = [_MODES[text] for text in rest if text in _MODES]
    places = [_place(text) for text in rest if text not in _MODES]
    a, b = (*places, 0, 0)[:2]
    if name == "user":
        return Step(name, kind, a, size=b)
    return Step(name, kind, a, b, *modes)


def _place(text: str) -> int:
    if text in _WHERE:
        return int(_WHERE[text])
    if text.startswith("*"):
        return int(lib.POINTED) + int(text[1:])
    return int(text)


def _recipe(token: str, steps: tuple[Step, ...]) -> Recipe:
    match = _PARAMETER.fullmatch(token)
    if match is None:
        raise ValueError(f"calls.tsv: {token}")
    what = match["what"]
    other = int(match["other"]) if match["other"] else None
    when = _WHEN[match["when"] or ""]
    function = _FUNCTION.fullmatch(what)
    if function is None:
        return Recipe(-1, when, other, (_source(what, steps),))
    number = lib.probe_function(function[1].encode())
    if number < 0:
        raise ValueError(f"calls.tsv: there is no conversion {function[1]}")
    words = [word for word in function[2].split(",") if word]
    return Recipe(number, when, other, tuple(_source(word, steps) for word in words))


def _source(word: str, steps: tuple[Step, ...]) -> Source:
    if word in ("r", "r32"):
        return Source(lib.SOURCE_RESULT, width=4 if word == "r32" else 8, signed=True)
    if word == "empty":
        return Source(lib.SOURCE_NONE)
    if word[0] == "=":
        return Source(lib.SOURCE_CONSTANT, constant=int(word[1:]))
    if field := _FIELD.fullmatch(word):
        return Source(
            lib.SOURCE_FIELD,
            int(field[1]),
            int(field[4]),
            field[3] == "i",
            int(field[2]),
        )
    if word[0] == "b" and word[1:].isdigit():
        return Source(lib.SOURCE_PIECE, int(word[1:]))
    if "." in word:
        step, field_name = word.split(".")
        return _struct_field(step, field_name, steps)
    width = {"a": 8, "u": 4, "f": 4, "w": 2}[word[0]]
    return Source(lib.SOURCE_ARGUMENT, int(word[1:]), width, word[0] == "f")


def _struct_field(step: str, name: str, steps: tuple[Step, ...]) -> Source:
    piece = [s.word for s in steps if s.kind != lib.STEP_IOVARG].index(step)
    struct = ffi.typeof(_STRUCTS[step])
    field = dict(struct.fields)[name]
    return Source(lib.SOURCE_FIELD, piece, ffi.sizeof(field.type), False, field.offset)
