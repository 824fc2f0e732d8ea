"""The cache of imported .scap files: found again, bounded, shared, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from capture.errors import CaptureError
from tests.capture.scap.blocks import event, i64, section
from workbench.core.scap_cache import cache_folder, open_scap

CLOSE = event("SYSCALL_CLOSE_X", i64(0), i64(3))


def scap(path: Path, events: int = 1) -> Path:
    path.write_bytes(section() + CLOSE * events)
    return path


def count(source: Path, root: Path, **options: int) -> int:
    with open_scap(source, folder=root, **options) as capture:
        return capture.count


def entries(root: Path) -> list[Path]:
    return sorted(root.glob("*.fcap"))


def test_a_file_is_imported_once(tmp_path: Path) -> None:
    source, root = scap(tmp_path / "a.scap"), tmp_path / "cache"
    told: list[int] = []

    def progress(events: int, _fraction: float | None) -> None:
        told.append(events)

    for _ in range(2):
        with open_scap(source, progress, folder=root) as capture:
            assert capture.count == 1 and capture.complete
    assert told[-1] == 1 and told.count(1) == 1
    assert len(entries(root)) == 1
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_changed_file_is_another(tmp_path: Path) -> None:
    source, root = scap(tmp_path / "a.scap"), tmp_path / "cache"
    assert count(source, root) == 1
    assert count(scap(source, 2), root) == 2
    os.utime(source, (1, 1))
    assert count(source, root) == 2
    assert len(entries(root)) == 3


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    sources = [scap(tmp_path / f"{n}.scap", n) for n in (1, 2, 3)]
    for n, source in enumerate(sources):
        count(source, root)
        for path in entries(root):
            if path.stat().st_mtime > 1000:
                os.utime(path, (100 + n, 100 + n))
    os.utime(min(entries(root), key=lambda path: path.stat().st_mtime), (900, 900))
    one = sum(each.stat().st_size for each in entries(root)[0].rglob("*"))
    with open_scap(sources[2], folder=root, max_bytes=2 * one + one // 2):
        assert len(entries(root)) == 2
        used = sorted(path.stat().st_mtime for path in entries(root))
        assert used[0] == 900
        # What is being read is not thrown out.
        assert count(sources[0], root, max_bytes=0) == 1
        assert len(entries(root)) == 2
    count(sources[2], root, max_bytes=0)
    assert len(entries(root)) == 1


def test_a_damaged_entry_is_made_anew(tmp_path: Path) -> None:
    source, root = scap(tmp_path / "a.scap"), tmp_path / "cache"
    count(source, root)
    (entries(root)[0] / "manifest.json").write_text("{}")
    for file in (entries(root)[0] / "syscall").iterdir():
        file.unlink()
    assert count(source, root) == 1


def test_what_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    (tmp_path / "a.scap").write_bytes(b"nonsense")
    with pytest.raises(CaptureError, match="cannot be read as a"):
        open_scap(tmp_path / "a.scap", folder=root)
    with pytest.raises(CaptureError, match="No such file"):
        open_scap(tmp_path / "b.scap", folder=root)
    assert entries(root) == []


def test_a_cache_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CaptureError, match="XDG_CACHE_HOME"):
        open_scap(scap(tmp_path / "a.scap"), folder=tmp_path / "file" / "cache")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(CaptureError, match="or is a link"):
        open_scap(tmp_path / "a.scap", folder=tmp_path / "link")


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "falcowb" / "scap"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() == Path.home() / ".cache" / "falcowb" / "scap"


OPEN = """
    import sys, time
    from pathlib import Path
    from workbench.core.scap_cache import open_scap
    def progress(events, fraction):
        if sys.argv[3:]:
            print("importing", flush=True)
            time.sleep(60)
    with open_scap(sys.argv[1], progress, folder=Path(sys.argv[2])) as capture:
        print(capture.count, sum(1 for _ in capture.system_calls()), flush=True)
"""


def test_several_at_once(tmp_path: Path) -> None:
    source, root = scap(tmp_path / "a.scap", 1000), tmp_path / "cache"
    command = [sys.executable, "-c", textwrap.dedent(OPEN), str(source), str(root)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (out, err) == (b"1000 2\n", b"")
    assert len(entries(root)) == 1


def test_a_killed_import_is_cleared_away_and_does_not_block(tmp_path: Path) -> None:
    source, root = scap(tmp_path / "a.scap"), tmp_path / "cache"
    command = [sys.executable, "-c", textwrap.dedent(OPEN), str(source), str(root), "slowly"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"importing\n"
        os.kill(process.pid, signal.SIGKILL)
    assert count(source, root) == 1
    for path in root.glob("new-*"):
        os.utime(path, (1, 1))
    assert count(source, root) == 1
    assert len(entries(root)) == 1 and not list(root.glob("new-*"))
