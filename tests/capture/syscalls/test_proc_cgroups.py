"""Control groups as libscap writes them, on hosts of version 1, of version 2, of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capture.syscalls.proc_cgroups import Cgroups
from capture.syscalls.procfs import MAX_CGROUPS


class Host:
    """A ``/proc`` of a host and the file systems of its control groups, made up."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.root = self.proc / "1" / "root"
        for pid in ("1", "self"):
            (self.proc / pid / "ns").mkdir(parents=True)
            (self.proc / pid / "ns" / "cgroup").symlink_to("cgroup:[1]")
        (self.proc / "1" / "mounts").write_text("proc /proc proc rw 0 0\n")
        self.root.mkdir()

    def mount(self, kind: str, where: str, options: str) -> Path:
        with (self.proc / "1" / "mounts").open("a") as mounts:
            mounts.write(f"{kind} {where.replace(' ', chr(92) + '040')} {kind} {options} 0 0\n")
        place = self.root / where.lstrip("/")
        place.mkdir(parents=True)
        return place

    def group(self, place: Path, controllers: str, *pids: int) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / "cgroup.controllers").write_text(f"{controllers}\n")
        (place / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))

    def of(self, content: bytes) -> list[str]:
        told = Cgroups(str(self.proc)).of(content)
        assert told == b"" or told.endswith(b"\0")
        return told.decode().split("\0")[:-1]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_version_1_tells_each_controller(host: Host):
    host.mount("cgroup", "/sys/fs/cgroup/cpu,cpuacct", "rw,cpu,cpuacct")
    told = host.of(b"4:memory:/a/b\n3:cpu,cpuacct:/docker/x:y\n1:name=systemd:/init.scope\n0::/x\n")
    assert told == [
        "memory=/a/b",
        "cpu=/docker/x:y",
        "cpuacct=/docker/x:y",
        "name=systemd=/init.scope",
    ]


def test_version_2_tells_where_each_controller_ends(host: Host):
    top = host.mount("cgroup2", "/sys/fs/cgroup", "rw")
    host.group(top, "cpuset cpu io memory hugetlb pids")
    host.group(top / "user.slice", "cpuset cpu memory pids")
    host.group(top / "user.slice/user-0.slice", "memory pids")
    told = host.of(b"0::/user.slice/user-0.slice\n")
    assert told == [
        "memory=/user.slice/user-0.slice",
        "pids=/user.slice/user-0.slice",
        "cpuset=/user.slice",
        "cpu=/user.slice",
        "io=/",
        "hugetlb=/",
    ]
    assert host.of(b"0::/\n") == [
        f"{name}=/" for name in ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")
    ]


def test_a_group_that_is_gone_is_as_the_one_above(host: Host):
    top = host.mount("cgroup2", "/sys/fs/cgroup", "rw")
    host.group(top, "memory")
    assert host.of(b"0::/gone/deeper\n") == ["memory=/"]


def test_both_versions_at_once(host: Host):
    host.mount("cgroup", "/sys/fs/cgroup/memory", "rw,memory")
    unified = host.mount("cgroup2", "/sys/fs/cgroup/unified dir", "rw")
    host.group(unified, "")
    host.group(unified / "a", "")
    assert host.of(b"2:memory:/m\n0::/a\n") == ["memory=/m"]


def test_seen_from_a_namespace_of_its_own(host: Host):
    """In a container with the host's processes, paths begin at the container's own group."""
    for place in (host.proc / "self" / "ns" / "cgroup",):
        place.unlink()
        place.symlink_to("cgroup:[2]")
    top = host.mount("cgroup2", "/sys/fs/cgroup", "rw")
    host.group(top, "cpu memory")
    host.group(top / "system.slice", "cpu memory")
    host.group(top / "system.slice" / "docker-1.scope", "cpu memory", os.getpid())
    host.group(top / "system.slice" / "ssh.service", "cpu memory")
    assert host.of(b"0::/\n") == [
        "cpu=/system.slice/docker-1.scope",
        "memory=/system.slice/docker-1.scope",
    ]
    assert host.of(b"0::/../ssh.service\n")[0] == "cpu=/system.slice/ssh.service"
    assert host.of(b"0::/../..\n") == ["cpu=/", "memory=/"]


def test_no_more_is_told_than_libscap_keeps(host: Host):
    long = b"".join(b"%d:c%d:/%b\n" % (i, i, b"x" * 900) for i in range(9))
    told = Cgroups(str(host.proc)).of(long)
    assert len(told) <= MAX_CGROUPS and told.count(b"\0") == 4


@pytest.mark.parametrize("content", [b"", b"\n", b"::::\n", b"a\nb:c\n0::\n", b"\xff:\xff:\xff\n"])
def test_nonsense(content: bytes, host: Host):
    top = host.mount("cgroup2", "/sys/fs/cgroup", "rw")
    host.group(top, "cpu")
    for entry in host.of(content) if b"\xff" not in content else []:
        assert "=" in entry
    Cgroups(str(host.proc)).of(content)


def test_no_mounts_at_all(tmp_path: Path):
    assert Cgroups(str(tmp_path)).of(b"3:cpu:/a\n0::/b\n") == b"cpu=/a\0"
