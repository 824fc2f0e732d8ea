"""What system calls returned: the first parameter of an exit event."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import EventType
from engine.columns import Mask
from engine.syscalls.events import Events, Group

_GENERIC = "GENERIC_X"


def returns(type_: EventType) -> bool:
    """Whether events of this type say what their call returned (``sinsp_evt::has_return_value``),
    if they hold any parameter."""
    return (
        type_.kind == "syscall"
        and not type_.enter
        and type_.key != _GENERIC
        and bool(type_.parameters)
    )


def returned(events: Events, group: Group) -> npt.NDArray[np.int64]:
    """What each event of a group returned; 0 for one that does not say."""
    array = events.parameter(group, 0)
    if not pa.types.is_integer(array.type) or array.type.bit_width < 32:
        return np.zeros(len(group), np.int64)
    values: npt.NDArray[Any] = array.fill_null(0).to_numpy()
    if values.dtype == np.uint32:
        values = values.view(np.int32)  # libs reads four bytes as a signed number
    return np.asarray(values, np.int64) if values.dtype != np.uint64 else values.view(np.int64)


def results(events: Events) -> tuple[npt.NDArray[np.int64], Mask]:
    """Return values by event, and which events have one."""
    values = np.zeros(len(events), np.int64)
    valid = np.zeros(len(events), np.bool_)
    for group in events.groups:
        if returns(group.type):
            values[group.at] = returned(events, group)
            valid[group.at] = events.holds(group, 0)
    return values, valid
