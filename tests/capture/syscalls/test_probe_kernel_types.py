"""Offsets from the kernel's own types; processes that belong together."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.syscalls.btf import VMLINUX, KernelTypes
from capture.syscalls.family import families, in_containers
from capture.syscalls.offsets import probe_offsets

needs_types = pytest.mark.skipif(not VMLINUX.exists(), reason=f"this kernel has no {VMLINUX}")


def made(folder: Path) -> Path:
    """Types written by hand: ``struct outer { int a; union { int b; alias in; }; int c : 1; }``,
    ``struct inner { long x; int y; }``, which alias stands for, and ``enum e { ONE = 1 }``."""
    strings = b"\0"
    places: dict[str, int] = {}
    for word in ("int", "long", "inner", "x", "y", "outer", *"abce", "in", "ONE", "alias"):
        places[word] = len(strings)
        strings += word.encode() + b"\0"

    def head(name: str, kind: int, count: int, size: int, flag: int = 0) -> bytes:
        return struct.pack("<III", places.get(name, 0), flag << 31 | kind << 24 | count, size)

    def member(name: str, type_: int, offset: int) -> bytes:
        return struct.pack("<III", places.get(name, 0), type_, offset)

    types = [
        head("int", 1, 0, 4) + bytes(4),  # 1
        head("long", 1, 0, 8) + bytes(4),  # 2
        head("inner", 4, 2, 16) + member("x", 2, 0) + member("y", 1, 64),  # 3
        head("alias", 8, 0, 3),  # 4: a typedef of inner
        head("", 5, 2, 16) + member("b", 1, 0) + member("in", 4, 0),  # 5
        head("outer", 4, 3, 32, 1)
        + member("a", 1, 0)
        + member("", 5, 64)
        + member("c", 1, 1 << 24 | 195),  # 6
        head("e", 6, 1, 4) + struct.pack("<Ii", places["ONE"], 1),  # 7
    ]
    body = b"".join(types)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings))
    path = folder / "types"
    path.write_bytes(header + body + strings)
    return path


def test_members_by_path(tmp_path: Path):
    types = KernelTypes(made(tmp_path))
    assert types.offset("outer.a") == 0
    assert types.offset("outer.b") == 8
    assert types.offset("outer.in.y") == 16
    assert types.bit("outer.c") == (24, 1 << 3)
    assert (types.size("inner"), types.size("outer")) == (16, 32)
    assert types.value("e", "ONE") == 1
    assert types.first(["outer.zz", "outer.a"]) == ("outer.a", 0)
    assert types.mentions("nothing alias") and not types.mentions("lia")
    for missing in ("outer.zz", "outer.in.zz", "nothing.a"):
        with pytest.raises(KeyError):
            types.offset(missing)


@pytest.mark.parametrize(
    "content", [b"", b"\x9f\xeb", b"\0" * 100, b"\x9f\xeb\x01\0" + b"\xff" * 40]
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, content: bytes):
    (tmp_path / "types").write_bytes(content)
    with pytest.raises(CaptureError, match="cannot be read"):
        KernelTypes(tmp_path / "types")
    with pytest.raises(CaptureError, match="does not describe its types"):
        KernelTypes(tmp_path / "nothing")


def test_a_kernel_that_is_laid_out_otherwise(tmp_path: Path):
    with pytest.raises(CaptureError, match="laid out in a way the probe does not know"):
        probe_offsets(KernelTypes(made(tmp_path)))


@needs_types
def test_this_kernel_has_all_that_the_probe_wants():
    offsets = probe_offsets(KernelTypes())
    assert offsets["OFF_PID_NUMBERS"] > 0 and offsets["FILE_PART"] % 8 == 0
    assert all(isinstance(value, int) for value in offsets.values())


def test_descendants():
    child = subprocess.Popen(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    try:
        assert {child.pid, grandchild} <= families([child.pid])
        assert {child.pid, grandchild, os.getpid()} <= families([os.getpid()])
        assert os.getpid() not in families([child.pid])
        assert families([]) == set()
        assert in_containers([]) == set()
        assert in_containers(["no-such-container-id"]) == set()
    finally:
        os.kill(grandchild, 9)
        child.wait()
