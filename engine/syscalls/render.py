"""Parameters as text, as ``evt.arg`` and ``evt.args`` show them.

From sinsp_evt::get_param_as_str and render_fd of userspace/libsinsp/event.cpp in falcosecurity/libs
(output format PF_NORMAL). Work is done once a distinct value; what depends on state is done once a
distinct pair of value and state.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import Parameter, dynamic_tables
from engine.columns import BytesColumn, Codes
from engine.gather import as_binary, bytes_buffers, from_buffers, plain
from engine.paths import join_paths
from engine.syscalls import addresses, meanings
from engine.syscalls.assemble import gathered
from engine.syscalls.events import Events, Group
from engine.syscalls.fdtypes import L4_LETTERS, SOCKETS, letter_of
from engine.syscalls.pathnames import (
    AT_FDCWD,
    distinct_pairs,
    from_cwd_or,
    open_directories,
)
from engine.syscalls.rendered import Pair, Rendered, by_value, constant, of_pairs, of_plain
from engine.syscalls.state import State

#: How Falco writes an empty parameter, by the parameter's type.
_NULL = frozenset({"bytebuf", "socktuple", "fdlist", "charbufarray", "charbuf_pair_array", "dyn"})
_TEXTS = frozenset({"charbuf", "fspath", "fsrelpath"})
_NUMBERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
_FLAGS = frozenset({"flags8", "flags16", "flags32", "enumflags8", "enumflags16", "enumflags32"})
_DOTS = np.array([c if 0x20 <= c < 0x7F else ord(".") for c in range(256)], np.uint8)
_ROOM = 1024


def render(events: Events, state: State, group: Group, index: int) -> Rendered:
    """The texts of one parameter of the events of a group."""
    parameter = group.type.parameters[index]
    array = events.parameter(group, index)
    if parameter.type == "dyn":
        return _dynamic(state, group, index, parameter, array)
    if parameter.type == "fdlist":
        return _fd_list(state, group, index, array)
    if parameter.type in ("fspath", "fsrelpath"):
        return _path(events, state, group, index, array)
    return _typed(state, group, index, parameter, array)


def missing(parameter: Parameter) -> bytes:
    """The text of a parameter that is there but empty."""
    return b"NULL" if parameter.type in _NULL else b"<NA>"


def _typed(
    state: State, group: Group, index: int, parameter: Parameter, array: pa.Array
) -> Rendered:
    nothing = missing(parameter)
    match parameter.type:
        case "fd":
            return _joined(array, nothing, lambda fds, at: _fds(state, group, index, fds, at))
        case "pid":
            return _joined(array, nothing, lambda pids, at: _pids(state, group, index, pids, at))
        case "uid" | "gid" as kind:
            return _joined(array, nothing, lambda ids, at: _ids(state, group, index, kind, ids, at))
        case "charbuf":
            return by_value(array, nothing, lambda texts: of_plain(_until_nul(texts)))
        case "bytebuf":
            return by_value(array, nothing, lambda values: of_plain(_dotted(values)))
        case _:
            pair = _pair_of(parameter)
            if pair is None:
                return constant(len(array), b"(n.a.)")
            return by_value(array, nothing, lambda values: of_pairs(map(pair, values.to_pylist())))


def _pair_of(parameter: Parameter) -> Callable[..., Pair] | None:
    """How one value becomes text where that hangs on the value alone; None where libs does not
    print the type."""
    kind, form = parameter.type, parameter.format
    if kind in _NUMBERS:
        bits = meanings.printed_bits(kind)
        return lambda value: (meanings.number(value, form, bits), b"")
    if kind in _FLAGS:
        return lambda value: (b"%d" % value, meanings.flags(parameter, value))
    match kind:
        case "errno":
            return lambda value: (b"%d" % value, meanings.error(value) if value < 0 else b"")
        case "mode":
            return lambda value: (
                meanings.number(value, form, 32),
                meanings.mode(parameter, value),
            )
        case "syscallid":
            return lambda value: (b"%d" % value, meanings.syscall(value))
        case "sigtype":
            return lambda value: (b"%d" % value, meanings.signal(value))
        case "sigset":
            return lambda value: (meanings.signals(value), b"")
        case "reltime":
            return lambda value: (
                (b"none", b"")
                if value == (1 << 64) - 1
                else (b"%d" % value, meanings.seconds(value))
            )
        case "abstime":
            return lambda value: (meanings.moment(value), b"")
        case "sockaddr":
            return lambda value: (addresses.address(value), b"")
        case "socktuple":
            return lambda value: (addresses.connection(value), b"")
        case "charbufarray":
            return lambda value: (b".".join(value), b"")
        case _:
            return None


_Numbers = npt.NDArray[np.int64]


def _joined(
    array: pa.Array, nothing: bytes, text: Callable[[_Numbers, npt.NDArray[np.int64]], Rendered]
) -> Rendered:
    """Render numbers whose meaning hangs on the event: ``text`` is given those that are there and
    their places in the group."""
    if array.null_count == 0:
        return text(array.to_numpy().astype(np.int64), np.arange(len(array)))
    at = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    done = text(array.drop_null().to_numpy().astype(np.int64), at)
    codes = np.full(len(array), len(done.plain), np.int32)
    codes[at] = done.codes
    return Rendered(
        codes,
        pa.concat_arrays([done.plain, pa.array([nothing], pa.binary())]),
        pa.concat_arrays([done.resolved, pa.array([b""], pa.binary())]),
    )


def _fds(
    state: State, group: Group, index: int, fds: _Numbers, at: npt.NDArray[np.int64]
) -> Rendered:
    versions = state.referred(group.at[at], index, None, fds)
    numbers, open_files, codes = distinct_pairs(fds, versions)
    names = fd_labels(state, open_files.astype(np.int32))
    pairs = (
        (b"%d" % fd, label if label is not None else _no_fd(fd))
        for fd, label in zip(numbers.tolist(), names, strict=True)
    )
    done = of_pairs(pairs)
    return Rendered(codes, done.plain, done.resolved)


def _no_fd(fd: int) -> bytes:
    """What a descriptor number says when no file is known under it."""
    if fd >= 0:
        return b""
    return b"AT_FDCWD" if fd == AT_FDCWD else meanings.error(fd)


def fd_labels(state: State, versions: Codes) -> list[bytes | None]:
    """Type and name of open files, as ``<f>/etc/passwd``; None for no file."""
    known = np.flatnonzero(versions >= 0)
    chosen = versions[known]
    types = state.fds.number("type")[chosen].tolist()
    protocols = state.fds.number("l4proto")[chosen].tolist()
    names = state.fds.text("name")
    texts = plain(BytesColumn(names.codes[chosen], names.values)).to_pylist()
    labels: list[bytes | None] = [None] * len(versions)
    for place, kind, protocol, name in zip(known.tolist(), types, protocols, texts, strict=True):
        letters = letter_of(kind) + (L4_LETTERS.get(protocol, b"") if kind in SOCKETS else b"")
        labels[place] = b"<" + letters + b">" + (name or b"")
    return labels


def _pids(
    state: State, group: Group, index: int, pids: _Numbers, at: npt.NDArray[np.int64]
) -> Rendered:
    versions = state.referred(group.at[at], index)
    numbers, threads, codes = distinct_pairs(pids, versions)
    texts = plain(gathered(state.threads.text("comm"), threads.astype(np.int32))).to_pylist()
    done = of_pairs((b"%d" % pid, text or b"") for pid, text in zip(numbers, texts, strict=True))
    return Rendered(codes, done.plain, done.resolved)


def _ids(
    state: State,
    group: Group,
    index: int,
    kind: str,
    ids: _Numbers,
    at: npt.NDArray[np.int64],
) -> Rendered:
    table = state.tables.users if kind == "uid" else state.tables.groups
    names = gathered(table.text("name"), state.referred(group.at[at], index))
    numbers, chosen, codes = distinct_pairs(ids, names.codes)
    texts = plain(BytesColumn(chosen.astype(np.int32), names.values)).to_pylist()
    done = of_pairs(
        (b"-1", b"<NONE>")
        if number == 0xFFFFFFFF
        else (meanings.number(number, "dec", 32), text or b"<NA>")
        for number, text in zip(numbers.tolist(), texts, strict=True)
    )
    return Rendered(codes, done.plain, done.resolved)


def _until_nul(texts: pa.Array) -> pa.BinaryArray:
    """Texts as C prints them; one that says ``(NULL)`` is an empty one, as older drivers had it."""
    values = as_binary(texts).to_pylist()
    return pa.array(
        [b"<NA>" if text == b"(NULL)" else text.partition(b"\0")[0] for text in values],
        pa.binary(),
    )


def _dotted(values: pa.Array) -> pa.BinaryArray:
    """Bytes as text: dots for all that is not printable ASCII."""
    offsets, data = bytes_buffers(as_binary(values))
    return from_buffers(offsets, _DOTS[data])


def _path(events: Events, state: State, group: Group, index: int, array: pa.Array) -> Rendered:
    """A path, and where it is relative what it is seen from the working directory, or from the
    directory that the event names."""
    done = by_value(array, b"<NA>", lambda texts: of_plain(_until_nul(texts)))
    texts = done.plain.to_pylist()
    relative = np.array([bool(t) and t[:1] != b"/" and t != b"<NA>" for t in texts], np.bool_)
    which = np.flatnonzero(relative[done.codes] & state.known()[group.at])
    if not len(which):
        return done
    bases = base_directories(events, state, group.only(_mask(len(group), which)), index)
    paths, directories, codes = distinct_pairs(done.codes[which].astype(np.int64), bases.codes)
    folders = plain(BytesColumn(directories.astype(np.int32), bases.values)).to_pylist()
    named = [texts[path] for path in paths.tolist()]
    full = [join_paths(folder or b"", name) for folder, name in zip(folders, named, strict=True)]
    all_codes = done.codes.copy()
    all_codes[which] = codes + len(texts)
    return Rendered(
        all_codes,
        pa.concat_arrays([done.plain, pa.array(named, pa.binary())]),
        pa.concat_arrays([done.resolved, pa.array(full, pa.binary())]),
    )


def _mask(rows: int, at: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rows, np.bool_)
    mask[at] = True
    return mask


def base_directories(events: Events, state: State, group: Group, index: int) -> BytesColumn:
    """What the relative paths of a parameter start from, one a row, with a slash at its end;
    empty where that is not known."""
    parameter = group.type.parameters[index]
    cwd = state.cwd(group.at)
    if parameter.type != "fsrelpath" or not 0 <= parameter.directory < len(group.type.parameters):
        return cwd
    if group.type.parameters[parameter.directory].type != "fd":
        return cwd
    numbers = events.parameter(group, parameter.directory).fill_null(-1).to_numpy()
    folders = open_directories(state, group, parameter.directory, numbers, b"", slash=False)
    return from_cwd_or(state, group, numbers, folders)


def _dynamic(
    state: State, group: Group, index: int, parameter: Parameter, array: pa.Array
) -> Rendered:
    """A parameter that says itself what type it has."""
    kinds = array.field("kind").to_numpy()
    known = array.is_valid().to_numpy(zero_copy_only=False)
    types = dynamic_tables().get(parameter.table, ())
    codes = np.zeros(len(array), np.int32)
    plains = [pa.array([b"NULL"], pa.binary())]
    meant = [pa.array([b""], pa.binary())]
    shift = 1
    for kind in np.unique(kinds[known]).tolist():
        which = known & (kinds == kind)
        if kind < len(types):
            inner = Parameter(parameter.name, types[kind].type, parameter.format)
            value = "bytes" if inner.type in ("bytebuf", "charbuf") else "number"
            part = array.field(value).filter(pa.array(which))
            done = _typed(state, group.only(which), index, inner, _narrow(part, inner.type))
        else:
            done = constant(int(which.sum()), b"INVALID DYNAMIC PARAMETER")
        codes[which] = done.codes + np.int32(shift)
        plains.append(done.plain)
        meant.append(done.resolved)
        shift += len(done.plain)
    return Rendered(codes, pa.concat_arrays(plains), pa.concat_arrays(meant))


def _narrow(numbers: pa.Array, type_: str) -> pa.Array:
    """The 64 bits of a dynamic number as its own type has them."""
    masks = {"uint64": 64, "reltime": 64, "uint32": 32, "sigtype": 8}
    if type_ not in masks:
        return numbers
    values = numbers.fill_null(0).to_numpy().view(np.uint64)
    values = values & np.uint64((1 << masks[type_]) - 1)
    return pa.array(values, mask=numbers.is_null().to_numpy(zero_copy_only=False))


def _fd_list(state: State, group: Group, index: int, array: pa.Array) -> Rendered:
    """The descriptors that a poll asks about: number, type letter and events."""
    lists = poll_lists(array)
    rows = np.repeat(np.arange(len(array)), np.diff(lists.offsets))
    items = np.arange(len(rows)) - np.repeat(lists.offsets[:-1], np.diff(lists.offsets))
    versions = state.referred(group.at[rows], index, items, lists.fds)
    types = np.append(state.fds.number("type"), -1)[versions]
    said = [
        b"%d:%s%x" % (fd & 0xFFFFFFFFFFFFFFFF, letter_of(kind), flags & 0xFFFFFFFF)
        for fd, kind, flags in zip(
            lists.fds.tolist(), types.tolist(), lists.flags.tolist(), strict=True
        )
    ]
    bounds = zip(lists.offsets[:-1].tolist(), lists.offsets[1:].tolist(), strict=True)
    texts = [_fitting(said[start:end]) for start, end in bounds]
    nulls = array.is_null().to_numpy(zero_copy_only=False).tolist()
    return of_pairs(
        (b"NULL" if null else text, b"") for text, null in zip(texts, nulls, strict=True)
    )


def _fitting(parts: list[bytes]) -> bytes:
    """The parts with blanks between, as many as libs has room for."""
    text = b""
    for place, part in enumerate(parts):
        text += part + (b" " if place < len(parts) - 1 else b"")
        if len(text) >= _ROOM - 1:
            return text[: _ROOM - 1]
    return text


class PollLists:
    """Lists of descriptors taken apart: ``offsets`` (rows + 1) into ``fds`` and ``flags``."""

    def __init__(self, array: pa.Array) -> None:
        lengths = array.value_lengths().fill_null(0).to_numpy().astype(np.int64)
        self.offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        items = array.flatten()
        self.fds: _Numbers = items.field("fd").to_numpy()
        self.flags: _Numbers = items.field("flags").to_numpy().astype(np.int64)


def poll_lists(array: pa.Array) -> PollLists:
    return PollLists(array)
