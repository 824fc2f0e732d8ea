"""``evt.*``: facts of the event itself."""

from __future__ import annotations

import numpy as np
import pytest

from capture.errors import FalcowbError
from engine.fields.model import FieldInfo, FieldRef, FieldType
from engine.syscalls.segment import SyscallSource
from tests.engine.syscalls.made import BASE, Made, batch, made, segment, values

READ = made("SYSCALL_READ_X", res=3, data=b"a\0\xff", fd=0, size=8)
FAILED = made("SYSCALL_OPENAT_2_X", fd=-2, dirfd=-100, name=b"x", flags=1, mode=0)
GENERIC = made("GENERIC_X", ID=0, nativeID=0)
PROCINFO = made("PROCINFO_E", cpu_usr=5, cpu_sys=2)


def test_names_and_kinds() -> None:
    of = segment([READ, FAILED, GENERIC, PROCINFO])
    assert values(of, "evt.type") == ["read", "openat", "read", "procinfo"]
    assert values(of, "syscall.type") == ["read", "openat", "read", None]
    assert values(of, "evt.dir") == ["<", "<", "<", ">"]
    assert values(of, "evt.is_async") == [False, False, False, True]
    assert values(of, "evt.asynctype") == [None, None, None, "procinfo"]
    assert values(of, "evt.io_dir") == ["read", None, None, None]
    assert values(of, "evt.is_io_write") == [False] * 4
    assert values(of, "evt.num") == [1, 2, 3, 4]
    assert values(of, "evt.count.exit") == [1, 1, 1, None]
    assert values(of, "evt.source") == ["syscall"] * 4


def test_a_call_unknown_to_the_driver_is_found_by_its_number() -> None:
    of = segment([made("GENERIC_X", ID=0, nativeID=9999), made("GENERIC_X", ID=0, nativeID=1)])
    assert values(of, "evt.type") == ["unknown", "write"]
    assert values(of, "evt.args") == ["", ""]


def test_asynchronous_events_carry_their_name() -> None:
    of = segment([made("ASYNCEVENT_E", tid=-1, plugin_id=0, name=b"mine", data=b"x")])
    source = SyscallSource()
    assert len(of) == 1 or len(source.segment(of.events.batch)) == 1
    assert values(of, "evt.type") == ["mine"]
    assert values(of, "evt.asynctype") == ["mine"]
    assert values(of, "syscall.type") == [None]


def test_category_of_input_and_output_is_that_of_the_file() -> None:
    of = segment(
        [
            READ,
            made("SYSCALL_WRITE_X", res=1, data=b"x", fd=1, size=1),
            made("SYSCALL_WRITE_X", res=1, data=b"x", fd=5, size=1),
            made("SYSCALL_WRITE_X", res=1, data=b"x", fd=77, size=1),
            made("SYSCALL_PIPE_X", res=0, fd1=8, fd2=9, ino=1),
            GENERIC,
        ]
    )
    assert values(of, "evt.category") == ["file", "ipc", "net", "unknown", "IPC", "other"]
    assert values(of, "evt.buflen") == [3, 1, 1, None, None, None]
    assert values(of, "evt.buflen.net.out") == [None, None, 1, None, None, None]


def test_outcome() -> None:
    of = segment([READ, FAILED, GENERIC, PROCINFO, made("SYSCALL_GETEUID_X", euid=0xFFFFFFFF)])
    assert values(of, "evt.res") == ["SUCCESS", "ENOENT", None, None, "<NONE>"]
    assert values(of, "evt.rawres") == [3, -2, None, None, -1]
    assert values(of, "evt.failed") == [False, True, None, None, True]
    assert values(of, "evt.count.error") == [0, 1, None, None, 1]
    assert values(of, "evt.count.error.file") == [0, 1, None, None, None]
    assert values(of, "evt.count.error.other") == [None, None, None, None, 1]


def test_an_event_without_parameters_returns_nothing() -> None:
    of = segment([Made("SOCKET_GETSOCKNAME_X", present=0)])
    assert values(of, "evt.rawres") == [None]
    assert values(of, "evt.arg[0]") == [None]


@pytest.mark.parametrize(
    ("flags", "mode", "result", "asks"),
    [
        (1, 0, 3, {"read"}),
        (3, 0, 3, {"read", "write"}),
        (2 | 4, 0o755, 3, {"write", "exec"}),
        (2, 0o755, 3, {"write"}),
        (2 | 4 | 16384, 0o600, 3, {"write", "create"}),
        (2 | 8192, 0o600, 3, {"write", "create"}),
        (2 | 8192, 0o600, -13, {"write"}),
    ],
)
def test_what_an_open_asks_for(flags: int, mode: int, result: int, asks: set[str]) -> None:
    of = segment(
        [
            made("SYSCALL_OPEN_X", fd=result, name=b"/a", flags=flags, mode=mode),
            made("SYSCALL_OPENAT2_X", fd=result, dirfd=-100, name=b"/a", flags=flags, mode=mode),
        ]
    )
    for what in ("read", "write", "exec", "create"):
        assert values(of, f"evt.is_open_{what}") == [what in asks] * 2


def test_times_since_the_first_event_that_is_no_meta_event() -> None:
    source = SyscallSource()
    one = source.segment(batch([PROCINFO, READ, READ]))
    two = source.segment(batch([READ], first=4))
    assert values(one, "evt.reltime")[1:] == [0, 1000]
    # Before anything has happened Falco counts from 1970.
    assert values(one, "evt.reltime")[0] == BASE + 1000
    assert values(two, "evt.reltime") == [2000]
    assert values(one, "evt.deltatime") == [0, 1000, 1000]
    assert values(two, "evt.deltatime") == [1000]
    assert values(two, "evt.rawtime") == [BASE + 4000]


def test_what_is_taken_shares_columns_and_asks_for_the_rest() -> None:
    of = segment([READ, FAILED, READ, PROCINFO])
    assert values(of, "evt.type")[1] == "openat"
    part = of.take(np.array([1, 3]))
    assert values(part, "evt.type") == ["openat", "procinfo"]
    assert values(part, "evt.num") == [2, 4]
    assert values(part, "evt.arg.name") == ["/home/u/x", None]
    assert values(part.take(np.array([0])), "proc.name") == ["cat"]
    assert len(values(of.take(np.array([], np.int64)), "evt.args")) == 0


def test_a_field_of_another_source() -> None:
    ref = FieldRef(FieldInfo("ka.verb", FieldType.CHARBUF), None, "ka.verb", False)
    with pytest.raises(FalcowbError, match=r"no field ka\.verb"):
        segment([READ]).columns([ref])


def test_cpu_use_is_told_by_process_information() -> None:
    def told(user: int, system: int) -> Made:
        return made("PROCINFO_E", cpu_usr=user, cpu_sys=system)

    of = segment([told(5, 2), READ, told(9, 2), told(500, 500)])
    assert values(of, "thread.cpu") == [0.0, None, 4.0, 100.0]
    assert values(of, "thread.cpu.system") == [0.0, None, 0.0, 100.0]
    assert values(of.take(np.array([1, 3])), "thread.cpu") == [None, 100.0]


def test_cpu_use_counts_from_one_segment_to_the_next() -> None:
    def told(tid: int, used: int) -> Made:
        return made("PROCINFO_E", tid, cpu_usr=used, cpu_sys=0)

    source = SyscallSource()
    source.segment(batch([told(50, 5), told(100, 7), told(50, 6)]))
    two = source.segment(batch([told(100, 9), told(3, 1), told(50, 9), told(50, 8)], first=4))
    used = two.ordered.cpu((0, 1))
    # CPU time that falls is huge as an unsigned number, and so the most there is.
    assert used is not None and used[1].tolist() == [2.0, 0.0, 3.0, 100.0]
    three = source.segment(batch([told(3, 4)], first=8))
    again = three.ordered.cpu((0,))
    assert again is not None and again[1].tolist() == [3.0]
