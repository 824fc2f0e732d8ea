"""Captures as Parquet tables and as JSON lines."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from capture.errors import CaptureError
from capture.events.schema import PARAMETER_TYPES
from capture.events.table import event_table
from capture.reader import open_capture
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.calls import CLOSE, OPEN, POLL, START, calls, section
from tests.capture.support import batch
from workbench.core.export_columns import TYPES, plain_columns
from workbench.core.export_jsonl import export_jsonl
from workbench.core.export_parquet import export_parquet

LOCALHOST = b"\2\x7f\0\0\1\x50\0"
EXECVE = (
    "SYSCALL_EXECVE_19_X",
    {"res": 0, "exe": b"ls", "args": b"-l\0/\xff\0", "env": b"A=1\0", "exe_ino_mtime": 2**64 - 1},
)
BIND = ("SOCKET_BIND_X", {"res": 0, "addr": LOCALHOST, "fd": 3})
READ = ("SYSCALL_READ_X", {"res": 2, "data": b"\0\xff", "fd": 3, "size": 100})
OPTION = (
    "SOCKET_SETSOCKOPT_X",
    {"res": 0, "fd": 3, "level": 1, "optname": 2, "val": {"kind": 1, "number": 7, "bytes": None}},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["syscall", "k8s_audit"], policy=FlushPolicy(events=4)) as writer:
        writer.begin_section(section(0, users=[{"uid": 0, "gid": 0, "name": b"root"}]))
        writer.write_events(calls(1, [OPEN, CLOSE, POLL]))
        writer.write("k8s_audit", batch(4, 2))
        writer.write("k8s_audit", batch(6, 1, payload=b"\xff"))
        writer.write_events(calls(7, [EXECVE, BIND, READ, OPTION]))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    out = io.BytesIO()
    with open_capture(path) as capture:
        assert export_jsonl(capture, out) == capture.count
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_lines(path: Path) -> None:
    found = lines(path)
    assert [line["num"] for line in found] == list(range(1, 11))
    assert found[0] == {
        "num": 1,
        "time": f"2023-11-14T22:13:20.{START % 10**9 + 1000:09d}Z",
        "source": "syscall",
        "type": "open",
        "direction": "<",
        "cpu": 0,
        "tid": 7,
        "args": {"fd": 3, "name": "/etc/\N{REPLACEMENT CHARACTER}", "flags": 1},
    }
    assert found[1]["args"] == {"res": 0, "fd": 3}
    assert found[2]["args"]["fds"] == [{"fd": 3, "flags": 1}, {"fd": 4, "flags": 0}]
    assert json.loads(found[3]["data"]) == {"auditID": "4"}
    assert found[5]["data_base64"] == base64.b64encode(b"\xff").decode()
    assert found[5]["source"] == "k8s_audit" and found[5]["plugin_id"] == 1
    execve = found[6]["args"]
    assert execve["args"] == ["-l", "/\N{REPLACEMENT CHARACTER}"] and execve["env"] == ["A=1"]
    assert execve["exe_ino_mtime"] == 2**64 - 1 and "cwd" not in execve
    assert found[7]["args"]["addr"] == "127.0.0.1:80"
    assert found[8]["args"]["data"] == base64.b64encode(b"\0\xff").decode()
    assert found[9]["args"]["val"] == 7 and "val_bytes" not in found[9]["args"]


def test_parquet_tables(path: Path, tmp_path: Path) -> None:
    told: list[int] = []
    with open_capture(path) as capture:
        assert export_parquet(capture, tmp_path / "out", told.append) == 10
    assert told[-1] == 10
    table = pq.read_table(tmp_path / "out" / "syscall.parquet")
    rows = table.drop_columns(["time"]).to_pylist()
    assert [row["num"] for row in rows] == [1, 2, 3, 7, 8, 9, 10]
    assert [row["event"] for row in rows][:3] == ["open", "close", "poll"]
    assert rows[0]["arg_name"] == "/etc/\N{REPLACEMENT CHARACTER}" and rows[0]["arg_res"] is None
    assert rows[2]["arg_fds"] == [{"fd": 3, "flags": 1}, {"fd": 4, "flags": 0}]
    assert rows[3]["arg_args"] == ["-l", "/\N{REPLACEMENT CHARACTER}"]
    assert rows[3]["arg_exe_ino_mtime"] == -1
    assert rows[4]["arg_addr_text"] == "127.0.0.1:80"
    assert rows[5]["arg_data"] == b"\0\xff"
    assert rows[6]["arg_val_value"] == 7
    assert not any(row["enter"] for row in rows)
    audit = pq.read_table(tmp_path / "out" / "k8s_audit.parquet")
    assert audit["num"].to_pylist() == [4, 5, 6]
    threads = pq.read_table(tmp_path / "out" / "threads.parquet").to_pylist()
    assert [(row["section"], row["tid"], row["comm"]) for row in threads] == [
        (0, 1, "sh"), (0, 7, "sh"),
    ]  # fmt: skip
    assert pq.read_table(tmp_path / "out" / "users.parquet")["name"].to_pylist() == ["root"]


def test_every_event_type_can_be_exported(tmp_path: Path) -> None:
    keys = [event.key for event in event_table().types if event.used]
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(section())
        for start in range(0, len(keys), 100):
            part = keys[start : start + 100]
            writer.write_events(calls(1 + start, [(key, {}) for key in part]))
    assert len(lines(tmp_path / "a.fcap")) == len(keys)
    with open_capture(tmp_path / "a.fcap") as capture:
        assert export_parquet(capture, tmp_path / "out") == len(keys)


def test_columns_of_one_name_are_of_one_type() -> None:
    found: dict[str, str] = {}
    for event in event_table().types:
        for parameter, columns in zip(event.parameters, plain_columns(event.code), strict=True):
            assert parameter.type in PARAMETER_TYPES and columns
            for column in columns:
                assert column.kind in TYPES
                assert found.setdefault(column.name, column.kind) == column.kind


def test_nothing_is_replaced_and_a_stop_leaves_nothing(path: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    def stop(_events: int) -> None:
        raise KeyboardInterrupt

    with open_capture(path) as capture:
        with pytest.raises(CaptureError, match="exists already"):
            export_parquet(capture, tmp_path / "out")
        with pytest.raises(KeyboardInterrupt):
            export_parquet(capture, tmp_path / "other", stop)
    assert not (tmp_path / "other").exists()
