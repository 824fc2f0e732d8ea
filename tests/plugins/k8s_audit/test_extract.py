"""Fields of audit events where the traces say nothing: odd JSON, arguments, other shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.k8s_audit.support import audit_event, new_plugin, shared_plugin, values


def ask(event: Any, *names: str) -> Any:
    got = values(shared_plugin(), event, *names)
    return got[0] if len(names) == 1 else got


def pod(**spec: Any) -> dict[str, Any]:
    return audit_event(requestObject={"spec": spec})


@pytest.mark.parametrize(
    ("uri", "key", "expected"),
    [
        ("/a?x=1&y=2", "y", "2"),
        ("/a?x=1&x=2", "x", "1"),
        ("/a?x", "x", ""),
        ("/a?x=a+b%20c", "x", "a b c"),
        ("/a?%78=1", "x", "1"),
        ("/a", "x", None),
        ("/a?x=%zz", "x", None),  # one bad escape spoils all of it
        ("/a?y=%zz&x=1", "x", None),
        ("/a?x=1;y=2", "x", None),
        ("/a?&&x=1", "x", "1"),
        ("/a?x=1#y=2", "x", "1"),
        ("/a%zz?x=1", "x", None),
        ("/a?x=1\u007f", "x", None),
        ("http://host/a?x=1", "x", "1"),
        ("mailto:a?x=1", "x", "1"),
        ("a:b/c?x=1", "x", "1"),
        ("1:b?x=1", "x", None),
        ("/a?x=?", "x", "?"),
    ],
)
def test_uri_parameters_by_the_rules_of_go(uri: str, key: str, expected: str | None) -> None:
    assert ask(audit_event(requestURI=uri), f"ka.uri.param[{key}]") == expected


def test_an_index_picks_one_container() -> None:
    event = pod(containers=[{"name": "a", "image": "i:1"}, {"name": "b", "image": "r/j@sha256:0"}])
    assert ask(event, "ka.req.pod.containers.name[1]") == ["b"]
    assert ask(event, "ka.req.pod.containers.name[2]") is None
    assert ask(event, "ka.req.pod.containers.name[18446744073709551614]") is None
    assert ask(event, "ka.req.pod.containers.image.repository") == ["i", "r/j"]
    assert ask(event, "ka.req.container.image") == "i:1"
    assert ask(event, "ka.req.container.image.repository") == "i"


def test_a_gap_ends_names_but_not_flags() -> None:
    event = pod(
        containers=[{"name": "a"}, {"securityContext": {"privileged": True}}],
        initContainers=[{"securityContext": {"privileged": None}}],
    )
    assert ask(event, "ka.req.pod.containers.name") is None
    assert ask(event, "ka.req.pod.containers.privileged") == ["true"]
    assert ask(event, "ka.req.container.privileged") == "true"
    assert ask(event, "ka.req.pod.initContainers.privileged") == ["null"]


def test_effective_ids_fall_back_to_the_spec_then_to_0() -> None:
    event = pod(runAsUser=7, containers=[{"runAsUser": 5}, {}])
    assert ask(event, "ka.req.pod.containers.eff_run_as_user") == ["5", "7"]
    assert ask(event, "ka.req.pod.containers.eff_run_as_group") == ["0", "0"]


def test_commands_are_joined_and_must_be_strings() -> None:
    event = pod(
        containers=[{"command": ["sh", "-c", 'echo "\u00e9"'], "args": ["a"]}, {}],
        initContainers=[{"command": "sh"}],
        ephemeralContainers=[{"command": ["sh", 1]}],
    )
    assert ask(event, "ka.req.pod.containers.command") == ['sh -c echo "é"']
    assert ask(event, "ka.req.pod.containers.args") == ["a"]
    assert ask(event, "ka.req.pod.initContainers.command") is None
    assert ask(event, "ka.req.pod.ephemeralContainers.command") is None


def test_ports_of_containers_and_services() -> None:
    event = pod(
        containers=[{"ports": [{"hostPort": 80, "containerPort": 8080}, {"containerPort": 1}, {}]}],
        ports=[{"port": 1}, {"port": 2}],
    )
    assert ask(event, "ka.req.pod.containers.host_port") == ["80", "1"]
    assert ask(event, "ka.req.service.ports") == ['[{"port":1},{"port":2}]']


def test_volumes() -> None:
    event = pod(
        volumes=[
            {"name": "a", "hostPath": {"path": "/var/run/docker.sock"}},
            {"name": "b", "flexVolume": {"driver": "d"}},
            {"name": "c", "hostPath": {"path": "/proc/1"}},
        ]
    )
    assert ask(event, "ka.req.pod.volumes.hostpath") == ["/var/run/docker.sock", "/proc/1"]
    assert ask(event, "ka.req.pod.volumes.flexvolume_driver") == ["d"]
    assert ask(event, "ka.req.pod.volumes.volume_type") == ["hostPath", "flexVolume", "hostPath"]
    assert ask(event, "ka.req.pod.volumes.volume_type[1]") == ["flexVolume"]
    assert ask(event, "ka.req.volume.hostpath[/proc*]") == "true"
    assert ask(event, "ka.req.volume.hostpath[/proc]") == "false"
    assert ask(event, "ka.req.volume.hostpath[/proc/1]") == "true"
    assert ask(audit_event(), "ka.req.volume.hostpath[/proc]") is None


def test_role_rules_and_subjects() -> None:
    event = audit_event(
        requestObject={
            "rules": [{"verbs": ["get", "*"], "resources": "pods"}, {"verbs": ["watch"]}],
            "subjects": [
                {"kind": "User", "name": "u"},
                {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
                {"kind": "ServiceAccount", "name": "t"},
                {"kind": "Group"},
            ],
        }
    )
    assert ask(event, "ka.req.role.rules.verbs") == ["get", "*", "watch"]
    assert ask(event, "ka.req.role.rules.verbs[1]") == ["watch"]
    assert ask(event, "ka.req.role.rules.resources") is None
    assert ask(event, "ka.req.binding.subjects.user_names") == ["u"]
    assert ask(event, "ka.req.binding.subjects.serviceaccount_names") == ["s", "t"]
    assert ask(event, "ka.req.binding.subjects.serviceaccount_ns_names") == ["n:s"]
    assert ask(event, "ka.req.binding.subjects.group_names") is None
    assert ask(event, "ka.req.binding.subject.has_name[x]") == "true"


def test_lists_on_the_way_are_stepped_through() -> None:
    event = audit_event(requestObject=[{"spec": {"containers": [{"image": "a"}]}}, {"spec": []}])
    assert ask(event, "ka.req.pod.containers.image") == ["a"]
    event = audit_event(requestObject={"spec": [{"containers": {"image": "b"}}]})
    assert ask(event, "ka.req.pod.containers.image") == ["b"]


def test_the_target_pod_is_named_by_pod_requests_only() -> None:
    answer = {"metadata": {"name": "p"}}
    assert (
        ask(
            audit_event(objectRef={"resource": "pods"}, responseObject=answer), "ka.target.pod.name"
        )
        == "p"
    )
    for reference in ({"resource": "pods", "subresource": "exec"}, {"resource": "jobs"}, "pods"):
        event = audit_event(objectRef=reference, responseObject=answer)
        assert ask(event, "ka.target.pod.name") is None


def test_escapes_duplicates_and_null() -> None:
    raw = (
        b'{"auditID":"x","v\\u0065rb":"get","verb":"list","user":{"username":"a\\ud83d\\ude00\\n\\q"},'
        b'"stage":null,"requestURI":1.50}'
    )
    assert ask(raw, "ka.verb", "ka.user.name", "ka.stage", "ka.uri") == [
        "get",
        "a\U0001f600\n\\q",
        "null",
        "1.50",
    ]
    assert ask(raw, "jevt.value[/user]") == '{"username":"a\\ud83d\\ude00\\n\\q"}'


def test_raw_controls_and_bytes_that_are_no_utf8_pass_as_upstream() -> None:
    raw = b'{"auditID":"x","verb":"a\tb","user":{"username":"\xff\xfe"}}'
    assert ask(raw, "ka.verb", "ka.user.name") == ["a\tb", "\udcff\udcfe"]
    assert ask(raw, "jevt.obj") is None  # Go's indenter is stricter than its reader


def test_what_is_no_audit_event_has_json_fields_only() -> None:
    assert ask({"verb": "get"}, "ka.verb", "jevt.value[/verb]", "k8s.audit[verb]") == [
        None,
        "get",
        ["get"],
    ]
    assert ask(b'[{"auditID":1}]', "ka.auditid", "jevt.value[/0/auditID]") == [None, "1"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"x",
        b" {}",
        b"{",
        b'{"a":1,}',
        b'{"a" 1}',
        b'{"a":tru}',
        b'{"a":01}',
        b'{"a":1}}',
        b'{"a":"x}',
        b"[" * 400 + b"]" * 400,
        b'{"a":1} {"b":2}',
    ],
)
def test_what_is_no_json_fails_and_names_the_event(payload: bytes) -> None:
    plugin = new_plugin()
    assert values(plugin, payload, "ka.verb", "jevt.obj") == [None, None]
    assert plugin.failures.events == 1
    assert "not JSON" in plugin.failures.message


def test_indented_as_go_does() -> None:
    assert ask(b'{"a":[],"b":{ },"c":[1,{"d":"x y"}]}\n', "json.obj") == (
        '{\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    {\n      "d": "x y"\n    }\n  ]\n}\n'
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))  # API: no NUL
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def pointers(value: Any, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every place in a value, as the keys that lead there and what is there."""
    found = [(keys, value)]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += pointers(inner, (*keys, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found += pointers(inner, (*keys, str(i)))
    return found


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(TEXT, JSON, max_size=5), st.booleans(), st.data())
def test_pointers_agree_with_plain_python(
    value: dict[str, Any], ascii_only: bool, data: st.DataObject
) -> None:
    keys, there = data.draw(st.sampled_from(pointers(value)))
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    if isinstance(there, str):
        expected = there
    else:
        expected = json.dumps(there, separators=(",", ":"), ensure_ascii=ascii_only)
    assert ask(raw, f"json.value[{pointer}]", "json.obj") == [
        expected,
        json.dumps(value, indent=2, ensure_ascii=ascii_only),
    ]
