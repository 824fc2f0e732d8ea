"""What the plugin says of itself."""

from __future__ import annotations

import json

import pytest

from plugins.host import PluginError
from plugins.k8s_audit.fields import FIELDS
from tests.plugins.k8s_audit.support import new_plugin, shared_plugin


def test_names_and_numbers() -> None:
    plugin = shared_plugin()
    assert (plugin.name, plugin.event_source, plugin.id) == ("k8s_audit", "k8s_audit", 1)
    assert plugin.required_api_version == "3.3.0"
    assert plugin.extract_event_sources == {"k8s_audit"}


def test_fields_are_those_declared_and_none_twice() -> None:
    names = [field.name for field in shared_plugin().fields]
    assert names == [field.name for field in FIELDS]
    assert len(set(names)) == len(names)
    assert {name.split(".")[0] for name in names} == {"ka", "json", "jevt", "k8s"}


def test_open_params_can_be_listed() -> None:
    values = [param.value for param in shared_plugin().list_open_params()]
    assert values[0] == "http://127.0.0.1:9765/k8s-audit"
    assert len(values) == 5


def test_the_schema_lets_upstreams_configuration_pass() -> None:
    schema, kind = shared_plugin().init_schema()
    assert kind == 1
    assert set(json.loads(schema)["properties"]) == {
        "sslCertificate",
        "useAsync",
        "maxEventSize",
        "webhookMaxBatchSize",
    }
    new_plugin({"useAsync": False, "maxEventSize": 1000, "somethingElse": {}})
    with pytest.raises(PluginError, match="maxEventSize"):
        new_plugin({"maxEventSize": "large"})
