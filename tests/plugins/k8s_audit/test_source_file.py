"""Audit logs as files: every form, and what is said of what is no event."""

from __future__ import annotations

import gzip
import json
import logging
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest

from plugins.host import PluginError
from tests.plugins.k8s_audit.support import audit_event, ids, new_plugin, read_all, shared_plugin

EVENTS = [audit_event(i) for i in range(5)]
IDS = [event["auditID"] for event in EVENTS]
LINES = "".join(json.dumps(event) + "\n" for event in EVENTS)


def read_text(folder: Path, text: str | bytes) -> pa.RecordBatch:
    file = folder / "audit.log"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_all(shared_plugin(), str(file))


def event_list(events: list[dict[str, object]]) -> dict[str, object]:
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        LINES.rstrip("\n"),
        LINES.replace("\n", "\r\n"),
        "\n\n" + LINES.replace("\n", "\n\n"),
        "\ufeff" + LINES,
        LINES.replace("\n", ""),
        LINES.replace("\n", " "),
        "".join(json.dumps(event, indent=2) + "\n" for event in EVENTS),
        "".join(json.dumps(event, indent=0) for event in EVENTS),
        json.dumps(EVENTS),
        json.dumps(EVENTS, indent=4),
        json.dumps([EVENTS[:2], [EVENTS[2:]]]),
        json.dumps(event_list(EVENTS)),
        json.dumps(event_list(EVENTS), indent=1),
        json.dumps(event_list(EVENTS[:3])) + "\n" + json.dumps(EVENTS[3:], indent=1),
        json.dumps(event_list(EVENTS), sort_keys=True),
    ],
)
def test_every_form_gives_the_same_events(tmp_path: Path, text: str) -> None:
    batch = read_text(tmp_path, text)
    assert ids(batch) == IDS
    assert [json.loads(payload) for payload in batch["data"].to_pylist()] == EVENTS
    assert batch["time"][1].value == 1_714_557_601_000_001_000
    assert set(batch["plugin_id"].to_pylist()) == {1}


def test_payloads_are_compact_and_otherwise_untouched(tmp_path: Path) -> None:
    text = (
        '{ "kind" : "Event",\n "stageTimestamp":"2024-05-01T00:00:00Z" , '
        '"n": 1.50e3, "s": "a \\u00e9 \\" b",  "l": [ 1 , { } ]}'
    )
    (payload,) = read_text(tmp_path, text)["data"].to_pylist()
    assert payload == (
        b'{"kind":"Event","stageTimestamp":"2024-05-01T00:00:00Z","n":1.50e3,'
        b'"s":"a \\u00e9 \\" b","l":[1,{}]}'
    )


def test_compressed_files_and_folders_by_age(tmp_path: Path) -> None:
    parts = [("c.log", EVENTS[:2]), ("a.log.gz", EVENTS[2:4]), ("b.json", EVENTS[4:])]
    for age, (name, events) in enumerate(parts):
        text = "".join(json.dumps(event) + "\n" for event in events).encode()
        file = tmp_path / name
        file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        os.utime(file, (1000 + age, 1000 + age))
    (tmp_path / "deeper").mkdir()
    assert ids(read_all(shared_plugin(), str(tmp_path))) == IDS


BAD = "this is no JSON"


@pytest.mark.parametrize(
    ("lines", "expected", "said"),
    [
        ([0, BAD, 1], [0, 1], [":2: not JSON"]),
        ([0, '{"a": tru}', 1], [0, 1], [":2: not JSON"]),
        ([0, '{"kind":"Event","user":{"username":"cut', 1], [0, 1], [":2: not JSON"]),
        ([0, '{"kind":"Event","user":{"username":"cut"', 1, 2], [0, 1, 2], [":2: not JSON"]),
        ([0, '{"a":', 1, 2, 3], [0, 1, 2, 3], [":2: not JSON"]),
        ([0, '{"a":[', 1, 2, 3], [0, 1, 2, 3], [":2: not JSON"]),
        ([0, 1, '{"kind":"Event"'], [0, 1], [":3: not JSON"]),
        (
            [0, '{\n "kind": "Event",\n "a" "b",\n "c": 1\n}', 1],
            [0, 1],
            [":2: not JSON", "skipped"],
        ),
        ([0, "12", '"x"', "null", 1], [0, 1], [":2:", ":3:", ":4:"]),
        ([0, '{"kind":"Pod"}', 1], [0, 1], [":2: data not recognized as a k8s audit event"]),
        ([0, '{"kind":"Event"}', 1], [0, 1], [":2: an audit event without stageTimestamp"]),
        (
            [0, '{"kind":"Event","stageTimestamp":"2024-02-30T00:00:00Z"}', 1],
            [0, 1],
            [":2: stageTimestamp is no time"],
        ),
        ([0, "\x00\x01\x02", 1], [0, 1], [":2: not JSON"]),
        ([0, "]", "}", 1], [0, 1], [":2: not JSON", ":3: not JSON"]),
    ],
)
def test_bad_lines_are_told_and_passed_over(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    lines: list[int | str],
    expected: list[int],
    said: list[str],
) -> None:
    text = "\n".join(json.dumps(EVENTS[x]) if isinstance(x, int) else x for x in lines)
    with caplog.at_level(logging.WARNING):
        batch = read_text(tmp_path, text)
    assert ids(batch) == [IDS[i] for i in expected]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(said), messages
    for part, message in zip(said, messages, strict=True):
        assert part in message
    assert all("audit.log" in message for message in messages)


def test_bad_members_of_a_list_do_not_spoil_the_others(tmp_path: Path) -> None:
    items = [EVENTS[0], {"kind": "Event"}, EVENTS[1]]
    assert ids(read_text(tmp_path, json.dumps(event_list(items)))) == IDS[:2]
    assert ids(read_text(tmp_path, json.dumps(items))) == IDS[:2]


def test_many_problems_are_counted_not_told_one_by_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.log"
    file.write_text((BAD + "\n") * 5000 + LINES)
    with caplog.at_level(logging.WARNING), shared_plugin().open(str(file)) as source:
        assert sum(batch.num_rows for batch in source.batches()) == 5
        progress = source.progress()
    assert progress is not None
    assert progress.fraction == 1
    assert "5000 problems" in progress.text
    assert len(caplog.records) < 110
    assert "5000 problems in all" in caplog.records[-1].getMessage()


def test_large_events_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.log"
    file.write_text(LINES + json.dumps(audit_event(9, x="y" * 5000)) + "\n" + LINES)
    plugin = new_plugin({"maxEventSize": 4000})
    with caplog.at_level(logging.WARNING):
        assert ids(read_all(plugin, str(file))) == IDS * 2
    assert "maxEventSize (4000)" in caplog.text
    assert ids(read_all(shared_plugin(), str(file)))[5] == "id-9"


def test_pieces_may_be_cut_anywhere(tmp_path: Path) -> None:
    """Files above the size of one read, in every form, with lines above it too."""
    events = [audit_event(i, pad="x" * random.Random(i).randrange(9000)) for i in range(700)]
    wanted = [event["auditID"] for event in events]
    for text in (
        "".join(json.dumps(event) + "\n" for event in events),
        "".join(json.dumps(event, indent=2) + "\n" for event in events),
        json.dumps(events),
        json.dumps(event_list(events)),
    ):
        assert len(text) > 3 << 20
        assert ids(read_text(tmp_path, text)) == wanted


def test_hostile_files_take_linear_time(tmp_path: Path) -> None:
    size = 3 << 20
    for text in ("[\n" * (size // 2), "{\n" * (size // 2), '{"a":\n' * (size // 6), "[" * size):
        assert read_text(tmp_path, text).num_rows == 0


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("/nowhere/at/all", "there is no file or folder"),
        ("ftp://host/x", 'scheme "ftp" is not supported'),
        ("file://host/x", "names the host"),
        ("/dev/null", "neither a file nor a folder"),
    ],
)
def test_what_cannot_be_opened_says_why(params: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        shared_plugin().open(params)


def test_an_empty_folder_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="holds no files"):
        shared_plugin().open(str(tmp_path))
    assert read_text(tmp_path, "").num_rows == 0


def test_a_broken_archive_gives_what_can_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.log.gz"
    file.write_bytes(gzip.compress(LINES.encode() * 200)[:-20])
    with caplog.at_level(logging.WARNING):
        got = ids(read_all(shared_plugin(), str(file)))
    assert got == (IDS * 200)[: len(got)]
    assert "reading stops here" in caplog.text


def test_two_sources_at_once(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text(LINES * 3)
    second.write_text(LINES * 2)
    plugin = shared_plugin()
    with plugin.open(str(first)) as a, plugin.open(str(second)) as b:
        batches = [a.next_batch(), b.next_batch()]
        assert [batch.num_rows for batch in batches if batch is not None] == [15, 10]


def test_events_as_text(tmp_path: Path) -> None:
    plugin = shared_plugin()
    batch = read_text(tmp_path, LINES)
    assert plugin.event_to_string(batch, 2) == batch["data"][2].as_py().decode()
