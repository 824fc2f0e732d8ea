"""The shape a rules file is meant to have, beyond what loading needs.

Falco checks every document against a JSON schema and says "ok" or "failed" without refusing the
file. Its checker is lenient: in YAML all scalars are text, so that any value passes for a string,
``true`` and ``false`` for a boolean, and whatever reads as a number for an integer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.yaml import Node

OK = "ok"
FAILED = "failed"
NONE = "none"

_Check = Callable[[Node, str], Iterator[str]]

_PRIORITIES = (
    "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "INFORMATIONAL",
    "DEBUG",
)  # fmt: skip
_MAX_MESSAGES = 100


def validate(documents: list[Node]) -> list[str]:
    """For each document ``ok`` or messages that begin with ``failed``, at most a hundred."""
    found: list[str] = []
    for document in documents:
        problems = 0
        for problem in _sequence_of(_item)(document, "<root>"):
            found.append(f"{FAILED} for {problem}")
            problems += 1
            if len(found) >= _MAX_MESSAGES:
                return found
        if not problems:
            found.append(OK)
    return found


def status(messages: list[str]) -> str:
    """``ok``, ``failed …`` or ``none``: what the first document came to."""
    return messages[0] if messages else NONE


def _any(_node: Node, _path: str) -> Iterator[str]:
    return iter(())


def _boolean(node: Node, path: str) -> Iterator[str]:
    if node.text not in ("true", "false"):
        yield f"{path}: the value is no boolean (true or false)"


def _integer(node: Node, path: str) -> Iterator[str]:
    try:
        int(node.text)
    except ValueError:
        yield f"{path}: the value is no integer"


def _one_of(*allowed: str) -> _Check:
    def check(node: Node, path: str) -> Iterator[str]:
        if node.text not in allowed:
            yield f"{path}: the value is none of {', '.join(allowed)}"

    return check


def _sequence_of(inner: _Check) -> _Check:
    def check(node: Node, path: str) -> Iterator[str]:
        if not node.is_sequence:
            yield f"{path}: the value is no sequence"
            return
        for index, item in enumerate(node.items):
            yield from inner(item, f"{path}[{index}]")

    return check


def _map_of(
    keys: Mapping[str, _Check], *, required: tuple[str, ...] = (), least: int = 0
) -> _Check:
    def check(node: Node, path: str) -> Iterator[str]:
        if not node.is_map:
            if not (node.is_sequence and not node.items):
                yield f"{path}: the value is no mapping"
            return
        for key, value in node.pairs:
            inner = keys.get(key.text) if key.is_scalar else None
            if inner is None:
                yield f"{path}: the key '{key.text}' does not belong here"
            else:
                yield from inner(value, f"{path}[{key.text}]")
        for name in required:
            if name not in node:
                yield f"{path}: the key '{name}' is missing"
        if len(node.pairs) < least:
            yield f"{path}: the mapping is empty"

    return check


_override = _one_of("append", "replace")
_requirement = {"name": _any, "version": _any}

_item = _map_of(
    {
        "required_engine_version": _any,
        "required_plugin_versions": _sequence_of(
            _map_of(
                {
                    **_requirement,
                    "alternatives": _sequence_of(
                        _map_of(_requirement, required=("name", "version"))
                    ),
                },
                required=("name", "version"),
            )
        ),
        "macro": _any,
        "condition": _any,
        "list": _any,
        "items": _sequence_of(_any),
        "rule": _any,
        "desc": _any,
        "enabled": _boolean,
        "output": _any,
        "append": _boolean,
        "priority": _one_of(*_PRIORITIES),
        "capture": _boolean,
        "capture_duration": _integer,
        "source": _any,
        "exceptions": _sequence_of(
            _map_of(
                {"name": _any, "fields": _any, "comps": _any, "values": _any}, required=("name",)
            )
        ),
        "override": _map_of(
            dict.fromkeys(
                (
                    "items",
                    "desc",
                    "condition",
                    "output",
                    "priority",
                    "enabled",
                    "exceptions",
                    "capture",
                    "capture_duration",
                    "tags",
                    "warn_evttypes",
                    "skip-if-unknown-filter",
                ),
                _override,
            ),
            least=1,
        ),
        "tags": _sequence_of(_any),
        "warn_evttypes": _boolean,
        "skip-if-unknown-filter": _boolean,
    }
)
