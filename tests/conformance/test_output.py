"""Output formats and alert lines against the real Falco's."""

from __future__ import annotations

import functools
import ipaddress
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from capture.errors import FalcowbError
from engine.alerts import AlertFormatter, AlertOptions
from engine.fields.catalogue import Catalogue
from engine.output import OutputFormat
from engine.ruleset.model import Priority
from tests.conformance.cases import CONFORMANCE, UPSTREAM, Case, engine_cases, parameters
from tests.engine.columns import Plain, PlainSegment

CATALOGUE = Catalogue.native()

#: What ``event`` says of the calling thread's ancestors, beyond ``mock_fields``.
ALONE: dict[str, Plain] = {"proc.aname[0]": "init", "proc.apid[0]": 1, "proc.pid": 1}
THIRD: dict[str, Plain] = {"proc.aname": ["bash", "init"], "proc.aexe": ["bash", "/sbin/init"]}


@pytest.mark.parametrize("case", engine_cases("format"))
def test_format(case: Case) -> None:
    if case.get("expect") == "format_error":
        with pytest.raises(FalcowbError):
            OutputFormat.parse(case["format"], CATALOGUE, "syscall")
        return
    output = OutputFormat.parse(case["format"], CATALOGUE, "syscall")
    if "expect_field_names" in case:
        assert output.names == case["expect_field_names"]
    world = THIRD if "child(3)" in case["event"] else ALONE
    fields = {**world, **case["mock_fields"]}
    rendered = output.render(PlainSegment(1, {name: [value] for name, value in fields.items()}))
    ((resolved, all_there),) = rendered.fields(transformed=True)
    if "expect_output" in case:
        if case["output_json"]:
            ((text, complete),) = rendered.json_texts(transformed=True)
        else:
            ((raw, complete),) = rendered.texts()
            text = raw.decode()
        assert text == case["expect_output"]
        assert (complete and all_there) == case["expect_complete"]
    if "n_resolved_fields" in case:
        assert len(resolved) == case["n_resolved_fields"]
    for name, value in case.get("resolved_fields", {}).items():
        assert resolved[name].decode() == value


def alert_lines() -> list[Any]:
    """Every line of ``alerts/*.jsonl`` as a case of its own."""
    return parameters(
        [
            {"id": f"{path.name}.{number}", "line": line}
            for path in sorted((CONFORMANCE / "alerts").glob("*.jsonl"))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines())
        ]
    )


class _Loader(yaml.SafeLoader):
    """Takes a plain ``=`` for text, as Falco does."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_yaml_str)


@functools.cache
def upstream_outputs() -> dict[str, str]:
    """The outputs of upstream's rules, by rule."""
    return {
        item["rule"]: item["output"].replace("%container.info", "")
        for path in sorted((UPSTREAM / "rules" / "falcosecurity-rules").glob("*.yaml"))
        for item in yaml.load(path.read_text(encoding="utf-8"), _Loader)
        if "rule" in item and "output" in item
    }


@pytest.mark.parametrize("case", alert_lines())
def test_an_alert_line_byte_for_byte(case: Case) -> None:
    """The line made again: by the rule's own output, on an event that has the line's values."""
    line = json.loads(case["line"])
    fields = dict(line["output_fields"])
    rule = SimpleNamespace(
        name=line["rule"],
        source=line["source"],
        priority=Priority.parse(line["priority"]),
        tags=frozenset(line["tags"]),
        output=upstream_outputs()[line["rule"]],
        extra_fields={},
    )
    values = {
        **fields,
        "evt.time": line["output"].partition(": ")[0],
        "evt.rawtime": fields["evt.time"],
        "evt.num": 7,
    }
    if fields.get("fd.sip"):
        values["fd.sip"] = ipaddress.ip_address(fields["fd.sip"]).packed
    segment = PlainSegment(1, {name: [value] for name, value in values.items()})
    formatter = AlertFormatter(CATALOGUE, AlertOptions(json_output=True), hostname=line["hostname"])
    (alert,) = formatter.alerts(rule, segment, np.array([0]))  # type: ignore[arg-type]
    assert formatter.line(alert) == case["line"]


def expected_lines() -> list[Any]:
    text = CONFORMANCE / "expected_outputs" / "single_rule_with_cat_write.txt"
    if not text.is_file():
        return parameters([])
    as_json = text.with_suffix(".json").read_text(encoding="utf-8").splitlines()
    lines = text.read_text(encoding="utf-8").splitlines()
    return parameters(
        [
            {"id": f"cat_write.{number}", "text": one, "json": other}
            for number, (one, other) in enumerate(zip(lines, as_json, strict=True))
        ]
    )


@pytest.mark.parametrize("case", expected_lines())
def test_expected_output(case: Case) -> None:
    """The same alert as a text line and as a JSON line (whose keys that file orders otherwise)."""
    line = json.loads(case["json"])
    rule = SimpleNamespace(
        name=line["rule"],
        source="syscall",
        priority=Priority.WARNING,
        tags=frozenset(line["tags"]),
        output="An open was seen (command=%proc.cmdline)",
        extra_fields={},
    )
    time = line["output_fields"]["evt.time.iso8601"]
    values: dict[str, list[Plain]] = {
        "evt.num": [1],
        "evt.rawtime": [time],
        "evt.time.iso8601": [line["output"].partition(": ")[0]],
        "proc.cmdline": [line["output_fields"]["proc.cmdline"]],
    }
    formatter = AlertFormatter(
        CATALOGUE, AlertOptions(time_format_iso_8601=True), hostname=line["hostname"]
    )
    (alert,) = formatter.alerts(
        rule,  # type: ignore[arg-type]
        PlainSegment(1, values),
        np.array([0]),
    )
    assert formatter.line(alert) == case["text"]
    assert json.loads(alert.to_json(formatter.hostname)) == line
