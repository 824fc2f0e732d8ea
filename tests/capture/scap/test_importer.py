"""Import of a .scap: everything kept, plugins apart, damage told."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.reader import Capture, open_capture
from capture.scap.importer import import_scap
from capture.scap.reader import ScapReader
from capture.validate import validate
from tests.capture.calls import plain

from .blocks import block, code, event, i64, section, text, u32

CLOSE = event("SYSCALL_CLOSE_X", i64(0), i64(3))
_EVE = b"\0" + struct.pack("<II", 7, 8) + text(b"eve") + text(b"/") + text(b"")
USER = block(0x220, struct.pack("<I", len(_EVE) + 4) + _EVE)


def plugin(number: int, data: bytes = b"{}") -> bytes:
    return event("PLUGINEVENT_E", u32(number), data, tid=-1, time=2_000)


def imported(path: Path, data: bytes) -> Capture:
    (path / "made.scap").write_bytes(data)
    import_scap(path / "made.scap", path / "made.fcap")
    assert validate(path / "made.fcap", full=True) == [] or open_capture(path / "made.fcap").missing
    return open_capture(path / "made.fcap")


def scap_items(path: Path) -> list[object]:
    with ScapReader(path) as reader:
        return plain(list(reader))


def test_sections_state_and_events_are_kept(tmp_path: Path) -> None:
    data = section() + USER + CLOSE + CLOSE + section() + section() + USER + CLOSE
    with imported(tmp_path, data) as capture:
        assert plain(list(capture.system_calls())) == scap_items(tmp_path / "made.scap")
        assert capture.complete and capture.state_count("users") == 2
        assert capture.state_count("sections") == 3


def test_where_it_comes_from(tmp_path: Path) -> None:
    machine = struct.pack("<IQQ128s4Q", 4, 1 << 30, 32768, b"host.example", 5, 0, 0, 0)
    data = gzip.compress(section() + block(0x201, machine) + CLOSE)
    with imported(tmp_path, data) as capture:
        origin = capture.manifest.origin
        assert origin and (origin.file, origin.format, origin.compression) == (
            "made.scap", "scap", "gzip",
        )  # fmt: skip
        assert origin.bytes == len(data) and len(origin.sha256) == 64
        assert (capture.manifest.host.name, capture.manifest.host.cpus) == ("host.example", 4)
        assert capture.manifest.clocks.start_time == 1_000


def test_events_of_plugins_go_to_their_sources(tmp_path: Path) -> None:
    data = section() + CLOSE + plugin(1, b"a") + plugin(77, b"b") + CLOSE + plugin(1, b"c")
    with imported(tmp_path, data) as capture:
        assert set(capture.sources) == {"syscall", "k8s_audit", "plugin_77"}
        audit = next(capture.batches("k8s_audit"))
        assert audit.column("num").to_pylist() == [2, 5]
        assert audit.column("data").to_pylist() == [b"a", b"c"]
        assert capture.source("k8s_audit").plugin.id == 1
        calls = [item for item in capture.system_calls() if not hasattr(item, "threads")]
        assert [n for item in calls for n in item.batch.column("num").to_pylist()] == [1, 4]


def test_a_capture_of_a_plugin_alone_has_no_system_calls(tmp_path: Path) -> None:
    with imported(tmp_path, section() + USER + plugin(2) + plugin(2)) as capture:
        assert capture.sources == ("aws_cloudtrail",) and capture.count == 2


def test_no_events_at_all(tmp_path: Path) -> None:
    with imported(tmp_path, section() + USER) as capture:
        assert capture.complete and capture.count == 0
        assert capture.state_count("users") == 1


def test_more_plugins_than_sources(tmp_path: Path) -> None:
    data = section() + b"".join(plugin(number) for number in range(1000, 1100))
    with imported(tmp_path, data) as capture:
        assert capture.count == 63
        assert capture.missing == ["37 events of plugins are left out: there are too many plugins."]


def test_a_damaged_file_is_imported_up_to_the_damage(tmp_path: Path) -> None:
    with imported(tmp_path, section() + CLOSE + CLOSE + b"\xff" * 64 + CLOSE) as capture:
        assert capture.count == 2 and not capture.complete
        assert "damaged or cut short" in capture.missing[0] + capture.missing[-1]
        assert any("after event 2" in text for text in capture.missing)


def test_unknown_events_are_noted(tmp_path: Path) -> None:
    with imported(tmp_path, section() + CLOSE + event(9999, b"x")) as capture:
        assert capture.manifest.complete and len(capture.missing) == 1
        assert "newer than the event table" in capture.missing[0]


def test_what_is_no_scap_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "x.scap").write_bytes(b"nonsense" * 100)
    with pytest.raises(CaptureError, match=r"cannot be read as a \.scap"):
        import_scap(tmp_path / "x.scap", tmp_path / "x.fcap")
    with pytest.raises(CaptureError, match="cannot be opened"):
        import_scap(tmp_path / "none.scap", tmp_path / "x.fcap")
    assert not (tmp_path / "x.fcap").exists()


def test_an_existing_capture_is_kept(tmp_path: Path) -> None:
    imported(tmp_path, section() + CLOSE).close()
    with pytest.raises(CaptureError, match="exists already"):
        import_scap(tmp_path / "made.scap", tmp_path / "made.fcap")
    import_scap(tmp_path / "made.scap", tmp_path / "made.fcap", overwrite=True)


def test_progress_may_stop_it(tmp_path: Path) -> None:
    (tmp_path / "made.scap").write_bytes(section() + CLOSE)

    def stop(events: int, _fraction: float | None) -> None:
        if events:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_scap(tmp_path / "made.scap", tmp_path / "made.fcap", progress=stop)
    with open_capture(tmp_path / "made.fcap") as capture:
        assert capture.count == 1 and not capture.complete
        assert "not finished: stopped by hand" in capture.missing[0]
    manifest = json.loads((tmp_path / "made.fcap" / "manifest.json").read_bytes())
    assert manifest["origin"]["file"] == "made.scap"


def test_the_code_of_a_plugin_event() -> None:
    assert code("PLUGINEVENT_E") == 322
