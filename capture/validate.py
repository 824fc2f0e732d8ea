"""Is this capture what it says it is? Every byte of a capture from elsewhere, checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from capture import batches as facts
from capture.errors import CaptureError
from capture.folder import (
    FOLDED_FILE,
    GAPS_FILE,
    MANIFEST,
    RESERVE_FILE,
    Folder,
    folder_source,
    segment_index,
    start_index,
)
from capture.ipc import Damage, Decoder, frames, read_schema
from capture.kinds import SYSTEM_CALLS, Kind, in_order, kind_of
from capture.manifest import SYSCALL, SegmentInfo, SourceInfo
from capture.reader import Capture, open_capture
from capture.schema import GAPS
from capture.state_tables import STATE_FILES, read_sections


class Level(Enum):
    """``ERROR``: something is lost or not as stated; ``WARNING``: odd, nothing is lost."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.level.value}: {self.where}: {self.text}"


def validate(path: str | os.PathLike[str], full: bool = True) -> list[Finding]:
    """Check a capture from anywhere; an empty list says that all is well.

    Without ``full`` the manifest, the files' kinds and sizes are checked; with it every batch is
    unpacked and compared with what was stated of it. Never raises for what a capture holds,
    unless it is of a newer format or no capture at all (:class:`CaptureError`).
    """
    path = Path(path)
    with open_capture(path) as capture, Folder.open(path) as root:
        findings = [Finding(Level.ERROR, path.name, text) for text in capture.missing]
        findings += _check_names(root, capture)
        if full:
            for info in capture.manifest.sources:
                findings += _check_source(root, info)
            findings += _check_folded(capture)
    return findings


def _check_names(root: Folder, capture: Capture) -> Iterator[Finding]:
    if os.fstat(root.fd).st_mode & 0o077:
        yield Finding(Level.WARNING, root.path.name, "others may enter this folder (wanted: 0700)")
    folders = {info.folder for info in capture.manifest.sources}
    for name in root.names():
        if name in (MANIFEST, RESERVE_FILE, f"{MANIFEST}.new", "derived") or name in folders:
            continue
        text = "a source that the manifest does not name" if folder_source(name) else "not ours"
        yield Finding(Level.WARNING, name[:200], text)
    for folder_name in sorted(folders):
        try:
            folder = root.subfolder(folder_name)
        except CaptureError:
            continue  # Among what is missing already.
        with folder:
            for name in folder.names():
                mode = os.stat(name, dir_fd=folder.fd, follow_symlinks=False).st_mode
                where = f"{folder_name}/{name[:200]}"
                if stat.S_ISDIR(mode) and start_index(name) is not None:
                    continue
                if not stat.S_ISREG(mode):
                    yield Finding(Level.ERROR, where, "not an ordinary file")
                elif segment_index(name) is None and name not in _known(folder_name):
                    yield Finding(Level.WARNING, where, "not a file of a capture")
                elif mode & 0o077:
                    yield Finding(Level.WARNING, where, "others may read this file (wanted: 0600)")


def _known(folder: str) -> frozenset[str]:
    """Files that a source's folder holds beside its segments."""
    return frozenset({GAPS_FILE, *((FOLDED_FILE, *STATE_FILES) if folder == SYSCALL else ())})


def _check_source(root: Folder, info: SourceInfo) -> Iterator[Finding]:
    try:
        folder = root.subfolder(info.folder)
    except CaptureError:
        return
    last_num = 0
    with folder:
        for segment in info.segments:
            where = f"{info.folder}/{segment.file}"
            try:
                fd = folder.open_file(segment.file)
            except (FileNotFoundError, CaptureError):
                continue
            try:
                last_num = yield from _check_segment(
                    fd, where, segment, kind_of(info.name), last_num
                )
            finally:
                os.close(fd)
        yield from _check_gaps(folder, info)
        if info.name == SYSCALL:
            yield from _check_state(folder, info)


def _check_folded(capture: Capture) -> Iterator[Finding]:
    """What an import folded away, beside what the manifest states of it."""
    told = len(capture.missing)
    section = last = 0
    for of, batch in capture.folded():
        num = facts.numbers(batch)
        if of < section or not in_order(SYSTEM_CALLS, num, last if of == section else 0):
            text = "event numbers do not ascend"
            yield Finding(Level.ERROR, f"{SYSCALL}/{FOLDED_FILE}", text)
        if len(num):
            section, last = of, int(num[-1])
    for text in capture.missing[told:]:
        yield Finding(Level.ERROR, capture.path.name, text)


def _check_state(folder: Folder, info: SourceInfo) -> Iterator[Finding]:
    texts: list[str] = []
    for _ in read_sections(folder, texts.append, info.let_go):
        pass
    return (Finding(Level.ERROR, folder.path.name, text) for text in texts)


def _check_segment(
    fd: int, where: str, stated: SegmentInfo, kind: Kind, last_num: int
) -> Generator[Finding, None, int]:
    """Findings of one segment; returns the last event number seen."""
    events = 0
    size = os.fstat(fd).st_size
    try:
        schema, offset = read_schema(fd, size)
        if not kind.accepts(schema):
            yield Finding(Level.ERROR, where, "another schema than that of its source")
            return last_num
        decoder = Decoder(schema, check=kind.check)
        for frame in frames(fd, size, offset):
            try:
                batch = decoder.read(fd, frame)
            except Damage as damage:
                yield Finding(Level.ERROR, where, f"byte {frame.offset}: {damage.reason}")
                continue
            events += batch.num_rows
            if not in_order(kind, facts.numbers(batch), last_num):
                yield Finding(
                    Level.ERROR, where, f"byte {frame.offset}: event numbers do not ascend"
                )
            elif frame.span is not None and frame.span != facts.span(batch):
                yield Finding(
                    Level.ERROR, where, f"byte {frame.offset}: not the numbers and times it states"
                )
            if batch.num_rows:
                last_num = max(last_num, int(facts.numbers(batch)[-1]))
    except Damage as damage:
        if damage.reason != "no end mark":
            yield Finding(Level.ERROR, where, f"byte {damage.offset}: {damage.reason}")
    if events != stated.events:
        text = f"{events} events can be read, {stated.events} are stated"
        yield Finding(Level.ERROR, where, text)
    return last_num


def _check_gaps(folder: Folder, info: SourceInfo) -> Iterator[Finding]:
    where = f"{info.folder}/{GAPS_FILE}"
    dropped = 0
    try:
        fd = folder.open_file(GAPS_FILE)
    except FileNotFoundError:
        fd = -1
    except CaptureError as error:
        yield Finding(Level.ERROR, where, error.message)
        return
    if fd >= 0:
        try:
            size = os.fstat(fd).st_size
            schema, offset = read_schema(fd, size)
            if not schema.equals(GAPS):
                yield Finding(Level.ERROR, where, "another schema than that of gaps")
                return
            decoder = Decoder(GAPS)
            for frame in frames(fd, size, offset):
                batch = decoder.read(fd, frame)
                dropped += sum(batch.column("count").to_pylist())
        except Damage as damage:
            if damage.reason != "no end mark":
                yield Finding(Level.ERROR, where, f"byte {damage.offset}: {damage.reason}")
        finally:
            os.close(fd)
    if dropped < info.drops:
        text = f"{dropped} dropped events are marked, {info.drops} are stated"
        yield Finding(Level.ERROR, where, text)
