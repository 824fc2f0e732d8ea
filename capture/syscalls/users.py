"""Users and groups of the host, as rows of the tables that a capture begins with."""

from __future__ import annotations

import grp
import os
import pwd
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from capture.events.state_schema import GROUPS, USERS
from capture.syscalls.procfs import host_root

#: Most users, and most groups, that are told.
MAX_ENTRIES = 1_000_000

_User = tuple[int, int, bytes, bytes, bytes]
_Group = tuple[int, bytes]
_T = TypeVar("_T")


def read_users(seconds: float = 2.0) -> tuple[pa.RecordBatch, pa.RecordBatch, list[str]]:
    """Users, groups, and notes of what is missing.

    They are those the system's name service lists, or of ``HOST_ROOT`` where that is set. A name
    service that has not answered after ``seconds`` (a directory that is away) is left alone, and
    those of /etc/passwd and /etc/group are taken.
    """
    root, notes = host_root(), []
    users, groups = _files_users(root), _files_groups(root)
    if root == Path("/"):
        told_users = _in_time(_service_users, seconds)
        told_groups = _in_time(_service_groups, seconds) if told_users is not None else None
        if told_users is None or told_groups is None:
            notes.append(
                f"users and groups: the name service did not answer within {seconds:g} s; those of "
                "/etc/passwd and /etc/group were recorded"
            )
        users, groups = told_users or users, told_groups or groups
    return _batch(users, USERS), _batch(groups, GROUPS), notes


def _batch(rows: list[_User] | list[_Group], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type_) for column, type_ in zip(columns, schema.types, strict=True)],
        schema=schema,
    )


def _in_time(ask: Callable[[], _T], seconds: float) -> _T | None:
    """The answer, or None where there is none in time; the thread that asks is left behind."""
    answer: list[_T] = []
    asking = threading.Thread(target=lambda: answer.append(ask()), daemon=True)
    asking.start()
    asking.join(seconds)
    return answer[0] if answer else None


def _service_users() -> list[_User]:
    return [
        (
            user.pw_uid & 0xFFFFFFFF,
            user.pw_gid & 0xFFFFFFFF,
            os.fsencode(user.pw_name),
            os.fsencode(user.pw_dir),
            os.fsencode(user.pw_shell),
        )
        for user in pwd.getpwall()[:MAX_ENTRIES]
    ]


def _service_groups() -> list[_Group]:
    return [
        (group.gr_gid & 0xFFFFFFFF, os.fsencode(group.gr_name))
        for group in grp.getgrall()[:MAX_ENTRIES]
    ]


def _lines(path: Path, fields: int) -> list[list[bytes]]:
    try:
        content = path.read_bytes()
    except OSError:
        return []
    split = (line.split(b":") for line in content.splitlines()[:MAX_ENTRIES])
    return [parts for parts in split if len(parts) >= fields and parts[0][:1] not in (b"#", b"+")]


def _files_users(root: Path) -> list[_User]:
    return [
        (int(parts[2]), int(parts[3]), parts[0], parts[5], parts[6])
        for parts in _lines(root / "etc/passwd", 7)
        if parts[2].isdigit() and parts[3].isdigit()
    ]


def _files_groups(root: Path) -> list[_Group]:
    return [
        (int(parts[2]), parts[0]) for parts in _lines(root / "etc/group", 3) if parts[2].isdigit()
    ]
