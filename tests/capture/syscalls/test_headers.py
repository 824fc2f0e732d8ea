"""Looking for kernel headers, in trees as distributions lay them out."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.syscalls.headers import cache_folder, find_headers

_SOURCE = ("include/linux/kconfig.h", "include/linux/sched.h", "arch/x86/include/asm/ptrace.h")
_GENERATED = (
    "include/generated/autoconf.h",
    "include/config/auto.conf",
    "arch/x86/include/generated/asm/unwind.h",
)


def make(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"/* {folder.name} {name} */")
    return folder


def find(root: Path, release: str = "6.9.0-1-amd64") -> Path:
    return find_headers(root=root, release=release, machine="x86_64", cache=root / "cache")


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BCC_KERNEL_SOURCE", raising=False)


def test_the_running_kernels_are_taken_before_newer_ones(tmp_path: Path):
    make(tmp_path / "usr/src/linux-headers-7.0.0", *_SOURCE, *_GENERATED)
    own = make(tmp_path / "lib/modules/6.9.0-1-amd64/build", *_SOURCE, *_GENERATED)
    assert find(tmp_path) == own


def test_else_the_newest_of_this_architecture(tmp_path: Path):
    make(tmp_path / "usr/src/linux-headers-6.2.0-9", *_SOURCE, *_GENERATED)
    newest = make(tmp_path / "usr/src/kernels/6.10.1-200.fc40", *_SOURCE, *_GENERATED)
    make(tmp_path / "usr/src/linux-headers-7.0.0", "include/linux/kconfig.h")  # not configured
    arm = make(tmp_path / "usr/src/linux-headers-8.0.0", *_SOURCE[:2], *_GENERATED[:2])
    (arm / "arch/arm64/include").mkdir(parents=True)
    assert find(tmp_path) == newest


def split(root: Path, release: str = "6.1.0-5") -> tuple[Path, Path]:
    """Debian's: a tree of the architecture, which a link in /lib/modules leads to, and a common."""
    source = make(root / f"usr/src/linux-headers-{release}-common", *_SOURCE, "scripts/a")
    build = make(root / f"usr/src/linux-headers-{release}-amd64", *_GENERATED, "scripts/a")
    (build / "Makefile").write_text(f"include /usr/src/{source.name}/Makefile\n")
    (root / "lib/modules" / f"{release}-amd64").mkdir(parents=True)
    (root / "lib/modules" / f"{release}-amd64/build").symlink_to(build)
    return build, source


def test_debians_split_tree_is_brought_together(tmp_path: Path):
    build, source = split(tmp_path)
    found = find(tmp_path)
    assert found.is_relative_to(tmp_path / "cache")
    for name in _SOURCE:
        assert (found / name).read_text() == (source / name).read_text()
    for name in _GENERATED:
        assert (found / name).read_text() == (build / name).read_text()
    assert found.stat().st_mode & 0o077 == 0
    again = find(tmp_path)
    assert again == found and len(list((tmp_path / "cache").iterdir())) == 1


def test_a_changed_tree_is_brought_together_anew(tmp_path: Path):
    _, source = split(tmp_path)
    found = find(tmp_path)
    make(source, "include/newer/file.h")
    os.utime(source / "include", ns=(1, 1))
    again = find(tmp_path)
    assert again != found and (again / "include/newer/file.h").is_file()


def test_a_cache_that_cannot_be_written(tmp_path: Path):
    split(tmp_path)
    (tmp_path / "cache").write_text("in the way")
    found = find(tmp_path)
    assert (found / _SOURCE[0]).is_file() and not found.is_relative_to(tmp_path)


def test_headers_that_the_kernel_carries(tmp_path: Path):
    make(tmp_path / "usr/src/linux-headers-7.0.0", *_SOURCE, *_GENERATED)
    (tmp_path / "sys/kernel").mkdir(parents=True)
    with tarfile.open(tmp_path / "sys/kernel/kheaders.tar.xz", "w:xz") as tar:
        for name in (*_SOURCE, *_GENERATED):
            member = tarfile.TarInfo(f"./{name}")
            member.size = 7
            tar.addfile(member, io.BytesIO(b"carried"))
    found = find(tmp_path)
    assert (found / _SOURCE[0]).read_text() == "carried"
    assert find(tmp_path) == found


def test_a_broken_archive_is_passed_over(tmp_path: Path):
    other = make(tmp_path / "usr/src/linux-headers-7.0.0", *_SOURCE, *_GENERATED)
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/kheaders.tar.xz").write_bytes(b"\xfd7zXZ\0 nonsense")
    assert find(tmp_path) == other
    leftover = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert leftover == []


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("ID=debian\n", "apt install linux-headers-amd64"),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', "apt install linux-headers-generic"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install kernel-devel-6.9.0"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install kernel-default-devel"),
        ("ID=strange\n", "linux-headers or kernel-devel"),
    ],
)
def test_none_is_one_message_that_names_the_package(tmp_path: Path, said: str, command: str):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(said)
    with pytest.raises(CaptureError, match="no kernel headers") as refused:
        find(tmp_path, release="6.9.0")
    assert command in refused.value.hint


def test_what_is_given_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = make(tmp_path / "given", *_SOURCE, *_GENERATED)
    monkeypatch.setenv("BCC_KERNEL_SOURCE", str(given))
    assert find(tmp_path) == given
    monkeypatch.setenv("BCC_KERNEL_SOURCE", str(tmp_path / "nowhere"))
    with pytest.raises(CaptureError, match="BCC_KERNEL_SOURCE"):
        find(tmp_path)


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "falcowb" / "headers"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "falcowb" / "headers"
