"""The path namespace `k8s.audit`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.k8s_audit.support import audit_event, new_plugin, shared_plugin, values

EVENT = audit_event(
    verb="create",
    user={"username": 'jo\u00e9 "x"', "groups": ["a", "b"]},
    objectRef={
        "resource": "pods",
        "namespace": "shop",
        "name": "web",
        "subresource": "exec",
        "apiGroup": "apps",
    },
    annotations={"authorization.k8s.io/decision": "allow", "it's]": "odd"},
    requestObject={"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}},
    responseObject={
        "spec": {
            "containers": [
                {
                    "name": "a",
                    "securityContext": {"privileged": True},
                    "ports": [{"p": 1}, {"p": 2}],
                },
                {"name": "b"},
                {"name": None, "securityContext": {"privileged": False}, "ports": [{"p": 3}]},
            ],
            "0": "zero",
        }
    },
    responseStatus={"code": 201},
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user.username", ['joé "x"']),
        ("verb", ["create"]),
        ("resource", ["pods"]),
        ("namespace", ["shop"]),
        ("name", ["web"]),
        ("subresource", ["exec"]),
        ("apiGroup", ["apps"]),
        ("code", ["201"]),
        ('annotations["authorization.k8s.io/decision"]', ["allow"]),
        ("annotations['authorization.k8s.io/decision']", ["allow"]),
        ('annotations["it\'s]"]', ["odd"]),
        ('["verb"]', ["create"]),
        ('["name"]', None),  # quoted: the member itself, not what it readably stands for
        ("request.spec.volumes[0].hostPath.path", ["/etc"]),
        ("requestObject.spec.volumes[0].name", ["v"]),
        ("request.spec.volumes[1].name", None),
        ("response.spec.containers[*].securityContext.privileged", ["true", "false"]),
        ("response.spec.containers.*.securityContext.privileged", ["true", "false"]),
        ("response.spec.containers[*].name", ["a", "b"]),
        ("response.spec.containers[*].ports[*].p", ["1", "2", "3"]),
        ("response.spec.containers.0.name", ["a"]),
        ("response.spec.0", ["zero"]),
        ("response.spec[0]", None),  # a position is of arrays only
        ("response.spec.containers.name", None),  # no stepping through arrays unasked
        ("user.groups", ['["a","b"]']),
        ("user.groups[*]", ["a", "b"]),
        ("user.*", ['joé "x"', '["a","b"]']),
        ("responseStatus", ['{"code":201}']),
        ("nothing.at.all", None),
        ("verb.deeper", None),
    ],
)
def test_values_at_a_path(path: str, expected: list[str] | None) -> None:
    assert values(shared_plugin(), EVENT, f"k8s.audit[{path}]") == [expected]


def test_null_is_no_value() -> None:
    event = audit_event(a=None, b=[None, 1])
    got = values(shared_plugin(), event, "k8s.audit[a]", "k8s.audit[b[*]]")
    assert got == [None, ["1"]]


@pytest.mark.parametrize(
    "path", ["", "a..b", "a.", ".a", "a[", "a[x]", 'a["x', "a]b", "a[-1]", "a[0]b", 'a["x"b]']
)
def test_what_is_no_path_has_no_value_and_says_why(path: str) -> None:
    plugin = new_plugin()
    assert values(plugin, EVENT, f"k8s.audit[{path}]") == [None]
    assert plugin.failures.events == 1
    assert "k8s.audit" in plugin.failures.message


def test_many_values_are_all_there() -> None:
    event: dict[str, Any] = audit_event(items=[{"n": i} for i in range(5000)])
    (got,) = values(shared_plugin(), event, "k8s.audit[items[*].n]")
    assert got == [str(i) for i in range(5000)]


def test_the_namespace_is_declared_as_one() -> None:
    field = shared_plugin().field("k8s.audit")
    assert field.path
    assert field.is_list
