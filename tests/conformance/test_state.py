"""State at every event of real captures against what the real Falco said: see state_columns.py."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from capture.scap.reader import ScapReader, Section
from engine.state.machine import StateEngine

from .cases import CONFORMANCE, UPSTREAM, needs_shared
from .state_columns import COLUMNS, rows, text

DUMPS = CONFORMANCE / "field_dumps"
CONTAINERS = CONFORMANCE / "container_dumps"

pytestmark = needs_shared


@cache
def captures() -> tuple[Path, ...]:
    found = sorted((UPSTREAM / "captures").rglob("*.scap")) if UPSTREAM.is_dir() else []
    return tuple(path for path in found if (DUMPS / f"{path.name}.parquet").is_file())


@cache
def agreement() -> tuple[Counter[str], dict[str, list[str]]]:
    """Cells compared, and those that differ, by column."""
    cells: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    for path in captures():
        dump = pq.read_table(DUMPS / f"{path.name}.parquet")
        truth = {name: dump[name].to_pylist() for name in COLUMNS}
        # The dumps come from a Falco without its container plugin.
        engine = StateEngine(containers=False)
        place = 0
        with ScapReader(path) as capture:
            for item in capture:
                if isinstance(item, Section):
                    engine.begin(item)
                    continue
                for row in rows(item, engine.feed(item)):
                    for name, make in COLUMNS.items():
                        value = make(row)
                        if value is NotImplemented:
                            continue
                        cells[name] += 1
                        if text(value) != truth[name][place]:
                            wrong.setdefault(name, []).append(
                                f"{path.name} {row.event['num']} {row.event['type'].name}: "
                                f"{text(value)!r}, not {truth[name][place]!r}"
                            )
                    place += 1
        assert place == dump.num_rows
    return cells, wrong


@pytest.mark.parametrize("column", COLUMNS)
def test_column(column: str) -> None:
    cells, wrong = agreement()
    assert cells[column] > 0
    differ = wrong.get(column, [])
    assert not differ, f"{len(differ)} of {cells[column]} cells differ: {differ[:3]}"


def test_print_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    cells, wrong = agreement()
    with capsys.disabled():
        missed = {name: len(found) for name, found in wrong.items()}
        total = sum(cells.values())
        print(f"\nstate: {total:,} cells in {len(cells)} columns, {sum(missed.values())} differ")
        for name, count in sorted(missed.items()):
            print(f"  {name}: {count} of {cells[name]}")


@pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)
def test_container_ids(path: Path) -> None:
    dump = CONTAINERS / f"{path.name}.parquet"
    if not dump.is_file():
        pytest.skip("no container dump of this capture")
    truth = dict(
        zip(*(pq.read_table(dump)[name].to_pylist() for name in ("evt.num", "container.id")),
            strict=True)
    )  # fmt: skip
    engine = StateEngine()
    wrong = []
    with ScapReader(path) as capture:
        for item in capture:
            if isinstance(item, Section):
                engine.begin(item)
                continue
            for row in rows(item, engine.feed(item)):
                if row.thread is None:
                    continue
                value = text(row.thread["container_id"]) or "host"
                num = row.event["num"]
                if num in truth and truth[num] != value:
                    wrong.append((num, row.event["type"].name, value, truth[num]))
    assert not wrong, f"{len(wrong)} differ, first {wrong[:3]}"
