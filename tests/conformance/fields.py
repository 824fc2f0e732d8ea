"""Agreement of syscall fields with the real Falco, column by column, over its field dumps.

``python -m tests.conformance.fields [CAPTURE…]`` prints the table. A dump has one row an event and
the text of each field: JSON for numbers and booleans, null for no value.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from capture.scap.reader import ScapReader, Section
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef
from engine.fields.shown import shown
from engine.state.machine import StateEngine
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.syscalls.state import State
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


#: The dumps show control characters so.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
    return {name: found[name] for name in sorted(known_dumps()) if name in found}


def known_dumps() -> set[str]:
    """The captures that Falco's answers are at hand for."""
    return {dump.stem for dump in (CONFORMANCE / "field_dumps").glob("*.parquet")}


def segments(path: Path, *, containers: bool = False) -> Iterator[SyscallSegment]:
    """The segments of a capture, in order; without the container plugin, as the field dumps were
    made."""
    source, engine = SyscallSource(), StateEngine(containers=containers)
    with ScapReader(path) as capture:
        for item in capture:
            if isinstance(item, Section):
                source.begin(item)
                engine.begin(item)
            else:
                yield source.segment(item, State.of(engine.feed(item)))


def column_texts(segment: SyscallSegment, ref: FieldRef) -> list[str | None]:
    """A field as the dumps have it."""
    info, ref = ref.info, shown(ref)
    values = json_values(info.name, info.type, info.is_list, segment.columns([ref])[0])
    return [_text(value) for value in values]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):  # in the order of a hash table: as sets
        return json.dumps(sorted(value))
    return repr(value)


def agreement(names: list[str] | None = None, folder: str = "field_dumps") -> dict[str, Agreement]:
    """Agreement by column, over the captures of these names or all. The ``container_dumps`` are of
    Falco with its container plugin."""
    catalogue = Catalogue.native()
    found: dict[str, Agreement] = {}
    for name, path in captures().items():
        if names and name not in names:
            continue
        dump = pq.read_table(CONFORMANCE / folder / f"{name}.parquet")
        start = 0
        for segment in segments(path, containers=folder == "container_dumps"):
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
        theirs = _dumped(theirs)
        mine = None if mine is None else _CONTROL.sub("\N{REPLACEMENT CHARACTER}", mine)
        if mine == theirs or (mine is not None and _time_as_number(ref, segment, row) == theirs):
            counted.equal += 1
        elif len(counted.examples) < 400:
            kind = segment.events.batch.event_type(int(segment.events.rows[row])).key
            counted.examples.append((name, int(nums[row]), kind, mine, theirs))


def _dumped(value: object) -> str | None:
    """A cell of a dump; lists in order, since theirs is that of a hash table."""
    if value is None:
        return None
    text = str(value)
    return json.dumps(sorted(json.loads(text))) if text.startswith('["') else text


def _time_as_number(ref: FieldRef, segment: SyscallSegment, row: int) -> str | None:
    """The JSON that Falco gives for the fields that write a time: nanoseconds."""
    if ref.info.name.startswith(("evt.time", "evt.datetime")):
        return str(int(segment.events.time[row]))
    return None


def main() -> None:
    arguments = sys.argv[1:]
    show = [a.removeprefix("--show=") for a in arguments if a.startswith("--show=")]
    names = [a for a in arguments if not a.startswith("--")]
    found = agreement(names, "field_dumps") | {
        column: counted
        for column, counted in agreement(names, "container_dumps").items()
        if column != "evt.num"
    }
    if not found:
        sys.exit(f"no captures with Falco's answers at {CONFORMANCE} (set FALCOWB_SHARED)")
    compared = len([name for name in captures() if not names or name in names])
    print(f"Fields of system calls as Falco shows them: {len(found)} columns, {compared} captures")
    _print_table(found, show, whole="--all" in arguments)
    print("\nNot compared, for the answer hangs on when and where Falco ran:")
    for column, reason in UNSTABLE.items():
        print(f"  {column}: {reason}")


def _print_table(found: dict[str, Agreement], show: list[str], *, whole: bool) -> None:
    """The columns that differ (``whole``: all), the worst first, then all of them together."""
    width = max(map(len, found))
    print(f"\n{'column':{width}}  {'cells':>9}  {'equal':>9}     share")
    listed = sorted(found.items(), key=lambda item: item[1].share)
    for column, counted in listed:
        if counted.share < 1 or whole:
            print(f"{column:{width}}  {counted.cells:9,}  {counted.equal:9,}  {counted.share:8.2%}")
        if column in show:
            kinds = Counter(example[2] for example in counted.examples)
            print("    ", kinds.most_common(12))
            for example in counted.examples[:: max(1, len(counted.examples) // 25)]:
                print("    ", *(repr(cell)[:160] for cell in example))
    cells = sum(counted.cells for counted in found.values())
    equal = sum(counted.equal for counted in found.values())
    print(f"{'all':{width}}  {cells:9,}  {equal:9,}  {equal / cells:8.3%}")
    differing = sum(counted.share < 1 for counted in found.values())
    print(f"{differing} of them differ (--show=COLUMN shows where; --all lists those that do not).")


if __name__ == "__main__":
    main()
