"""The columns of tables that are made whole, as Arrow has them.

Apart from what fills those: a question about what is there need not load the engine.
"""

from __future__ import annotations

import pyarrow as pa

TEXT = pa.dictionary(pa.int32(), pa.string())
LIST = pa.list_(pa.string())
TIME = pa.timestamp("ns")
_HEAD = [
    pa.field("section", pa.int32()),
    pa.field("serial", pa.int64()),
    pa.field("from_num", pa.int64()),
    pa.field("from_time", TIME),
]
IDS = ("tid", "pid", "ptid", "sid", "vpgid", "pgid", "vtid", "vpid")
THREAD_TEXTS = ("comm", "exe", "exepath", "cwd", "root", "container_id")
VECTORS = ("args", "env", "cgroups")
NUMBERS = ("uid", "gid", "loginuid", "tty", "fd_limit")
CAPS = ("cap_permitted", "cap_inheritable", "cap_effective")
MARKS = ("exe_writable", "exe_upper_layer", "exe_lower_layer", "exe_from_memfd")
THREADS = pa.schema(
    [
        *_HEAD,
        *(pa.field(name, pa.int64()) for name in IDS),
        *(pa.field(name, TEXT) for name in THREAD_TEXTS),
        pa.field("cmdline", TEXT),
        *(pa.field(name, LIST) for name in VECTORS),
        *(pa.field(name, pa.int64()) for name in NUMBERS),
        pa.field("user", TEXT),
        pa.field("login_user", TEXT),
        *(pa.field(name, pa.uint64()) for name in CAPS),
        *(pa.field(name, pa.bool_()) for name in MARKS),
        pa.field("clone_time", TIME),
        pa.field("is_main", pa.bool_()),
        pa.field("exited", pa.bool_()),
        pa.field("exit_code", pa.int64()),
        pa.field("exit_signal", pa.int64()),
    ]
)
FDS = pa.schema(
    [
        *_HEAD,
        pa.field("tid", pa.int64()),
        pa.field("fd", pa.int64()),
        pa.field("type", TEXT),
        pa.field("name", TEXT),
        pa.field("name_raw", TEXT),
        pa.field("open_flags", pa.int64()),
        pa.field("dev", pa.int64()),
        pa.field("ino", pa.uint64()),
        pa.field("l4proto", TEXT),
        pa.field("client_ip", TEXT),
        pa.field("client_port", pa.int64()),
        pa.field("server_ip", TEXT),
        pa.field("server_port", pa.int64()),
        pa.field("is_client", pa.bool_()),
        pa.field("is_server", pa.bool_()),
        pa.field("connected", pa.bool_()),
    ]
)
ALERTS = pa.schema(
    [
        pa.field("num", pa.int64()),
        pa.field("time", pa.timestamp("ns")),
        pa.field("source", pa.dictionary(pa.int32(), pa.string())),
        pa.field("rule", pa.dictionary(pa.int32(), pa.string())),
        pa.field("priority", pa.dictionary(pa.int32(), pa.string())),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("line", pa.string()),
    ]
)
