"""Records ``intrusion.fcap``: this host's kernel watches ``intrusion.sh``.

    sudo .venv/bin/python samples/make_intrusion.py

The script runs with a bare environment in a folder of its own. What tells of the machine it was
recorded on, and not of the intrusion, is taken out afterwards: other processes and their files,
users of its own, names of control groups, interfaces, the folder falcowb lies in. All events stay
as they were.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.folder import MANIFEST
from capture.manifest_reading import read_manifest
from capture.reader import open_capture
from capture.writer import CaptureWriter

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "intrusion.fcap"
HOST = "shop-1"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Control groups of a thread that is in none, as the probe tells them.
CGROUPS = b"cpuset=/\0cpu=/\0cpuacct=/\0io=/\0memory=/\0"
INSTALLED, FALCOWB = bytes(Path(sys.executable).parent.parent), b"/opt/falcowb"
#: Users and groups from this number on are people's.
PEOPLE = 1000


def record(to: Path) -> None:
    """Runs the script from a folder that only it sees."""
    falcowb = Path(sys.executable).with_name("falcowb")
    subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c"),
            'mount -t tmpfs none /srv && cp "$1" /srv/ && cd /srv && shift && exec "$@"',
            *(
                "sh",
                HERE / "intrusion.sh",
                "env",
                "-i",
                f"PATH={PATH}",
                "HOME=/root",
                "LANG=C.UTF-8",
            ),
            *(f"FALCO_HOSTNAME={HOST}", falcowb, "capture", "-o", to),
            *("--", "bash", "/srv/intrusion.sh"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def keep(raw: Path, to: Path) -> None:
    """Writes what of a recording is of the intrusion."""
    with open_capture(raw) as capture:
        manifest = capture.manifest
        (source,) = manifest.sources
        assert not source.drops, "events were lost: record again"
        items = list(capture.system_calls())
    first = next(int(one.batch.column("tid")[0].as_py()) for one in items if not _is_section(one))
    info = replace(source, segments=(), drops=0)
    with CaptureWriter(to, [info], overwrite=True) as writer:
        for item in items:
            if isinstance(item, Section):
                writer.begin_section(_section(item, first))
            else:
                writer.write_events(_events(item))
    written = read_manifest((to / MANIFEST).read_bytes())
    host = replace(manifest.host, boot_id="")
    told = replace(written, host=host, clocks=manifest.clocks, notes=())
    (to / MANIFEST).write_bytes(told.to_json())


def _is_section(item: Section | EventBatch) -> bool:
    return isinstance(item, Section)


def _section(section: Section, first: int) -> Section:
    """The process that becomes the script, with its files, and its parent."""
    rows = section.threads.to_pylist()
    parent = next(row["ptid"] for row in rows if row["tid"] == first)
    threads = [_neutral(row) for row in rows if row["tid"] in (first, parent)]
    files = [row for row in section.fds.to_pylist() if row["tid"] == first]
    loopback = [row for row in section.interfaces.to_pylist() if row["name"] == b"lo"]
    users = [row for row in section.users.to_pylist() if row["uid"] < PEOPLE]
    groups = [row for row in section.groups.to_pylist() if row["gid"] < PEOPLE]
    return replace(
        section,
        threads=pa.RecordBatch.from_pylist(threads, section.threads.schema),
        fds=pa.RecordBatch.from_pylist(files, section.fds.schema),
        users=pa.RecordBatch.from_pylist(users, section.users.schema),
        groups=pa.RecordBatch.from_pylist(groups, section.groups.schema),
        interfaces=pa.RecordBatch.from_pylist(loopback, section.interfaces.schema),
    )


def _neutral(row: dict[str, Any]) -> dict[str, Any]:
    def told(text: bytes) -> bytes:
        return re.sub(rb"[^\0]*/raw\.fcap", b"intrusion.fcap", text.replace(INSTALLED, FALCOWB))

    kept = {key: told(value) if isinstance(value, bytes) else value for key, value in row.items()}
    return {**kept, "cgroups": CGROUPS}


def _events(batch: EventBatch) -> EventBatch:
    union = batch.batch.column("event")
    rebuilt = pa.UnionArray.from_dense(
        pa.array(batch.type_ids, pa.int8()),
        pa.array(batch.offsets, pa.int32()),
        list(map(_struct, batch.children)),
        [field.name for field in union.type],
    )
    columns = [
        rebuilt.cast(field.type) if field.name == "event" else batch.batch.column(field.name)
        for field in batch.batch.schema
    ]
    return EventBatch.of(pa.RecordBatch.from_arrays(columns, schema=batch.batch.schema))


def _struct(events: pa.StructArray) -> pa.StructArray:
    fields = list(events.type)
    arrays = [
        pa.array([CGROUPS] * len(events), field.type) if field.name == "cgroups" else array
        for field, array in zip(fields, events.flatten(), strict=True)
    ]
    return pa.StructArray.from_arrays(arrays, fields=fields) if fields else events


def found_in(folder: Path, words: Iterator[bytes]) -> list[bytes]:
    """Which of these words events or state of a capture hold."""
    with open_capture(folder) as capture:
        texts = [
            str(table.to_pylist()).encode()
            for item in capture.system_calls()
            for table in (
                [item.batch.column("event")]
                if isinstance(item, EventBatch)
                else [item.threads, item.fds, item.users, item.interfaces, item.machine]
            )
        ]
    texts.append((folder / MANIFEST).read_bytes())
    return [word for word in words if any(word in text for text in texts)]


def main() -> None:
    if os.geteuid():
        sys.exit(
            "make_intrusion.py: run it as root, on a host where falcowb capture --check is content"
        )
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.fcap"
        record(raw)
        shutil.rmtree(SAMPLE, ignore_errors=True)
        keep(raw, SAMPLE)
    telling = [
        bytes(HERE.parent),
        os.uname().nodename.encode() + b"'",
        b"/.venv",
        tempfile.gettempdir().encode() + b"/tmp",
    ]
    if left := found_in(SAMPLE, iter(telling)):
        shutil.rmtree(SAMPLE)
        sys.exit(f"make_intrusion.py: still told of this machine: {left}")
    size = sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file())
    print(f"{SAMPLE.name}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
