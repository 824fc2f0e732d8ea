"""Agreement of syscall fields with the real Falco, column by column, over its field dumps.

``python -m tests.conformance.fields [CAPTURE…]`` prints the table. A dump has one row an event and
the text of each field: JSON for numbers and booleans, null for no value.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from capture.scap.reader import ScapReader, Section
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.values import json_values
from tests.conformance.cases import CONFORMANCE, UPSTREAM

#: Columns whose answers hang on where and when Falco ran, and why.
UNSTABLE = {
    "fd.net": "filter only",
    "evt.deltatime": "the dump asks twice, the second time after no time",
    "evt.deltatime.s": "the same",
    "evt.deltatime.ns": "the same",
    "thread.cpu": "sampled between the fields that ask",
    "thread.cpu.user": "sampled between the fields that ask",
    "thread.cpu.system": "sampled between the fields that ask",
    "proc.exe_ino.ctime_duration_proc_start": "memory that Falco never set, for most processes",
    "proc.exe_ino.ctime_duration_pidns_start": "memory that Falco never set, for most processes",
}


@dataclass(slots=True)
class Agreement:
    """Cells of one column: how many, how many equal, and some that differ."""

    cells: int = 0
    equal: int = 0
    examples: list[tuple[str, int, str, str | None, str | None]] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.equal / self.cells if self.cells else 1.0


def captures() -> dict[str, Path]:
    """The captures that have a dump, by name."""
    found = {path.name: path for path in sorted(UPSTREAM.rglob("*.scap"))}
    dumps = sorted((CONFORMANCE / "field_dumps").glob("*.parquet"))
    return {dump.stem: found[dump.stem] for dump in dumps if dump.stem in found}


def segments(path: Path) -> Iterator[SyscallSegment]:
    """The segments of a capture, in order."""
    source = SyscallSource()
    with ScapReader(path) as capture:
        for item in capture:
            if isinstance(item, Section):
                source.begin(item)
            else:
                yield source.segment(item)


def column_texts(segment: SyscallSegment, ref: FieldRef) -> list[str | None]:
    """A field as the dumps have it."""
    info = ref.info
    values = json_values(info.name, info.type, info.is_list, segment.columns([ref])[0])
    return [_text(value) for value in values]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "(" + ",".join(str(_text(item)) for item in value) + ")"
    return repr(value)


def agreement(names: list[str] | None = None) -> dict[str, Agreement]:
    """Agreement by column, over the captures of these names or all."""
    catalogue = Catalogue.native()
    found: dict[str, Agreement] = {}
    for name, path in captures().items():
        if names and name not in names:
            continue
        dump = pq.read_table(CONFORMANCE / "field_dumps" / f"{name}.parquet")
        start = 0
        for segment in segments(path):
            rows = dump.slice(start, len(segment)).to_pydict()
            start += len(segment)
            for column, wanted in rows.items():
                if column in UNSTABLE:
                    continue
                ref = reference(catalogue, column)
                _count(found.setdefault(column, Agreement()), name, segment, ref, wanted)
        assert start == dump.num_rows, f"{name}: {start} events where Falco sees {dump.num_rows}"
    return found


def reference(catalogue: Catalogue, column: str) -> FieldRef:
    name, bracket, arg = column.partition("[")
    return catalogue.lookup(name, arg.rstrip("]") if bracket else None, "syscall")


def _count(
    counted: Agreement, name: str, segment: SyscallSegment, ref: FieldRef, wanted: list[object]
) -> None:
    counted.cells += len(wanted)
    try:
        ours = column_texts(segment, ref)
    except Exception as error:  # the table shall show every column, also while one is broken
        counted.examples.append((name, 0, "", repr(error), None))
        return
    nums = segment.events.num
    for row, (mine, theirs) in enumerate(zip(ours, wanted, strict=True)):
        theirs = None if theirs is None else str(theirs)
        if mine == theirs or (mine is not None and _time_as_number(ref, segment, row) == theirs):
            counted.equal += 1
        elif len(counted.examples) < 400:
            kind = segment.events.batch.event_type(int(segment.events.rows[row])).key
            counted.examples.append((name, int(nums[row]), kind, mine, theirs))


def _time_as_number(ref: FieldRef, segment: SyscallSegment, row: int) -> str | None:
    """The JSON that Falco gives for the fields that write a time: nanoseconds."""
    if ref.info.name.startswith(("evt.time", "evt.datetime")):
        return str(int(segment.events.time[row]))
    return None


def main() -> None:
    arguments = sys.argv[1:]
    show = [a.removeprefix("--show=") for a in arguments if a.startswith("--show=")]
    found = agreement([a for a in arguments if not a.startswith("--")])
    width = max(map(len, found))
    print(f"{'column':{width}}  {'cells':>7}  {'equal':>7}   share")
    for column, counted in sorted(found.items(), key=lambda item: item[1].share):
        if counted.share < 1 or "--all" in arguments:
            print(f"{column:{width}}  {counted.cells:7}  {counted.equal:7}  {counted.share:7.2%}")
        if column in show:
            kinds = Counter(example[2] for example in counted.examples)
            print("    ", kinds.most_common(12))
            for example in counted.examples[:: max(1, len(counted.examples) // 25)]:
                print("    ", *(repr(cell)[:160] for cell in example))
    cells = sum(counted.cells for counted in found.values())
    equal = sum(counted.equal for counted in found.values())
    print(f"{'all':{width}}  {cells:7}  {equal:7}  {equal / cells:7.3%}")


if __name__ == "__main__":
    main()
