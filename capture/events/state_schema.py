"""Arrow form of the state a capture starts with: threads, files, users, groups, machine.

These are the tables of one section of a ``.scap`` with every field that libscap reads. A field that
the capture's version does not have is null; libscap then assumes ``THREAD_DEFAULTS``. Texts are
binary (kernel bytes), addresses are raw bytes in network order, 4 or 16 of them.
"""

from __future__ import annotations

import pyarrow as pa

#: One row a thread, in file order; a later row of the same ``tid`` replaces an earlier one.
#: ``args``, ``env`` and ``cgroups`` are NUL-separated. Times are nanoseconds since the epoch.
THREADS = pa.schema(
    [
        pa.field("tid", pa.int64()),
        pa.field("pid", pa.int64()),
        pa.field("ptid", pa.int64()),
        pa.field("sid", pa.int64()),
        pa.field("vpgid", pa.int64()),
        pa.field("comm", pa.binary()),
        pa.field("exe", pa.binary()),
        pa.field("exepath", pa.binary()),
        pa.field("args", pa.binary()),
        pa.field("cwd", pa.binary()),
        pa.field("fdlimit", pa.int64()),
        pa.field("flags", pa.uint32()),
        pa.field("uid", pa.uint32()),
        pa.field("gid", pa.uint32()),
        pa.field("vmsize_kb", pa.uint32()),
        pa.field("vmrss_kb", pa.uint32()),
        pa.field("vmswap_kb", pa.uint32()),
        pa.field("pfmajor", pa.uint64()),
        pa.field("pfminor", pa.uint64()),
        pa.field("env", pa.binary()),
        pa.field("vtid", pa.int64()),
        pa.field("vpid", pa.int64()),
        pa.field("cgroups", pa.binary()),
        pa.field("root", pa.binary()),
        pa.field("pidns_init_start_ts", pa.uint64()),
        pa.field("tty", pa.uint32()),
        pa.field("loginuid", pa.uint32()),
        pa.field("exe_writable", pa.uint8()),
        pa.field("cap_inheritable", pa.uint64()),
        pa.field("cap_permitted", pa.uint64()),
        pa.field("cap_effective", pa.uint64()),
        pa.field("exe_upper_layer", pa.uint8()),
        pa.field("exe_ino", pa.uint64()),
        pa.field("exe_ino_ctime", pa.uint64()),
        pa.field("exe_ino_mtime", pa.uint64()),
        pa.field("exe_from_memfd", pa.uint8()),
        pa.field("exe_lower_layer", pa.uint8()),
        pa.field("pgid", pa.int64()),
    ]
)

#: What libscap assumes for a field that the capture does not have; 0 or empty for all others.
THREAD_DEFAULTS: dict[str, int] = {
    "sid": -1,
    "vpgid": -1,
    "pgid": -1,
    "vtid": -1,
    "vpid": -1,
    "loginuid": 0xFFFFFFFF,
}

#: One row an open file of the thread ``tid``. ``type`` is libscap's number (``FD_TYPES``). Sockets
#: have addresses, ports (host order) and ``l4proto``; a listening one has only the source. Unix
#: sockets have the kernel's ``source`` and ``destination`` and their path as ``name``.
FDS = pa.schema(
    [
        pa.field("tid", pa.int64()),
        pa.field("fd", pa.int64()),
        pa.field("ino", pa.uint64()),
        pa.field("type", pa.uint8()),
        pa.field("name", pa.binary()),
        pa.field("open_flags", pa.uint32()),
        pa.field("dev", pa.uint32()),
        pa.field("source_ip", pa.binary()),
        pa.field("dest_ip", pa.binary()),
        pa.field("source_port", pa.uint16()),
        pa.field("dest_port", pa.uint16()),
        pa.field("l4proto", pa.uint8()),
        pa.field("source", pa.uint64()),
        pa.field("destination", pa.uint64()),
    ]
)

FD_TYPES: dict[int, str] = {
    0: "unknown",
    1: "file",
    2: "directory",
    3: "ipv4",
    4: "ipv6",
    5: "ipv4_listening",
    6: "ipv6_listening",
    7: "fifo",
    8: "unix",
    9: "event",
    10: "unsupported",
    11: "signalfd",
    12: "eventpoll",
    13: "inotify",
    14: "timerfd",
    15: "netlink",
    16: "file_v2",
    17: "bpf",
    18: "userfaultfd",
    19: "io_uring",
    20: "memfd",
    21: "pidfd",
}

USERS = pa.schema(
    [
        pa.field("uid", pa.uint32()),
        pa.field("gid", pa.uint32()),
        pa.field("name", pa.binary()),
        pa.field("homedir", pa.binary()),
        pa.field("shell", pa.binary()),
    ]
)

GROUPS = pa.schema([pa.field("gid", pa.uint32()), pa.field("name", pa.binary())])

#: One row, or none. ``boot_ts_epoch`` is nanoseconds since the epoch.
MACHINE = pa.schema(
    [
        pa.field("num_cpus", pa.uint32()),
        pa.field("memory_size_bytes", pa.uint64()),
        pa.field("max_pid", pa.uint64()),
        pa.field("hostname", pa.binary()),
        pa.field("boot_ts_epoch", pa.uint64()),
        pa.field("flags", pa.uint64()),
        pa.field("reserved3", pa.uint64()),
        pa.field("reserved4", pa.uint64()),
    ]
)

#: One row an address of an interface. ``linkspeed`` is null where the capture has none.
INTERFACES = pa.schema(
    [
        pa.field("name", pa.binary()),
        pa.field("address", pa.binary()),
        pa.field("netmask", pa.binary()),
        pa.field("broadcast", pa.binary()),
        pa.field("linkspeed", pa.uint64()),
    ]
)

#: The tables in the order in which the reader gives them.
TABLES: dict[str, pa.Schema] = {
    "threads": THREADS,
    "fds": FDS,
    "users": USERS,
    "groups": GROUPS,
    "machine": MACHINE,
    "interfaces": INTERFACES,
}
