"""``falcowb events``: events with fields, in every format."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conformance.cases import CONFORMANCE, UPSTREAM, needs_shared
from tests.workbench.command import SAMPLES, falcowb
from workbench.core.events_query import split_fields

AUDIT = SAMPLES / "k8s_intrusion.jsonl"
PLUGIN = ("--plugin", "k8s_audit")
CAPTURE = UPSTREAM / "captures/live/intrusion.scap"


def test_names_are_split_at_commas_outside_brackets() -> None:
    assert split_fields("evt.num, %proc.name,") == ["evt.num", "proc.name"]
    assert split_fields('a[x,y],join(",",(b,c)),d["]"]') == [
        "a[x,y]",
        'join(",",(b,c))',
        'd["]"]',
    ]


def test_events_of_a_plugin() -> None:
    ran = falcowb(
        "events", AUDIT, *PLUGIN, "-f", "k8s.audit.verb = create", "--format", "jsonl",
        "-F", "evt.num,k8s.audit.verb,ka.req.pod.containers.image,evt.source",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert rows and all(row["k8s.audit.verb"] == "create" for row in rows)
    assert [row["evt.num"] for row in rows] == sorted(row["evt.num"] for row in rows)
    assert any(isinstance(row["ka.req.pod.containers.image"], list) for row in rows)
    assert {row["evt.source"] for row in rows} == {"k8s_audit"}


def test_all_events_as_text_by_default() -> None:
    ran = falcowb("events", AUDIT, *PLUGIN)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert len(lines) == sum(1 for line in AUDIT.read_text().splitlines() if line.strip())
    assert all(len(line.split("\t")) == 4 for line in lines)
    few = falcowb("events", AUDIT, *PLUGIN, "-n", "3")
    assert few.out.splitlines() == lines[:3]


@needs_shared
def test_a_capture_in_every_format(tmp_path: Path) -> None:
    fields = ["evt.num", "evt.rawtime", "proc.name", "fd.sport", "evt.failed", "proc.args"]
    asked = ("events", CAPTURE, "-f", "evt.type in (connect, execve)", "-F", ",".join(fields))
    rows = [json.loads(line) for line in falcowb(*asked, "--format", "jsonl").out.splitlines()]
    assert len(rows) > 50 and list(rows[0]) == fields

    table = list(csv.reader(io.StringIO(falcowb(*asked, "--format", "csv").out)))
    assert table[0] == fields
    assert [int(line[0]) for line in table[1:]] == [row["evt.num"] for row in rows]
    assert [line[5] for line in table[1:]] == [row["proc.args"] or "" for row in rows]

    text = falcowb(*asked).out.splitlines()
    assert [line.split("\t")[2] for line in text] == [row["proc.name"] for row in rows]
    assert {line.split("\t")[3] for line in text} >= {"<NA>"}

    file = tmp_path / "events.parquet"
    ran = falcowb(*asked, "--format", "parquet", "-o", file)
    assert ran.code == 0 and ran.out == ""
    found = pq.read_table(file)
    assert [str(found.schema.field(name).type) for name in fields] == [
        "uint64", "timestamp[ns, tz=UTC]", "string", "uint64", "bool", "string",
    ]  # fmt: skip
    for name in ("evt.num", "proc.name", "fd.sport", "evt.failed", "proc.args"):
        assert found.column(name).to_pylist() == [row[name] for row in rows], name
    times = found.column("evt.rawtime").cast("int64").to_pylist()
    assert times == [row["evt.rawtime"] for row in rows]
    assert list(tmp_path.iterdir()) == [file]


@needs_shared
def test_fields_are_falcos() -> None:
    fields = ["evt.num", "evt.type", "proc.cmdline", "fd.name", "evt.res", "proc.aname[2]"]
    ran = falcowb("events", CAPTURE, "--format", "jsonl", "-F", ",".join(fields))
    dump = pq.read_table(CONFORMANCE / "field_dumps/intrusion.scap.parquet", columns=fields)
    wanted = dump.to_pylist()
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert found == wanted


@needs_shared
def test_times_bound_the_events_and_state_is_that_of_the_whole() -> None:
    fields = ("-F", "evt.num,evt.rawtime,proc.name", "--format", "jsonl")
    whole = [json.loads(line) for line in falcowb("events", CAPTURE, *fields).out.splitlines()]
    middle = whole[700]["evt.rawtime"]
    moment = f"{middle // 10**9}.{middle % 10**9:09d}"
    late = falcowb("events", CAPTURE, *fields, "--from", moment)
    assert [json.loads(line) for line in late.out.splitlines()] == [
        row for row in whole if row["evt.rawtime"] >= middle
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "xml"), "text, jsonl, csv, parquet"),
        (("-F", "ka.verbs"), "Did you mean ka.verb?"),
        (("-F", "ka.verb ka.uri"), "ka.verb ka.uri"),
        (("-f", "ka.verbs = x"), "Did you mean ka.verb?"),
        (("-f", "ka.verb ="), "--filter"),
        (("-o", "/nowhere/x"), "/nowhere/x"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], says: str) -> None:
    ran = falcowb("events", AUDIT, *PLUGIN, *arguments)
    assert ran.code == 1
    assert says in ran.err and ran.out == ""


def test_text_never_moves_the_cursor(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    event = json.loads(AUDIT.read_text().splitlines()[0])
    event["user"]["username"] = "a\tb\x1b[2J\n\u00e9"
    log.write_text(json.dumps(event) + "\n")
    ran = falcowb("events", log, *PLUGIN, "-F", "k8s.audit.user.username,evt.num")
    assert ran.out == "a\\tb\\x1b[2J\\n\u00e9\t1\n"


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ran = falcowb("events", SAMPLES / "intrusion.fcap", "-n", "1", "-F", "evt.num", "-o", pipe)
        assert ran.code == 0, ran.err
        assert os.read(reader, 100).startswith(b"1")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
