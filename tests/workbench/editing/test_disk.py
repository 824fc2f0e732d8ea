"""Files while they are edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.errors import FalcowbError
from workbench.editing import disk


def test_read_write_and_changes_by_others(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"- list: a\r\n  items: []\r\n")
    path.chmod(0o640)
    saved = disk.read(str(path))
    assert saved.text == "- list: a\r\n  items: []\r\n"
    assert disk.stamp(str(path)) == saved.stamp
    again = disk.write(str(path), saved.text.replace(": a", ": b"))
    assert path.read_bytes() == b"- list: b\r\n  items: []\r\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert disk.stamp(str(path)) == again.stamp != saved.stamp
    path.unlink()
    assert disk.stamp(str(path)) is None


def test_what_is_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"- list: \xff\n")
    with pytest.raises(FalcowbError, match="UTF-8"):
        disk.read(str(path))
    with path.open("wb") as file:
        file.truncate(disk.MOST_BYTES + 1)
    with pytest.raises(FalcowbError, match="too large"):
        disk.read(str(path))
