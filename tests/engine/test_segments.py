"""Segments of plugin events, through the real k8s_audit plugin."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture.errors import FalcowbError
from capture.schema import PLUGIN_EVENTS
from engine.columns import BytesColumn, ListColumn, NumberColumn
from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.fields.plugin import plugin_fields
from engine.gather import from_arrow, only_value, plain
from engine.language.parser import parse
from engine.plan import Plan
from engine.segments import EventSource, PluginSegment
from tests.plugins.k8s_audit.support import shared_plugin

START = 1_700_000_000_123_456_789


def event(number: int, **members: Any) -> dict[str, Any]:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": f"id-{number}",
        "stage": "ResponseComplete",
        "verb": "create",
        "user": {"username": f"user-{number % 2}"},
        "objectRef": {"resource": "pods", "namespace": "default"},
        "responseStatus": {"code": 201 + 200 * (number % 2)},
        **members,
    }


def pod(*privileged: bool | None) -> dict[str, Any]:
    containers = [
        {"name": f"c{place}"} | ({} if one is None else {"securityContext": {"privileged": one}})
        for place, one in enumerate(privileged)
    ]
    return {"spec": {"containers": containers}}


EVENTS = [
    event(0, responseObject=pod(False, True)),
    event(1, responseObject=pod(False)),
    event(2),
    event(3, responseObject=pod(None, True), verb="delete"),
]


def batch(events: list[dict[str, Any]]) -> pa.RecordBatch:
    times = [START + 1_500_000_000 * row for row in range(len(events))]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(5, 5 + len(events)), pa.uint64()),
            pa.array(times, pa.int64()).cast(pa.timestamp("ns", "UTC")),
            pa.array([1] * len(events), pa.uint32()),
            pa.array([json.dumps(one).encode() for one in events], pa.binary()),
        ],
        schema=PLUGIN_EVENTS,
    )


def catalogue() -> Catalogue:
    fields = plugin_fields(shared_plugin().fields, "k8s_audit")
    return Catalogue.native().with_fields(fields, ["k8s_audit"])


CATALOGUE = catalogue()


def segment(events: list[dict[str, Any]] = EVENTS) -> PluginSegment:
    return EventSource("k8s_audit", [shared_plugin()], "host").segment(batch(events))


def rows(condition: str, events: list[dict[str, Any]] = EVENTS) -> list[int]:
    plan = Plan(CATALOGUE, "k8s_audit", [("rule", parse(condition))])
    found: list[int] = Evaluator(plan).judge(segment(events)).rows[0].tolist()
    return found


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("k8s.audit.response.spec.containers[*].securityContext.privileged = true", [0, 3]),
        ("k8s.audit.response.spec.containers[*].securityContext.privileged = false", [0, 1]),
        ("k8s.audit.response.spec.containers[*].securityContext.privileged != true", [0, 1]),
        ("not k8s.audit.response.spec.containers[*].securityContext.privileged exists", [2]),
        ("k8s.audit.response.spec.containers[1].name = c1", [0, 3]),
        ("len(k8s.audit.response.spec.containers[*].name) = 2", [0, 1, 3]),
        ("k8s.audit.code >= 400", [1, 3]),
        ("k8s.audit.code = 201", [0, 2]),
        ("k8s.audit.verb < 5", []),
        ("k8s.audit.user.username in (user-1, nobody)", [1, 3]),
        ("ka.verb = delete and ka.user.name = user-1", [3]),
        ("ka.response.code = 401", [1, 3]),
        ("evt.num > 6", [2, 3]),
        ("evt.source = k8s_audit and evt.pluginname = k8s_audit", [0, 1, 2, 3]),
        ("evt.asynctype exists or evt.is_async = true", []),
        ("evt.hostname = host and evt.reltime.s = 1", [1]),
        ("evt.rawtime.ns = 123456789", [0, 2]),
        ("evt.time.iso8601 startswith 2023-11-14T22:13:2", [0, 1, 2, 3]),
        ('evt.plugininfo contains "user-1"', [1, 3]),
    ],
)
def test_conditions(condition: str, expected: list[int]) -> None:
    assert rows(condition) == expected


def test_no_events() -> None:
    assert rows("ka.verb = create and evt.time exists", []) == []


def text(column: Any) -> list[Any]:
    assert isinstance(column, BytesColumn)
    values: list[Any] = plain(column).to_pylist()
    return values


def test_times_in_words() -> None:
    names = ["evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"]
    refs = [CATALOGUE.lookup(name, None, "k8s_audit") for name in names]
    clock, clock_s, iso, day, day_s = (text(column)[0] for column in segment().columns(refs))
    local = datetime.datetime.fromtimestamp(
        START // 1_000_000_000 + time.localtime().tm_gmtoff, datetime.UTC
    )
    assert clock == f"{local:%H:%M:%S}.123456789".encode()
    assert clock_s == f"{local:%H:%M:%S}".encode()
    assert iso == b"2023-11-14T22:13:20.123456789+0000"
    assert day == f"{local:%Y-%m-%d %H:%M:%S}.123456789".encode()
    assert day_s == f"{local:%Y-%m-%d %H:%M:%S}".encode()


def test_taken_rows_are_asked_alone_and_known_columns_kept() -> None:
    whole = segment()
    verb, user = (CATALOGUE.lookup(name, None, "k8s_audit") for name in ("ka.verb", "ka.user.name"))
    whole.columns([verb])
    some = whole.take(np.array([1, 3]))
    assert len(some) == 2
    verbs, users = some.columns([verb, user])
    assert text(verbs) == [b"create", b"delete"]
    assert text(users) == [b"user-1", b"user-1"]
    last = some.take(np.array([1]))
    number = CATALOGUE.lookup("evt.num", None, "k8s_audit")
    verbs, users, numbers = last.columns([verb, user, number])
    assert text(verbs) == [b"delete"]
    assert text(users) == [b"user-1"]
    assert isinstance(numbers, NumberColumn)
    assert numbers.values.tolist() == [8]
    alone = whole.take(np.array([0, 2, 3])).take(np.array([1, 2])).columns([user])[0]
    assert text(alone) == [b"user-0", b"user-1"]


def test_a_field_that_no_loaded_plugin_has() -> None:
    field = CATALOGUE.lookup("ka.verb", None, "k8s_audit")
    bare = EventSource("k8s_audit", []).segment(batch(EVENTS))
    with pytest.raises(FalcowbError, match=re.escape("no loaded plugin gives field 'ka.verb'")):
        bare.columns([field])


def test_arrow_arrays_become_columns() -> None:
    coded = pa.array([b"a", None, b"a"], pa.binary()).dictionary_encode()
    column = from_arrow(coded.slice(1))
    assert isinstance(column, BytesColumn) and column.codes.tolist() == [-1, 0]
    numbers = from_arrow(pa.array([1, None, 3], pa.uint64()))
    assert isinstance(numbers, NumberColumn) and numbers.valid is not None
    assert numbers.values.dtype == np.uint64 and numbers.valid.tolist() == [True, False, True]
    lists = from_arrow(pa.array([[1], None, [], [2, 3]], pa.list_(pa.uint64())).slice(1))
    assert isinstance(lists, ListColumn) and lists.valid is not None
    assert lists.offsets.tolist() == [0, 0, 0, 2]
    assert lists.valid.tolist() == [False, False, True]
    first = only_value(lists)
    assert isinstance(first, NumberColumn) and first.valid is not None
    assert first.valid.tolist() == [False, False, True] and first.values[2] == 2
    empty = only_value(from_arrow(pa.array([[], None], pa.list_(coded.type))))
    assert isinstance(empty, BytesColumn) and empty.codes.tolist() == [-1, -1]
