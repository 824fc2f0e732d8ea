"""``falcowb import`` and ``info`` of a .scap, as a user meets them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from tests.capture.scap.blocks import block, event, i64, section, text, u32
from tests.workbench.command import falcowb

CLOSE = event("SYSCALL_CLOSE_X", i64(0), i64(3))
OPEN = event("SYSCALL_OPEN_X", i64(3), b"/etc/passwd\0", u32(1), u32(0))


def scap(path: Path, extra: bytes = b"") -> Path:
    root = b"\0" + struct.pack("<II", 0, 0) + text(b"root") + text(b"/root") + text(b"/bin/sh")
    users = block(0x220, struct.pack("<I", len(root) + 4) + root)
    path.write_bytes(section() + users + CLOSE * 5 + OPEN + extra)
    return path


def test_import_and_what_info_says(tmp_path: Path) -> None:
    done = falcowb("import", scap(tmp_path / "a.scap"), "-o", tmp_path / "a.fcap")
    assert done.code == 0 and "syscall: 6 events imported." in done.out
    told = falcowb("info", tmp_path / "a.fcap", "--full")
    assert told.code == 0
    for words in ("imported from a.scap", "1 users", "close", "all is as stated", "SHA-256"):
        assert words in told.out
    data = json.loads(falcowb("info", tmp_path / "a.fcap", "--json").out)
    assert data["syscall"]["types"] == {"close": 5, "open": 1}
    assert data["syscall"]["state"]["users"] == 1
    assert data["origin"]["file"] == "a.scap"


def test_a_scap_is_looked_at_as_it_is(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    told = falcowb("info", scap(tmp_path / "a.scap"), env=env)
    assert told.code == 0 and f"{tmp_path / 'a.scap'}: complete" in told.out
    assert len(list((tmp_path / "cache" / "falcowb" / "scap").glob("*.fcap"))) == 1


def test_damage_is_told_and_exit_code_one(tmp_path: Path) -> None:
    source = scap(tmp_path / "a.scap", b"\xff" * 40)
    done = falcowb("import", source, "-o", tmp_path / "a.fcap", "--json")
    assert done.code == 1
    data = json.loads(done.out)
    assert data["events"] == {"syscall": 6} and data["notes"]
    told = falcowb("info", tmp_path / "a.fcap").out
    assert "ended early" in told and "after event 6" in told


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "x.scap").write_bytes(b"nonsense")
    done = falcowb("import", tmp_path / "x.scap", "-o", tmp_path / "x.fcap")
    assert done.code == 1 and "cannot be read as a .scap" in done.err
    done = falcowb("import", tmp_path / "none.scap", "-o", tmp_path / "x.fcap")
    assert done.code == 1 and "cannot be opened" in done.err
    scap(tmp_path / "a.scap")
    for code, more in ((0, []), (1, []), (0, ["--overwrite"])):
        done = falcowb("import", tmp_path / "a.scap", "-o", tmp_path / "a.fcap", *more)
        assert done.code == code
