"""What a walk over events knows beyond the tables of a section: enough to go on unbroken.

``capture.events.state_schema`` has what the ``.scap`` format can say of a machine at rest. A
section made in the middle of events has these tables beside it (``Section.walked``); a reader that
does not know them, and a ``.scap``, do without: files then have no raw names and roles are guessed
again, threads do not know when they were cloned, and enter events are not joined with their exits.

Rows of ``walked_threads`` and ``walked_fds`` are those of ``threads`` and ``fds``, one by one.
"""

from __future__ import annotations

import pyarrow as pa

WALKED: dict[str, pa.Schema] = {
    # ``group``: row of walked_groups, -1 for none. ``last_fd``, ``last_type``, ``entered_*``: the
    # last file and enter event, for the exit that follows. Times are nanoseconds.
    "walked_threads": pa.schema(
        [
            pa.field("tid", pa.int64()),
            pa.field("container_id", pa.binary()),
            pa.field("clone_ts", pa.uint64()),
            pa.field("ctime_to_clone", pa.uint64()),
            pa.field("ctime_to_pidns", pa.uint64()),
            pa.field("reaper_tid", pa.int64()),
            pa.field("group", pa.int32()),
            pa.field("last_fd", pa.int64()),
            pa.field("last_type", pa.uint16()),
            pa.field("entered_valid", pa.uint8()),
            pa.field("entered_code", pa.int32()),
            pa.field("entered_directory", pa.int64()),
            pa.field("entered_flags", pa.uint32()),
            pa.field("entered_has_text", pa.uint8()),
            pa.field("entered_has_directory", pa.uint8()),
            pa.field("entered_text", pa.binary()),
            pa.field("live_children", pa.int64()),
        ]
    ),
    # ``flags``: those of ``engine.state.tables``. ``socket``: both ends as libsinsp overlays them,
    # 40 bytes, empty for none. ``pid``: of a pidfd. ``type``: -1 for a file of no type.
    "walked_fds": pa.schema(
        [
            pa.field("tid", pa.int64()),
            pa.field("fd", pa.int64()),
            pa.field("type", pa.int8()),
            pa.field("flags", pa.uint32()),
            pa.field("name_raw", pa.binary()),
            pa.field("pid", pa.int64()),
            pa.field("socket", pa.binary()),
        ]
    ),
    # Processes as groups of threads. ``mapped``: new threads of this ``pid`` join it.
    "walked_groups": pa.schema(
        [
            pa.field("pid", pa.int64()),
            pa.field("mapped", pa.uint8()),
            pa.field("reaper", pa.uint8()),
            pa.field("alive", pa.uint64()),
        ]
    ),
    # ``kind`` 0: thread ``tid`` is the next of the group in row ``of``; 1: the next child of thread
    # ``of``; 2 and 3: one that has gone is.
    "walked_links": pa.schema(
        [
            pa.field("kind", pa.uint8()),
            pa.field("of", pa.int64()),
            pa.field("tid", pa.int64()),
        ]
    ),
    # Threads that exited lately, oldest first: the parent's number and the thread's in one.
    "walked_exits": pa.schema([pa.field("key", pa.int64()), pa.field("time", pa.uint64())]),
    # ``kind`` negative: known by name alone, as ``engine.state.tables`` has it; 0: by the ``json``
    # that an event told.
    "walked_containers": pa.schema(
        [
            pa.field("id", pa.binary()),
            pa.field("kind", pa.int32()),
            pa.field("json", pa.binary()),
        ]
    ),
    # One row: what the last event leaves to be done before the next.
    "walked_pending": pa.schema(
        [
            pa.field("exited_tid", pa.int64()),
            pa.field("exited", pa.uint8()),
            pa.field("closed_tid", pa.int64()),
            pa.field("closed_fd", pa.int64()),
            pa.field("closed", pa.uint8()),
        ]
    ),
}
