"""Every field of the official k8saudit and json plugins, on every audit event of the traces."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from plugins.host import Plugin
from tests.conformance import cases
from tests.plugins.k8s_audit.support import extract, one_event, read_all, shared_plugin

CAPTURES = [
    pytest.param(row, id=row["capture"].rpartition("/")[2])
    for row in cases.read_jsonl("k8saudit_fields.jsonl")
] or [pytest.param({}, id="absent", marks=pytest.mark.skip(reason="no conformance data"))]


@pytest.fixture(scope="module")
def plugin() -> Plugin:
    return shared_plugin()


@pytest.mark.parametrize("row", CAPTURES)
def test_every_cell_is_the_official_answer(plugin: Plugin, row: cases.Case) -> None:
    batch = read_all(plugin, str(cases.UPSTREAM / row["capture"]))
    assert batch.num_rows == len(row["events"])
    if not row["events"]:
        return
    names = [name for name in row["events"][0] if not name.startswith("evt.")]
    columns = extract(plugin, batch, names)
    for i, expected in enumerate(row["events"]):
        got: dict[str, Any] = {name: column[i] for name, column in zip(names, columns, strict=True)}
        got["evt.num"] = batch["num"][i].as_py()
        got["evt.time"] = batch["time"][i].value
        assert got == expected


@pytest.mark.parametrize("row", CAPTURES)
def test_fields_asked_one_by_one_answer_the_same(plugin: Plugin, row: cases.Case) -> None:
    """Falco asks field by field: the event must not be confused with the last one."""
    batch = read_all(plugin, str(cases.UPSTREAM / row["capture"]))
    if not row["events"]:
        return
    names = [name for name in row["events"][0] if name.startswith("ka.")]
    together = extract(plugin, batch, names)
    alone = [extract(plugin, batch, [name])[0] for name in names]
    assert alone == together


EXTRACTS = [
    param
    for param in cases.engine_cases("plugin_extract")
    if not param.values[0] or param.values[0]["plugin"] in ("json", "k8saudit")
]


@pytest.mark.parametrize("case", EXTRACTS)
def test_values_of_one_event(plugin: Plugin, case: cases.Case) -> None:
    time = 1_700_000_000_123_456_789
    batch: pa.RecordBatch = one_event(case["event_json"].encode(), time)
    (column,) = extract(plugin, batch, [case["field"]])
    value = column[0]
    if "expect_contains" in case:
        assert case["expect_contains"] in value
    elif "expect_not_contains" in case:
        assert case["expect_not_contains"] not in value
    elif case["expect_value"].startswith("<event timestamp"):
        assert value == str(time)
    else:
        assert value == case["expect_value"]
