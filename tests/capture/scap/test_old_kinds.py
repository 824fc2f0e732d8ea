"""Files of kinds that old readers refuse are given as one that they know."""

from __future__ import annotations

import pyarrow as pa

from capture.events.section import Section
from capture.events.state_schema import FD_TYPES, FDS
from capture.scap.old_kinds import with_old_kinds


def files(*kinds: str) -> pa.RecordBatch:
    codes = {name: code for code, name in FD_TYPES.items()}
    rows = [
        {"tid": 1, "fd": fd, "type": codes[kind], "name": kind.encode()}
        for fd, kind in enumerate(kinds)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FDS)


def test_newer_kinds_become_unsupported_and_keep_their_names() -> None:
    section = Section.of(0, (1, 2), {"fds": files("file_v2", "bpf", "pidfd", "eventpoll")})
    old, count = with_old_kinds(section)
    assert count == 2
    assert [FD_TYPES[each] for each in old.fds.column("type").to_pylist()] == [
        "file_v2", "unsupported", "unsupported", "eventpoll",
    ]  # fmt: skip
    assert old.fds.drop_columns(["type"]) == section.fds.drop_columns(["type"])
    assert old.fds.schema == FDS and old.version == (1, 2)


def test_others_are_left_alone() -> None:
    section = Section.of(0, tables={"fds": files("file", "ipv4")})
    assert with_old_kinds(section) == (section, 0)
    empty = Section.of(0)
    assert with_old_kinds(empty) == (empty, 0)
