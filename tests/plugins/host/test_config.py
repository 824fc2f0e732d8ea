"""Init configuration: text or map, the plugin's schema, failures, logging."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from plugins.host import PluginError, load_plugin
from plugins.host.config import as_text, check
from tests.plugins.host.conftest import Compile

Config = str | Mapping[str, Any] | None


@pytest.mark.parametrize("config", [None, "", "{}", {}, {"level": 3}, '{"level": 3}'])
def test_configurations_that_fit(compile_sample: Compile, config: Config) -> None:
    with load_plugin(compile_sample()) as plugin:
        plugin.init(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"level": "secret"}, "init_config key 'level' should be an integer, but is a string"),
        (
            {"nested": {"on": 1}},
            "init_config key 'nested.on' should be a boolean, but is an integer",
        ),
        ({"nested": {}}, "init_config key 'nested' lacks 'on'"),
        ({"mode": "secret"}, 'key \'mode\' should be one of "quiet", "fail", "chatty"'),
        ({"levle": "secret"}, "has unknown 'levle'\n  did you mean 'level'?"),
        ("[1]", "init_config should be an object, but is an array"),
        ('{"level": secret}', "init_config is not valid JSON at line 1"),
        ("[" * 100_000, "init_config"),
        ('{"level": 1}\0', "NUL"),
        ({"level": object()}, "cannot be written as JSON"),
    ],
)
def test_configurations_that_do_not(compile_sample: Compile, config: Config, message: str) -> None:
    with load_plugin(compile_sample()) as plugin:
        with pytest.raises(PluginError) as caught:
            plugin.init(config)
        text = str(caught.value)
        assert text.startswith("plugin sample: plugin_init: ")
        assert message in text
        assert "secret" not in text, "values may be secrets"


def test_a_failing_init_gives_its_reason(compile_sample: Compile) -> None:
    with load_plugin(compile_sample()) as plugin, pytest.raises(PluginError) as caught:
        plugin.init({"mode": "fail"})
    assert str(caught.value) == (
        "plugin sample: plugin_init: failed (code 1): the sample was told to fail"
    )
    assert (caught.value.plugin, caught.value.function) == ("sample", "init")


def test_text_without_a_schema_is_handed_over_as_it_is() -> None:
    assert check("p", "any: text", "", 1) == "any: text"
    assert check("p", "any: text", "{}", 0) == "any: text"
    assert check("p", "", "{}", 1) == "{}", "with a schema, nothing is an empty object"
    assert as_text("p", {"a": [1, None]}) == '{"a": [1, null]}'


@pytest.mark.parametrize(
    ("schema", "kind", "message"),
    [
        ("nonsense", 1, "schema that is not JSON"),
        ("[]", 1, "no object"),
        ("{}", 9, "unknown type 9"),
        ('{"type": 7}', 1, "cannot be used"),
        ('{"$ref": "#/nowhere"}', 1, "cannot be used"),
        ('{"$ref": "http://127.0.0.1:9/schema"}', 1, "cannot be used"),
        ('{"$ref": "#"}', 1, "cannot be used"),
    ],
)
def test_schemas_that_cannot_be_used(schema: str, kind: int, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        check("p", "{}", schema, kind)
    assert message in str(caught.value)
    assert caught.value.function == "get_init_schema"


def test_references_within_a_schema() -> None:
    schema = '{"$ref": "#/$defs/c", "$defs": {"c": {"properties": {"n": {"type": "integer"}}}}}'
    assert check("p", '{"n": 1}', schema, 1)
    with pytest.raises(PluginError, match="'n' should be an integer, but is null"):
        check("p", '{"n": null}', schema, 1)


def test_the_log_reaches_python(compile_sample: Compile, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "falcowb.plugin")
    with load_plugin(compile_sample()) as plugin:
        plugin.init({"mode": "chatty"})
    records = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert records == [
        ("WARNING", "sample: hello from init"),
        ("DEBUG", 'part: {"mode": "chatty"}'),
        (
            "INFO",
            "sample: there is no state table 'threads': this host serves no state tables",
        ),
    ]


def test_an_empty_configuration_need_not_be_validated_where_nothing_is_demanded() -> None:
    script = (
        "import sys; from plugins.host.config import check; "
        """check("p", "", '{"type": "object", "properties": {"a": {"type": "string"}}}', 1); """
        "assert 'jsonschema' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["a"]},
        {"type": "object", "minProperties": 1},
        {"type": "array"},
        {"type": ["object"], "properties": {}, "allOf": [{"required": ["a"]}]},
    ],
)
def test_an_empty_configuration_may_be_too_little(schema: dict[str, object]) -> None:
    with pytest.raises(PluginError):
        check("p", "", json.dumps(schema), 1)
