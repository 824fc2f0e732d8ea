"""Tests that one field or one way of making a value needs."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import Mask
from engine.constants import Constant
from engine.operators import Operator, Test, with_modifier

#: A JSON number, within reason: longer ones are compared as text.
_NUMBER = re.compile(rb"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,4})?")
_HEX = re.compile(rb"0[xX][0-9a-fA-F]{1,64}")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def around(moment: int, milliseconds: Constant) -> Test:
    """``evt.around[moment]=milliseconds``: of times in nanoseconds, those so near or nearer."""
    assert isinstance(milliseconds, int)
    reach = milliseconds * 1_000_000

    def near(times: npt.NDArray[Any]) -> Mask:
        low, high = max(moment - reach, 0), min(moment + reach, (1 << 64) - 1)
        times = times.astype(np.uint64)
        return np.asarray((times >= np.uint64(low)) & (times <= np.uint64(high)))

    return near


def compare_numbers(name: str, constant: Constant) -> Test | None:
    """A test of texts by the numbers they are; texts that are no numbers fail. None where the
    constant is no number."""
    assert isinstance(constant, bytes)
    wanted = _number(constant.removeprefix(b"+"))
    if wanted is None:
        return None
    compare = _COMPARE[name]

    def holds(value: bytes) -> bool:
        number = _number(value)
        return number is not None and bool(compare(number, wanted))

    return lambda values: np.fromiter(map(holds, values.to_pylist()), np.bool_, len(values))


def _number(text: bytes) -> int | float | None:
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _NUMBER.fullmatch(text) is None:
        return None
    return int(text) if text.lstrip(b"-").isdigit() else float(text)


def in_the_events_type(
    operator: Operator, modifier: str, constants: Sequence[Constant], bits: int
) -> Test:
    """``evt.rawarg``: the constant is read in the type that the argument's name has first in the
    event table, and compared, bit for bit, in the type that the event gives it."""

    def seen_as(signed: bool) -> Test:
        seen = []
        for one in constants:
            low = int(one) & ((1 << bits) - 1) if isinstance(one, int) else 0
            seen.append(low - (1 << bits) if signed and low >> (bits - 1) else low)
        return with_modifier(operator, modifier, seen) if modifier else operator.test(seen)

    signed, unsigned = seen_as(True), seen_as(False)
    return lambda values: signed(values) if values.dtype.kind == "i" else unsigned(values)


def until_nul(test: Test, *, whole: bool) -> Test:
    """``test`` of decoded texts, which may hold NUL bytes: C compares up to the first, or where it
    looks at the ``whole`` text leaves out those at its end."""

    def cut(value: bytes) -> bytes:
        return value.rstrip(b"\0") if whole else value.partition(b"\0")[0]

    return lambda values: test(pa.array([cut(v) for v in values.to_pylist()], pa.binary()))
