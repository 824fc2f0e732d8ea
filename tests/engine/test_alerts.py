"""Alerts: lines, the properties that shape them, and what is asked of a segment."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.alerts import Alert, AlertFormatter, AlertOptions, iso_8601, this_hostname
from engine.fields.catalogue import Catalogue
from engine.fields.model import Argument, FieldInfo, FieldType
from engine.ruleset.model import ExtraField, Priority
from tests.engine.columns import Plain, PlainSegment

CATALOGUE = Catalogue.native().with_fields(
    [
        FieldInfo("ka.verb", FieldType.CHARBUF, source="k8s_audit"),
        FieldInfo("ka.images", FieldType.CHARBUF, is_list=True, source="k8s_audit"),
        FieldInfo(
            "k8s.audit", FieldType.CHARBUF, True, Argument(required=True, key=True),
            source="k8s_audit", path=True,
        ),
    ],
    ["k8s_audit"],
)  # fmt: skip
TIME = 1_700_000_000_000_000_005


def make_rule(output: str, **extra: ExtraField) -> Any:
    return SimpleNamespace(
        name="A rule",
        source="k8s_audit",
        priority=Priority.CRITICAL,
        tags=frozenset({"k8s", "T1", "a"}),
        output=output,
        extra_fields={name.replace("_", "."): value for name, value in extra.items()},
    )


def segment(**fields: list[Plain]) -> PlainSegment:
    count = len(next(iter(fields.values())))
    values: dict[str, list[Plain]] = {
        "evt.num": list(range(1, count + 1)),
        "evt.rawtime": [TIME + n for n in range(count)],
        "evt.time": ["22:13:20.000000005"] * count,
        "evt.time.iso8601": ["2023-11-14T22:13:20.000000005+0000"] * count,
    }
    values.update({name.replace("_", "."): value for name, value in fields.items()})
    return PlainSegment(count, values)


def only(rule: Any, events: PlainSegment, **options: bool) -> tuple[Alert, str]:
    formatter = AlertFormatter(CATALOGUE, AlertOptions(**options), hostname="h")
    (alert,) = formatter.alerts(rule, events, np.array([0]))
    return alert, formatter.line(alert)


def test_a_text_line() -> None:
    alert, line = only(make_rule("seen (verb=%ka.verb)"), segment(ka_verb=["create"]))
    assert line == "22:13:20.000000005: Critical seen (verb=create)"
    assert (alert.num, alert.time, alert.tags) == (1, TIME, ("T1", "a", "k8s"))
    _, line = only(make_rule("seen"), segment(ka_verb=["create"]), time_format_iso_8601=True)
    assert line == "2023-11-14T22:13:20.000000005+0000: Critical seen"


def test_a_json_line() -> None:
    _, line = only(
        make_rule("seen (verb=%ka.verb images=%ka.images)"),
        segment(ka_verb=["create"], ka_images=[["a", "b"]]),
        json_output=True,
    )
    assert line == (
        '{"hostname":"h","output":"22:13:20.000000005: Critical seen (verb=create images=(a,b))",'
        f'"output_fields":{{"evt.time":{TIME},"ka.images":["a","b"],"ka.verb":"create"}},'
        '"priority":"Critical","rule":"A rule","source":"k8s_audit","tags":["T1","a","k8s"],'
        '"time":"2023-11-14T22:13:20.000000005Z"}'
    )


def test_properties_come_and_go() -> None:
    rule, events = make_rule("seen"), segment(ka_verb=["create"])
    _, line = only(
        rule, events, json_output=True, json_include_output_property=False,
        json_include_output_fields_property=False, json_include_tags_property=False,
        json_include_message_property=True,
    )  # fmt: skip
    assert line == (
        '{"hostname":"h","message":"seen","priority":"Critical","rule":"A rule",'
        '"source":"k8s_audit","time":"2023-11-14T22:13:20.000000005Z"}'
    )
    _, line = only(rule, events, json_output=True, time_format_iso_8601=True)
    assert json.loads(line)["output_fields"] == {"evt.time.iso8601": TIME}


def test_missing_values_show() -> None:
    alert, line = only(make_rule("verb=%ka.verb n=%10ka.verb|"), segment(ka_verb=[None]))
    assert line.endswith("Critical verb=<NA> n=<NA>      |")
    assert alert.fields == {"evt.time": TIME, "ka.verb": None}


def test_added_fields() -> None:
    rule = make_rule(
        "seen",
        verb=ExtraField("the verb is %ka.verb", raw=False),
        ka_images=ExtraField("%ka.images", raw=True),
        evt_num=ExtraField("%evt.num", raw=True),
        none=ExtraField("", raw=False),
    )
    events = segment(ka_verb=["create"], ka_images=[["a"]])
    alert, _ = only(rule, events)
    assert alert.fields == {
        "evt.time": TIME,
        "verb": "the verb is create",
        "ka.images": ["a"],
        "evt.num": 1,
    }


def test_paths() -> None:
    rule = make_rule("u=%k8s.audit.user.username, i=%k8s.audit.spec.containers[*].image. %ka.verb")
    events = PlainSegment(
        1,
        {
            "evt.num": [1], "evt.rawtime": [TIME], "evt.time": ["t"], "ka.verb": ["get"],
            "k8s.audit.user.username": [["bob"]],
            "k8s.audit.spec.containers[*].image": [["x", "y"]],
        },
    )  # fmt: skip
    alert, line = only(rule, events)
    assert line == "t: Critical u=bob, i=(x,y). get"
    assert alert.fields["k8s.audit.user.username"] == "bob"
    assert alert.fields["k8s.audit.spec.containers[*].image"] == ["x", "y"]


def test_a_transformer_shapes_the_text_and_fields_stay_raw() -> None:
    rule = make_rule(
        '%toupper(ka.verb) %len(ka.verb) %len(ka.images) %join("+", ka.images)',
        loud=ExtraField("%toupper(ka.verb)", raw=False),
    )
    alert, line = only(rule, segment(ka_verb=["get"], ka_images=[["a", "b"]]))
    assert line.endswith("Critical GET 3 2 a+b")
    assert alert.fields == {
        "evt.time": TIME,
        "ka.verb": "get",
        "ka.images": ["a", "b"],
        "loud": "GET",
    }


def test_hostile_values_stay_on_one_line() -> None:
    raw = b'a"\n\x1b[31m\xff\\'
    alert, line = only(make_rule("v=%ka.verb"), segment(ka_verb=[raw]))
    assert line.endswith('v=a\\"\\n\\u001b[31m\ufffd\\\\')
    as_json = alert.to_json("h")
    assert "\n" not in as_json
    assert json.loads(as_json)["output_fields"]["ka.verb"] == 'a"\n\x1b[31m\ufffd\\'


def test_only_what_matched_is_asked_for() -> None:
    events = segment(ka_verb=[f"v{n}" for n in range(100)])
    formatter = AlertFormatter(CATALOGUE, hostname="h")
    rule = make_rule("%ka.verb")
    alerts = formatter.alerts(rule, events, np.array([3, 50]))
    assert [alert.message for alert in alerts] == ["v3", "v50"]
    assert [alert.num for alert in alerts] == [4, 51]
    assert set(events.asked.values()) == {2}
    assert set(events.asked) == {ref.text for ref in formatter.refs(rule)}
    assert formatter.alerts(rule, events, np.array([], np.int64)) == []


def test_hostname(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALCO_HOSTNAME", "node-7")
    assert this_hostname() == AlertFormatter(CATALOGUE).hostname == "node-7"
    monkeypatch.delenv("FALCO_HOSTNAME")
    assert this_hostname()


def test_times() -> None:
    assert iso_8601(0) == "1970-01-01T00:00:00.000000000Z"
    assert iso_8601(1470327477881781397) == "2016-08-04T16:17:57.881781397Z"
    assert iso_8601(2**64 - 1) == "2554-07-21T23:34:33.709551615Z"
