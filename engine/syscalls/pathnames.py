"""Paths that events name, and the directories that they start from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes
from engine.gather import as_binary, plain
from engine.paths import join_paths
from engine.syscalls.assemble import coded, gathered
from engine.syscalls.events import Events, Group
from engine.syscalls.state import State

AT_FDCWD = -100
UNKNOWN = b"<UNKNOWN>"


def text_parameter(events: Events, group: Group, index: int) -> BytesColumn:
    """A text parameter; where empty it reads ``<NA>``, as libs has it."""
    codes, values = coded(events.parameter(group, index))
    texts = [
        b"<NA>" if text == b"(NULL)" else text.partition(b"\0")[0]
        for text in as_binary(values).to_pylist()
    ]
    codes = np.where(codes < 0, np.int32(len(texts)), codes)
    return BytesColumn(codes, pa.array([*texts, b"<NA>"], pa.binary()))


def is_absolute(names: BytesColumn) -> npt.NDArray[np.bool_]:
    """Which rows are paths from the root; no value is not."""
    answers = [name[:1] == b"/" for name in names.values.to_pylist()]
    return np.append(np.array(answers, np.bool_), False)[names.codes]


def join_columns(folders: BytesColumn, names: BytesColumn) -> BytesColumn:
    """Each name as seen from its folder (no value: nothing), joined once a distinct pair."""
    left, right, codes = distinct_pairs(folders.codes.astype(np.int64), names.codes)
    folder = plain(BytesColumn(left.astype(np.int32), folders.values)).to_pylist()
    name = plain(BytesColumn(right.astype(np.int32), names.values)).to_pylist()
    joined = [join_paths(one or b"", two or b"") for one, two in zip(folder, name, strict=True)]
    return BytesColumn(codes, pa.array(joined, pa.binary()))


def distinct_pairs(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.integer], Codes]:
    """The distinct pairs of two columns, and each row's pair."""
    order = np.lexsort((second, first))
    one, two = first[order], second[order]
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    codes = np.empty(len(order), np.int32)
    codes[order] = np.cumsum(starts) - 1
    return one[starts], two[starts], codes


def open_directories(
    state: State,
    group: Group,
    parameter: int,
    numbers: npt.NDArray[np.int64],
    unknown: bytes,
    *,
    slash: bool,
) -> BytesColumn:
    """Names of the files that a parameter refers to, whose ``numbers`` are these, a slash after;
    ``unknown`` where there is none. One that ends with a slash gets another only with ``slash``."""
    files = gathered(state.fds.text("name"), state.referred(group.at, parameter, None, numbers))
    names = [
        name if not slash and (not name or name.endswith(b"/")) else name + b"/"
        for name in files.values.to_pylist()
    ]
    codes = np.where(files.codes < 0, np.int32(len(names)), files.codes)
    return BytesColumn(codes, pa.array([*names, unknown], pa.binary()))


def from_cwd_or(
    state: State, group: Group, numbers: npt.NDArray[np.int64], folders: BytesColumn
) -> BytesColumn:
    """The working directory for ``AT_FDCWD``, else the folders given."""
    cwd = state.cwd(group.at)
    shift = np.int32(len(cwd.values))
    theirs = np.where(folders.codes < 0, np.int32(-1), folders.codes + shift)
    return BytesColumn(
        np.where(numbers == AT_FDCWD, cwd.codes, theirs).astype(np.int32),
        pa.concat_arrays([as_binary(cwd.values), as_binary(folders.values)]),
    )
