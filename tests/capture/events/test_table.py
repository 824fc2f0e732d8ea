"""The event table is whole, and agrees with itself."""

from __future__ import annotations

from capture.events.table import dynamic_tables, event_table, flag_tables, syscalls


def test_codes_are_positions_and_pairs_are_enter_then_exit() -> None:
    table = event_table()
    assert len(table) == 454
    for event in table.types:
        assert table[event.code] is event
        assert event.enter == (event.code % 2 == 0)


def test_known_types() -> None:
    table = event_table()
    opened = table.by_key["SYSCALL_OPENAT_2_X"]
    assert (opened.code, opened.name, opened.enter, opened.category) == (
        307,
        "openat",
        False,
        "file",
    )
    assert [p.name for p in opened.parameters] == [
        "fd", "dirfd", "name", "flags", "mode", "dev", "ino",
    ]  # fmt: skip
    assert opened.parameters[2].directory == 1
    assert opened.parameters[3].table == "file_flags"
    assert opened.index("mode") == 4
    assert opened.index("nothing") == -1
    assert table.by_key["PLUGINEVENT_E"].code == 322
    assert table.by_key["ASYNCEVENT_E"].code == 402
    assert {t.code for t in table.by_name["execve"] if not t.old} == {293}
    assert "large_payload" in table[322].flags


def test_every_named_table_exists() -> None:
    flags, dynamics = flag_tables(), dynamic_tables()
    for event in event_table().types:
        assert len(event.parameters) <= 32
        for parameter in event.parameters:
            if parameter.type == "dyn":
                assert parameter.table in dynamics
            elif parameter.table:
                assert parameter.table in flags
            assert -1 <= parameter.directory < len(event.parameters)


def test_flag_values() -> None:
    flags = flag_tables()
    assert dict(flags["file_flags"])["O_RDONLY"] == 1
    assert flags["socket_families"][-1] == ("AF_UNSPEC", 0)
    assert dict(flags["errno"])["EACCES"] == 13
    assert dict(flags["signal"])["SIGKILL"] == 9


def test_syscalls() -> None:
    calls = syscalls()
    by_name = {call.name: call for call in calls.values()}
    table = event_table()
    assert (by_name["openat"].x86_64, by_name["openat"].aarch64) == (257, 56)
    assert table[by_name["openat"].exit].key == "SYSCALL_OPENAT_2_X"
    assert table[by_name["getpid"].exit].key == "GENERIC_X"
    assert by_name["open"].aarch64 == -1
    for event in table.types:
        assert all(name == "*" or name in by_name for name in event.syscalls)
