"""Directories, users, groups, capabilities, limits, memory, containers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .support import Made, Walk, begun, clone, execve, made, thread

STAT = made("SYSCALL_STAT_X", res=0)
ID = "a" * 64


def walk(**options: Any) -> Walk:
    return Walk(
        begun(
            threads=[thread(1, comm=b"init", ptid=0, uid=0, gid=0), thread(100)],
            fds=[{"tid": 100, "fd": 4, "type": 2, "name": b"/var/lib"}],
            users=[
                {"uid": 0, "gid": 0, "name": b"root", "homedir": b"/root", "shell": b"/bin/sh"},
                {"uid": 1000, "gid": 1000, "name": b"u", "homedir": b"/h", "shell": b"/s"},
            ],
            groups=[{"gid": 1000, "name": b"g"}],
        ),
        **options,
    )


@pytest.mark.parametrize(
    ("event", "cwd"),
    [
        (made("SYSCALL_CHDIR_X", res=0, path=b"/srv"), b"/srv/"),
        (made("SYSCALL_CHDIR_X", res=0, path=b"a/../b"), b"/home/u/b/"),
        (made("SYSCALL_CHDIR_X", res=0, path=b"/"), b"/"),
        (made("SYSCALL_CHDIR_X", res=-2, path=b"/srv"), b"/home/u/"),
        (made("SYSCALL_FCHDIR_X", res=0, fd=4), b"/var/lib/"),
        (made("SYSCALL_FCHDIR_X", res=0, fd=77), b"/home/u/"),
        (made("SYSCALL_GETCWD_X", res=9, path=b"/seen"), b"/seen/"),
    ],
)
def test_directories(event: Any, cwd: bytes) -> None:
    seen = walk()(event)
    assert seen.main is not None
    assert seen.main["cwd"] == cwd


def test_chroot() -> None:
    assert walk()(made("SYSCALL_CHROOT_X", res=0, path=b"/jail"))["root"] == b"/jail"
    assert walk()(made("SYSCALL_CHROOT_X", res=0, path=b"jail"))["root"] == b"/home/u/jail"
    assert walk()(made("SYSCALL_CHROOT_X", res=-1, path=b"/jail"))["root"] == b"/"


@pytest.mark.parametrize(
    ("key", "values", "column"),
    [
        ("SETUID", {"uid": 5}, "uid"), ("SETRESUID", {"ruid": 1, "euid": 5, "suid": 2}, "uid"),
        ("SETREUID", {"ruid": 1, "euid": 5}, "uid"), ("SETGID", {"gid": 5}, "gid"),
        ("SETRESGID", {"rgid": 1, "egid": 5, "sgid": 2}, "gid"),
        ("SETREGID", {"rgid": 1, "egid": 5}, "gid"),
    ],
)  # fmt: skip
def test_users_and_groups_of_a_thread(key: str, values: dict[str, Any], column: str) -> None:
    w = walk()

    def ask(res: int, values: dict[str, Any]) -> Any:
        return w(Made(f"SYSCALL_{key}_X", 100, {"res": res, **values}))[column]

    assert ask(0, values) == 5
    assert ask(-1, dict.fromkeys(values, 6)) == 5
    assert ask(0, dict.fromkeys(values)) == 5


def test_names_of_users_and_groups() -> None:
    w = walk()
    assert (w(STAT).user, w(STAT).group) == (b"u", b"g")
    w(made("SYSCALL_SETUID_X", res=0, uid=5), made("SYSCALL_SETGID_X", res=0, gid=6))
    assert (w(STAT).user, w(STAT).group) == (None, None)
    added = {"gid": 6, "name": b"five", "home": b"/5", "shell": b"/s", "container_id": b""}
    w(
        made("USER_ADDED_E", -1, uid=5, **added),
        made("GROUP_ADDED_E", -1, gid=6, name=b"six", container_id=b""),
    )
    assert (w(STAT).user, w(STAT).group) == (b"five", b"six")
    w(made("USER_ADDED_E", -1, uid=5, **{**added, "name": b"cinq"}))
    assert w(STAT).user == b"cinq"
    w(
        made("USER_DELETED_E", -1, uid=5, **added),
        made("GROUP_DELETED_E", -1, gid=6, name=b"six", container_id=b""),
    )
    assert (w(STAT).user, w(STAT).group) == (None, None)
    # What is told of the users of a container is not taken in, nor are entries of NIS.
    w(made("USER_ADDED_E", -1, uid=5, **{**added, "container_id": b"abc"}))
    w(made("USER_ADDED_E", -1, uid=5, **{**added, "name": b"+nis"}))
    assert w(STAT).user is None


def test_parameters_that_name_users_groups_and_threads() -> None:
    w = walk()
    seen = w(made("SYSCALL_SETRESUID_X", res=-1, ruid=1000, euid=77, suid=0))
    assert [parameter for parameter, _, _ in seen.references] == [1, 3]
    seen = w(made("SYSCALL_KILL_X", res=0, pid=1, sig=9))
    assert [parameter for parameter, _, _ in seen.references] == [1]
    assert w.history["threads"][seen.references[0][2]]["comm"] in (b"init", b"cat")
    assert w(made("SYSCALL_KILL_X", res=0, pid=999, sig=9)).references == []


def test_capabilities_and_namespaces() -> None:
    w = walk()
    key = "SYSCALL_CAPSET_X"
    seen = w(made(key, res=0, cap_inheritable=1, cap_permitted=2, cap_effective=3))
    assert (seen["cap_inheritable"], seen["cap_permitted"], seen["cap_effective"]) == (1, 2, 3)
    seen = w(made(key, res=-1, cap_inheritable=9, cap_permitted=9, cap_effective=9))
    assert seen["cap_effective"] == 3
    assert w(made("SYSCALL_UNSHARE_X", res=0, flags=1 << 5))["cap_effective"] == 3
    assert w(made("SYSCALL_UNSHARE_X", res=0, flags=1 << 20))["cap_effective"] == (1 << 41) - 1
    w = walk()
    seen = w(made("SYSCALL_SETNS_X", res=0, fd=4, nstype=1 << 20))
    assert seen["cap_permitted"] == (1 << 41) - 1


def test_sessions() -> None:
    w = walk()
    assert w(made("SYSCALL_SETSID_X", res=100))["sid"] == 100
    assert w(made("SYSCALL_SETSID_X", res=-1))["sid"] == 100


def test_limits_of_open_files() -> None:
    w = walk()
    limit = {"cur": 50, "max": 60, "resource": 7}
    assert w(made("SYSCALL_SETRLIMIT_X", res=0, **limit))["fd_limit"] == 50
    assert w(made("SYSCALL_GETRLIMIT_X", res=0, **{**limit, "cur": 51}))["fd_limit"] == 51
    assert w(made("SYSCALL_SETRLIMIT_X", res=0, **{**limit, "resource": 3}))["fd_limit"] == 51
    assert w(made("SYSCALL_SETRLIMIT_X", res=-1, **{**limit, "cur": 9}))["fd_limit"] == 51
    other = {"newcur": 70, "newmax": 80, "oldcur": 1, "oldmax": 2, "resource": 7}
    w(made("SYSCALL_PRLIMIT_X", 1, res=0, pid=100, **other))
    assert w(STAT)["fd_limit"] == 70
    assert w(made("SYSCALL_PRLIMIT_X", res=0, pid=0, **{**other, "newcur": 71}))["fd_limit"] == 71
    assert w(made("SYSCALL_PRLIMIT_X", res=0, pid=0, **{**other, "newcur": -1}))["fd_limit"] == 71


def test_memory() -> None:
    w = walk()
    seen = w(made("SYSCALL_BRK_4_X", res=1, vm_size=10, vm_rss=20, vm_swap=30))
    assert seen.memory == {
        "size_kb": 10, "rss_kb": 20, "swap_kb": 30, "major_faults": 0, "minor_faults": 0,
    }  # fmt: skip
    seen = w(
        made("SCHEDSWITCH_6_E", next=1, pgft_maj=1, pgft_min=2, vm_size=3, vm_rss=4, vm_swap=5)
    )
    assert seen.memory is not None
    assert (seen.memory["major_faults"], seen.memory["size_kb"]) == (1, 3)


def test_cgroups_and_container_ids() -> None:
    w = walk()
    seen = w(execve(100, cgroups=b"cpu_cgroup=/docker/" + ID.encode() + b"\0mem=/x\0io=/y\0"))
    assert seen["cgroups"] == b"cpu=/docker/" + ID.encode() + b"\0memory=/x\0blkio=/y"
    assert seen["container_id"] == ID[:12].encode()
    # One that cannot be read changes nothing.
    assert w(execve(100, cgroups=b"nonsense\0"))["container_id"] == ID[:12].encode()
    assert w(execve(100, cgroups=b"cpu=/\0"))["container_id"] == b""
    child = walk()(clone(300, 0, ptid=100, cgroups=b"cpu=/docker/" + ID.encode() + b"\0"))
    assert child["container_id"] == ID[:12].encode()
    plain = walk(containers=False)
    assert plain(execve(100, cgroups=b"cpu=/docker/" + ID.encode() + b"\0"))["container_id"] == b""


@pytest.mark.parametrize(
    ("cgroup", "container", "known"),
    [
        (f"/docker/{ID}", ID[:12], -1),
        (f"/system.slice/docker-{ID}.scope", ID[:12], -1),
        (f"/kubepods/besteffort/pod1/{ID}", ID[:12], -1),
        (f"/kubepods.slice/cri-containerd-{ID}.scope", ID[:12], -1),
        (f"/kubepods.slice/crio-{ID}.scope", ID[:12], -1),
        (f"/kubepods/pod1/crio-{ID}", ID[:12], -1),
        (f"/kubepods-besteffort.slice:cri-containerd:{ID}", ID[:12], -1),
        (f"/system.slice/nerdctl-{ID}.scope", ID[:12], -1),
        (f"/machine.slice/libpod-{ID}.scope", ID[:12], -1),
        (f"/machine.slice/libpod-{ID}.scope/container", ID[:12], -1),
        (f"/user.slice/libpod-payload-{ID}", ID[:12], -1),
        ("/default/short", "short", -1),
        ("/default/averyveryverylongname", "averyveryver", -1),
        ("/system.slice/ssh.service", "", -1),
        ("/user.slice/user-1000.slice/session-1.scope", "", -1),
        ("/", "", -1),
        ("/lxc/box/init", "box/init", -1),
        ("/lxc.payload.box", "box", -2),
        ("/m.libvirt-lxc", "m", -3),
        ("/machine.slice/machine-lxc\\x2dbox.scope", "box", -3),
        ("/libvirt/lxc/box", "lxc/box", -1),
        ("/bpm-job.scope", "job", -4),
    ],
)
def test_layouts_of_cgroups(cgroup: str, container: str, known: int) -> None:
    seen = walk()(execve(100, cgroups=b"cpu=" + cgroup.encode() + b"\0"))
    assert seen.lineage is not None
    assert (seen["container_id"].decode(), seen.lineage["container"]) == (container, known)


def container(**values: Any) -> bytes:
    return json.dumps({"container": values}).encode()


def test_what_is_told_about_containers() -> None:
    w = walk()
    event = execve(100, cgroups=b"cpu=/docker/" + ID.encode() + b"\0")
    seen = w(event)
    assert seen.lineage is not None
    assert seen.lineage["container"] == -1
    told = container(id=ID[:12], image="busybox")
    seen = w(made("CONTAINER_JSON_2_E", -1, json=told), event)
    assert seen.lineage is not None
    assert seen.lineage["container"] == 0
    more = container(id=ID[:12], image="nginx")
    asynchronous = made("ASYNCEVENT_E", -1, plugin_id=0, name=b"container", data=more + b"\0")
    seen = w(asynchronous, event)
    assert seen.lineage is not None
    assert seen.lineage["container"] == 1
    gone = made("ASYNCEVENT_E", -1, plugin_id=0, name=b"container_removed", data=more)
    seen = w(gone, event)
    assert seen.lineage is not None
    assert seen.lineage["container"] == -1


@pytest.mark.parametrize(
    "text",
    [b"{", b"[1]", b'{"container": 3}', b'{"container": {"id": 4}}', b"[" * 100_000, b"\xff"],
)
def test_nonsense_about_containers_is_passed_over(text: bytes) -> None:
    w = walk()
    w(made("CONTAINER_JSON_2_E", -1, json=text))
    assert w(STAT)["comm"] == b"cat"
