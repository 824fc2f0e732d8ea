"""The event table and the conversions in the form the native reader takes."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.events.schema import INITIAL, PARAMETER_TYPES
from capture.events.table import EventType, dynamic_tables, event_table, rows
from capture.scap import _native

ffi, lib = _native.ffi, _native.lib

_TEXTS = {"charbuf", "fspath", "fsrelpath"}
_NESTED = {"charbufarray": "SCAP_TEXTS", "fdlist": "SCAP_FDLIST", "dyn": "SCAP_DYNAMIC"}
_ALL_ONES = {"uid", "gid"}
_ACTIONS = {"pass": 1, "store": 2, "store_and_pass": 3, "add": 4, "become": 5}
_SOURCES = {"old": 1, "enter": 2, "default": 3, "empty": 4, "container_json": 5}


@functools.cache
def native_tables() -> Any:
    """The tables as the native reader wants them; made once, kept for good."""
    table = event_table()
    choices: list[tuple[int, int, bool]] = []
    first_choice: dict[str, int] = {}
    for name, options in dynamic_tables().items():
        first_choice[name] = len(choices)
        choices += [(*_kind(option.type), _signed(option.type)) for option in options]

    types: list[tuple[int, ...]] = []
    parameters: list[tuple[int, ...]] = []
    for event in table.types:
        types.append((len(parameters), len(event.parameters), _flags(event)))
        for parameter in event.parameters:
            dynamic = parameter.type == "dyn"
            parameters.append(
                (
                    *_kind(parameter.type),
                    parameter.type in _ALL_ONES,
                    first_choice[parameter.table] if dynamic else 0,
                    len(dynamic_tables()[parameter.table]) if dynamic else 0,
                )
            )

    conversions: list[tuple[int, ...]] = []
    steps: list[tuple[int, ...]] = []
    for row in rows(Path(__file__).with_name("conversions.tsv")):
        becomes = table.by_key[row["becomes"]].code if row["becomes"] else 0
        words = row["steps"].split()
        conversions.append(
            (
                table.by_key[row["key"]].code,
                int(row["parameters"]),
                _ACTIONS[row["action"]],
                becomes,
                len(steps),
                len(words),
            )
        )
        steps += [_step(word) for word in words]

    tables = lib.scap_tables_new(
        *_array("scap_type", types),
        *_array("scap_parameter", parameters),
        *_array("scap_choice", choices),
        *_array("scap_conversion", conversions),
        *_array("scap_step", steps),
        table.by_key["NOTIFICATION_E"].code,
        table.by_key["INFRASTRUCTURE_EVENT_E"].code,
    )
    return ffi.gc(tables, lib.scap_tables_free)


def _array(kind: str, values: list[Any]) -> tuple[Any, int]:
    return ffi.new(f"{kind}[]", [tuple(map(int, value)) for value in values]), len(values)


def _flags(event: EventType) -> int:
    bits = {"unused": 1, "old": 2, "converted": 4, "large_payload": 8}
    initial = 16 if event.key in INITIAL else 0
    return initial + sum(bit for word, bit in bits.items() if word in event.flags)


def _kind(type_: str) -> tuple[int, int]:
    """Native kind and width of a parameter type."""
    if type_ in _NESTED:
        return getattr(lib, _NESTED[type_]), 0
    if type_ in _TEXTS:
        return lib.SCAP_TEXT, 0
    arrow = PARAMETER_TYPES[type_]
    if arrow == pa.binary():
        return lib.SCAP_BYTES, 0
    return lib.SCAP_FIXED, arrow.byte_width


def _signed(type_: str) -> bool:
    return bool(pa.types.is_signed_integer(PARAMETER_TYPES[type_]))


def _step(word: str) -> tuple[int, int, bool]:
    source, _, number = word.rstrip("?").partition(":")
    return _SOURCES[source], int(number or 0), word.endswith("?")
