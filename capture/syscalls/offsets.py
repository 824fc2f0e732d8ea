"""Offsets that the probe is compiled with, found in the types of the running kernel.

Names of members changed over the years (Linux 5.8 to 6.18 are known); the first that the kernel has
is taken.
"""

from __future__ import annotations

from capture.errors import CaptureError
from capture.syscalls.btf import KernelTypes

#: What the probe calls an offset, and the members it may be, newest last where that matters.
_MEMBERS = {
    "STATUS": "task_struct.thread_info.status",
    "PID": "task_struct.pid",
    "TGID": "task_struct.tgid",
    "FLAGS": "task_struct.flags",
    "REAL_PARENT": "task_struct.real_parent",
    "CHILDREN": "task_struct.children",
    "THREAD_NODE": "task_struct.thread_node",
    "SIGNAL": "task_struct.signal",
    "CRED": "task_struct.cred",
    "MM": "task_struct.mm",
    "FILES": "task_struct.files",
    "NSPROXY": "task_struct.nsproxy",
    "THREAD_PID": "task_struct.thread_pid",
    "CGROUPS": "task_struct.cgroups",
    "MAJ_FLT": "task_struct.maj_flt",
    "MIN_FLT": "task_struct.min_flt",
    "EXIT_CODE": "task_struct.exit_code",
    "START_TIME": "task_struct.start_time",
    "THREAD_HEAD": "signal_struct.thread_head",
    "PIDS": "signal_struct.pids",
    "TTY": "signal_struct.tty",
    "LIVE": "signal_struct.live",
    "RLIM": "signal_struct.rlim",
    "PID_LEVEL": "pid.level",
    "PID_NUMBERS": "pid.numbers",
    "UPID_NR": "upid.nr",
    "UPID_NS": "upid.ns",
    "NS_LEVEL": "pid_namespace.level",
    "NS_REAPER": "pid_namespace.child_reaper",
    "NS_FOR_CHILDREN": "nsproxy.pid_ns_for_children",
    "EUID": "cred.euid",
    "EGID": "cred.egid",
    "FSUID": "cred.fsuid",
    "FSGID": "cred.fsgid",
    "CAP_INHERITABLE": "cred.cap_inheritable",
    "CAP_PERMITTED": "cred.cap_permitted",
    "CAP_EFFECTIVE": "cred.cap_effective",
    "GROUP_INFO": "cred.group_info",
    "USER_NS": "cred.user_ns",
    "NGROUPS": "group_info.ngroups",
    "GROUP_GID": "group_info.gid",
    "UID_MAP": "user_namespace.uid_map",
    "GID_MAP": "user_namespace.gid_map",
    "NR_EXTENTS": "uid_gid_map.nr_extents",
    "EXTENT": "uid_gid_map.extent",
    "ARG_START": "mm_struct.arg_start",
    "ARG_END": "mm_struct.arg_end",
    "ENV_START": "mm_struct.env_start",
    "ENV_END": "mm_struct.env_end",
    "EXE_FILE": "mm_struct.exe_file",
    "TOTAL_VM": "mm_struct.total_vm",
    "SUBSYS": "css_set.subsys",
    "CSS_CGROUP": "cgroup_subsys_state.cgroup",
    "CGROUP_KN": "cgroup.kn",
    "KN_NAME": "kernfs_node.name",
    "KN_PARENT": "kernfs_node.parent kernfs_node.__parent",
    "FDT": "files_struct.fdt",
    "FDTAB": "files_struct.fdtab",
    "MAX_FDS": "fdtable.max_fds",
    "FD": "fdtable.fd",
    "F_INODE": "file.f_inode",
    "F_PATH": "file.f_path",
    "F_MODE": "file.f_mode",
    "PRIVATE_DATA": "file.private_data",
    "PATH_MNT": "path.mnt",
    "PATH_DENTRY": "path.dentry",
    "I_INO": "inode.i_ino",
    "I_SB": "inode.i_sb",
    "I_MODE": "inode.i_mode",
    "I_UID": "inode.i_uid",
    "I_GID": "inode.i_gid",
    "I_FLAGS": "inode.i_flags",
    "CTIME_SEC": "inode.i_ctime_sec inode.__i_ctime.tv_sec inode.i_ctime.tv_sec",
    "CTIME_NSEC": "inode.i_ctime_nsec inode.__i_ctime.tv_nsec inode.i_ctime.tv_nsec",
    "MTIME_SEC": "inode.i_mtime_sec inode.__i_mtime.tv_sec inode.i_mtime.tv_sec",
    "MTIME_NSEC": "inode.i_mtime_nsec inode.__i_mtime.tv_nsec inode.i_mtime.tv_nsec",
    "S_DEV": "super_block.s_dev",
    "S_MAGIC": "super_block.s_magic",
    "S_FLAGS": "super_block.s_flags",
    "D_PARENT": "dentry.d_parent",
    "D_NAME": "dentry.d_name dentry.__d_name",
    "D_SB": "dentry.d_sb",
    "D_INODE": "dentry.d_inode",
    "QSTR_NAME": "qstr.name",
    "MNT": "mount.mnt",
    "MNT_PARENT": "mount.mnt_parent",
    "MNT_MOUNTPOINT": "mount.mnt_mountpoint",
    "MNT_ROOT": "vfsmount.mnt_root",
    "SOCKET_SK": "socket.sk",
    "FAMILY": "sock.__sk_common.skc_family",
    "DADDR": "sock.__sk_common.skc_daddr",
    "DPORT": "sock.__sk_common.skc_dport",
    "BACKLOG": "sock.sk_ack_backlog",
    "MAX_BACKLOG": "sock.sk_max_ack_backlog",
    "INET_SADDR": "inet_sock.inet_saddr",
    "INET_SPORT": "inet_sock.inet_sport",
    "TTY_DRIVER": "tty_struct.driver",
    "TTY_INDEX": "tty_struct.index",
    "MAJOR": "tty_driver.major",
    "MINOR_START": "tty_driver.minor_start",
    "BPRM_FILENAME": "linux_binprm.filename",
}

#: What a kernel may be built without, or have in a module: then the offset does no harm.
_OPTIONAL = {
    "LOGINUID": "task_struct.loginuid",
    "DADDR6": "sock.__sk_common.skc_v6_daddr",
    "PINET6": "inet_sock.pinet6",
    "INET6_SADDR": "ipv6_pinfo.saddr",
    "UNIX_PEER": "unix_sock.peer",
    "UNIX_ADDR": "unix_sock.addr",
    "UNIX_NAME": "unix_address.name",
}

_CONTROLLERS = {
    "CPUSET": "cpuset_cgrp_id",
    "CPU": "cpu_cgrp_id",
    "CPUACCT": "cpuacct_cgrp_id",
    "IO": "io_cgrp_id",
    "MEMORY": "memory_cgrp_id",
}

_RLIMIT_NOFILE = 7


def probe_offsets(types: KernelTypes) -> dict[str, int]:
    """Names and values that ``probe.c`` wants defined. Raises CaptureError when the kernel lacks
    something that the probe cannot do without."""
    found: dict[str, int] = {}
    try:
        for name, members in _MEMBERS.items():
            found[f"OFF_{name}"] = types.first(members.split())[1]
        found["OFF_NOFILE"] = found.pop("OFF_RLIM") + 16 * _RLIMIT_NOFILE
        found["SIZE_UPID"] = types.size("upid")
        found["SIZE_INODE"] = types.size("inode")
        found["OFF_RSS"], found["SIZE_RSS"] = _rss(types)
        found["PIDTYPE_TGID"] = types.value("pid_type", "PIDTYPE_TGID")
        found["PIDTYPE_PGID"] = types.value("pid_type", "PIDTYPE_PGID")
        for name in ("has_child_subreaper", "is_child_subreaper"):
            offset, mask = types.bit(f"signal_struct.{name}")
            short = name.split("_", maxsplit=1)[0].upper() + "_SUBREAPER"
            found[f"OFF_{short}"], found[f"MASK_{short}"] = offset, mask
    except KeyError as error:
        raise CaptureError(
            f"this kernel is laid out in a way the probe does not know: it has no {error.args[0]}",
            hint="please report it with the version of the kernel (uname -r)",
        ) from error
    found |= _parts(found)
    for name, member in _OPTIONAL.items():
        try:
            found[f"OFF_{name}"] = types.offset(member)
        except KeyError:
            found[f"OFF_{name}"] = 0
    found["HAS_LOGINUID"] = int(found["OFF_LOGINUID"] != 0)
    for name, enumerator in _CONTROLLERS.items():
        try:
            found[f"SUBSYS_{name}"] = types.value("cgroup_subsys_id", enumerator)
        except KeyError:
            found[f"SUBSYS_{name}"] = -1
    return found


def _parts(at: dict[str, int]) -> dict[str, int]:
    """Parts of structs that the probe reads at once: where each begins, and its bytes in whole
    words, from the first member wanted of it to the last."""
    table = max(at["OFF_MAX_FDS"] + 4, at["OFF_FD"] + 8)
    spans = {
        "FILE": (0, max(at["OFF_F_MODE"] + 4, at["OFF_F_INODE"] + 8)),
        "FILES": (at["OFF_FDT"], at["OFF_FDTAB"] + table),
        "INODE": _span(at["OFF_I_SB"], at["OFF_I_INO"]),
        "SUPER": _span(at["OFF_S_DEV"] // 8 * 8, at["OFF_S_MAGIC"]),
    }
    found = {"FDTABLE": table}
    for name, (first, end) in spans.items():
        found[f"{name}_START"] = first
        found[f"{name}_PART"] = (end - first + 7) // 8 * 8
    return found


def _span(one: int, other: int) -> tuple[int, int]:
    """From the first of two words to the end of the second."""
    return min(one, other), max(one, other) + 8


def _rss(types: KernelTypes) -> tuple[int, int]:
    """Where a memory map counts its pages, and the distance between the four counts: counters of
    one word until Linux 6.1, per-CPU counters since."""
    start = types.offset("mm_struct.rss_stat")
    if types.has("mm_rss_stat"):
        return start + types.offset("mm_rss_stat.count"), 8
    return start + types.offset("percpu_counter.count"), types.size("percpu_counter")
