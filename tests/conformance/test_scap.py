"""The .scap reader against what the real Falco saw in the same captures."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.events.schema import EventBatch
from capture.events.table import Parameter, event_table, generic_name
from capture.scap.reader import ScapReader, Section

from .cases import CONFORMANCE, UPSTREAM

DUMPS = CONFORMANCE / "field_dumps"


def captures() -> list[Any]:
    found = sorted((UPSTREAM / "captures").rglob("*.scap")) if UPSTREAM.is_dir() else []
    pairs = [(path, DUMPS / f"{path.name}.parquet") for path in found]
    pairs = [pair for pair in pairs if pair[1].is_file()]
    if not pairs:
        skip = pytest.mark.skip(reason=f"no captures at {UPSTREAM} (set FALCOWB_SHARED)")
        return [pytest.param(Path(), Path(), id="absent", marks=skip)]
    return [pytest.param(*pair, id=pair[0].name) for pair in pairs]


@cache
def read(path: Path) -> tuple[list[Section], list[EventBatch]]:
    with ScapReader(path) as capture:
        items = list(capture)
        assert capture.problems == []
        assert capture.progress.malformed == 0
    sections = [item for item in items if isinstance(item, Section)]
    return sections, [item for item in items if isinstance(item, EventBatch)]


def judged(batches: list[EventBatch], column: str) -> list[Any]:
    return [
        value
        for batch in batches
        for value, shown in zip(
            batch.batch.column(column).to_pylist(), batch.judged().tolist(), strict=True
        )
        if shown
    ]


@pytest.mark.parametrize(("path", "dump"), captures())
def test_numbers_times_cpus_and_threads(path: Path, dump: Path) -> None:
    _, batches = read(path)
    truth = pq.read_table(dump)
    assert judged(batches, "num") == truth["evt.num"].to_pylist()
    times = pa.concat_arrays([b.batch.column("time").cast(pa.int64()) for b in batches])
    shown = [
        time for time, keep in zip(times.to_pylist(), all_judged(batches), strict=True) if keep
    ]
    assert shown == [int(text) for text in truth["evt.rawtime"].to_pylist()]
    assert judged(batches, "cpu") == [int(text) for text in truth["evt.cpu"].to_pylist()]
    for tid, text in zip(judged(batches, "tid"), truth["thread.tid"].to_pylist(), strict=True):
        assert text is None or int(text) == tid


def all_judged(batches: list[EventBatch]) -> list[bool]:
    return [shown for batch in batches for shown in batch.judged().tolist()]


@pytest.mark.parametrize(("path", "dump"), captures())
def test_types(path: Path, dump: Path) -> None:
    _, batches = read(path)
    names = []
    for batch in batches:
        own = [batch.event_type(row).name for row in range(batch.num_rows)]
        for code in batch.codes:
            if event_table()[code].key.startswith("GENERIC"):
                calls = batch.parameters(code).to_pylist()
                for row, call in zip(batch.rows(code).tolist(), calls, strict=True):
                    own[row] = generic_name(call["ID"], call["nativeID"])
        names += [name for name, shown in zip(own, batch.judged().tolist(), strict=True) if shown]
    assert names == pq.read_table(dump)["evt.type"].to_pylist()


@pytest.mark.parametrize(("path", "dump"), captures())
def test_parameters(path: Path, dump: Path) -> None:
    """Each evt.args, as far as it shows raw values: names resolved through state are let pass."""
    _, batches = read(path)
    truth = pq.read_table(dump)
    shown = dict(zip(truth["evt.num"].to_pylist(), truth["evt.args"].to_pylist(), strict=True))
    wrong = []
    for batch in batches:
        numbers = batch.batch.column("num").to_pylist()
        for code in batch.codes:
            event = event_table()[code]
            if event.key.startswith("GENERIC"):
                continue
            values = batch.parameters(code).to_pylist()
            present = batch.batch.column("present").to_pylist()
            for row, value in zip(batch.rows(code).tolist(), values, strict=True):
                text = shown.get(numbers[row])
                if text is None:
                    continue
                pattern = " ".join(
                    re.escape(p.name) + "=" + printed(p, value[p.name])
                    for p in event.parameters[: present[row]]
                )
                if not re.fullmatch(pattern, text, re.DOTALL):
                    wrong.append((numbers[row], event.key, text, value))
    assert not wrong, f"{len(wrong)} differ, first {wrong[:3]}"


def printed(parameter: Parameter, value: Any) -> str:
    """A pattern for how Falco prints this value."""
    resolved = r"(\(.*\))?"
    if value is None:
        return r"(<NA>|NULL|)" + resolved
    if isinstance(value, bytes):
        if parameter.type in ("sockaddr", "socktuple"):
            return ".*"
        text = value[:80] if parameter.type == "bytebuf" else value
        shape = "".join(
            re.escape(chr(byte))
            if 32 <= byte < 127
            else "."
            if parameter.type == "bytebuf"
            else ".+"
            for byte in text
        )
        return shape + ".*" if parameter.type == "bytebuf" else shape + resolved
    if isinstance(value, list | dict):
        return ".*"
    if parameter.type in ("uid", "gid") and value == 0xFFFFFFFF:
        return "-1" + resolved
    if parameter.type == "abstime":
        return ".*"
    if parameter.type == "mode" or parameter.format == "oct":
        return f"0*{value:o}" + resolved
    if parameter.format == "hex" and parameter.type != "errno" and "flags" not in parameter.type:
        return f"{value:X}" + resolved
    return str(value) + resolved
