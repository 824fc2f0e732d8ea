"""Files that grow, are replaced, are cut, or come late."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from plugins.host import PluginError, Source
from tests.plugins.k8s_audit.support import audit_event, ids, shared_plugin


def line(number: int) -> str:
    return json.dumps(audit_event(number)) + "\n"


def take(source: Source, count: int) -> list[str]:
    """Waits for so many events (at most 10 s), and looks whether more follow at once."""
    found: list[str] = []
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        batch = source.next_batch(max_seconds=0.05)
        assert batch is not None
        found += ids(batch)
    return found


def append(file: Path, text: str) -> None:
    with file.open("a") as out:
        out.write(text)


def test_a_growing_file_from_its_start(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text(line(0))
    with shared_plugin().open(f"{file}?follow=1") as source:
        assert take(source, 1) == ["id-0"]
        append(file, line(1) + line(2)[:20])
        assert take(source, 1) == ["id-1"]
        append(file, line(2)[20:])
        assert take(source, 1) == ["id-2"]
        assert source.progress() is None or "following" in source.progress().text  # type: ignore[union-attr]


def test_a_file_url_gives_only_what_is_added(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text(line(0))
    with (
        shared_plugin().open(f"file://{file}") as new,
        shared_plugin().open(f"file://{file}?from=start") as all_of_it,
    ):
        append(file, line(1))
        assert take(new, 1) == ["id-1"]
        assert take(all_of_it, 2) == ["id-0", "id-1"]


def test_rotation_by_renaming(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text(line(0))
    with shared_plugin().open(f"{file}?follow=1") as source:
        assert take(source, 1) == ["id-0"]
        old = file.rename(tmp_path / "audit.log.1")
        append(old, line(1))
        assert take(source, 1) == ["id-1"]
        file.write_text(line(2))
        assert take(source, 1) == ["id-2"]
        append(file, line(3))
        assert take(source, 1) == ["id-3"]


def test_rotation_by_cutting(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text(line(0) + line(1))
    with shared_plugin().open(f"{file}?follow=1") as source:
        assert take(source, 2) == ["id-0", "id-1"]
        file.write_text("")
        take_none = source.next_batch(max_seconds=0.1)
        assert take_none is not None
        assert take_none.num_rows == 0
        append(file, line(2))
        assert take(source, 1) == ["id-2"]


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    with shared_plugin().open(f"{file}?follow=1") as source:
        assert take_nothing(source)
        file.write_text(line(7))
        assert take(source, 1) == ["id-7"]


def take_nothing(source: Source) -> bool:
    batch = source.next_batch(max_seconds=0.1)
    return batch is not None and batch.num_rows == 0


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="folder; only a file"):
        shared_plugin().open(f"file://{tmp_path}")
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(line(0).encode()))
    with pytest.raises(PluginError, match="compressed"):
        shared_plugin().open(f"{packed}?follow=1")
    with pytest.raises(PluginError, match="there is no folder"):
        shared_plugin().open(f"{tmp_path}/no/audit.log?follow=1")


def test_a_name_with_a_question_mark_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "audit?follow=1"
    file.write_text(line(0))
    with shared_plugin().open(str(file)) as source:
        assert [ids(batch) for batch in source.batches() if batch.num_rows] == [["id-0"]]
