"""What numbers in parameters mean: flags, enums, modes, errors, signals, times.

From sinsp_evt::get_param_as_str of userspace/libsinsp/event.cpp in falcosecurity/libs; the names
are in the tables beside ``capture.events.table``.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping

from capture.events.table import Parameter, flag_tables, syscalls


def number(value: int, form: str, bits: int) -> bytes:
    """A number in the form of its parameter. ``bits`` is what printf sees: 32, or 64."""
    seen = value & ((1 << bits) - 1)
    if form == "hex":
        return b"%X" % seen
    if form == "oct":
        return b"0%o" % seen if seen else b"0"
    if seen >> (bits - 1):  # always printed as signed
        seen -= 1 << bits
    return b"%d" % seen


def printed_bits(type_: str) -> int:
    """How wide printf takes a number of this type to be."""
    return 64 if type_ in ("int64", "uint64") else 32


def flags(parameter: Parameter, value: int) -> bytes:
    """Names of the flags that are set, or of the values that an enum has."""
    exact = parameter.type.startswith("enum")
    rest = value
    names = []
    for name, bits in _table(parameter.table):
        if exact:
            if bits == value:
                names.append(name)
            continue
        if (bits == 0 and value == 0) or (bits != 0 and rest & bits == bits):
            rest &= ~bits
            names.append(name)
            if bits == value:
                break
    return b"|".join(names)


def mode(parameter: Parameter, value: int) -> bytes:
    """Names of the bits of a file's mode."""
    rest = value
    names = []
    for name, bits in _table(parameter.table):
        if bits == value:
            names.append(name)
            break
        if bits != 0 and rest & bits == bits:
            rest &= ~bits
            names.append(name)
    return b"|".join(names)


def error(value: int) -> bytes:
    """Name of an error by its negative number, empty where it has none."""
    return _by_value("errno").get(-_int32(value), b"")


def signal(value: int) -> bytes:
    """Name of a signal, empty where it has none."""
    return _by_value("signal").get(value, b"")


def signals(value: int) -> bytes:
    """Names of the signals in a set."""
    return b" ".join(signal(bit + 1) for bit in range(32) if value >> bit & 1 and signal(bit + 1))


def syscall(value: int) -> bytes:
    """Name of a system call by its code."""
    call = syscalls().get(value)
    return b"" if call is None else call.name.encode()


def moment(nanoseconds: int) -> bytes:
    """A time of day, local."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        local = time.localtime(seconds)
    except (OverflowError, OSError, ValueError):
        return b"%d" % nanoseconds
    return time.strftime("%Y-%m-%d %H:%M:%S", local).encode() + b".%09d" % rest


def seconds(nanoseconds: int) -> bytes:
    return b"%gs" % (nanoseconds / 1_000_000_000)


def _int32(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


@functools.cache
def _table(name: str) -> tuple[tuple[bytes, int], ...]:
    return tuple((flag.encode(), value & 0xFFFFFFFF) for flag, value in flag_tables().get(name, ()))


@functools.cache
def _by_value(table: str) -> Mapping[int, bytes]:
    names: dict[int, bytes] = {}
    for name, value in flag_tables()[table]:
        names.setdefault(value, name.encode())
    return names
