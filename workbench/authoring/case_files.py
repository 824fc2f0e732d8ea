"""Tests of rules as files: which events a rule must fire on, and which it must not.

A file holds one test or a list of them, as YAML or JSON:

    - rule: Password Hashes Read
      capture: intrusion.scap        # beside the file; or what a plugin opens
      events: [30, 49]               # exactly these fire; or "hits: 2", or "at_least: 1"
      fires:
        - why: With an ordinary tool
          fields: {evt.type: openat, fd.name: /etc/shadow, proc.name: cat}
      silent:
        - why: A plugin's event, whole
          event: {verb: get}

``fields`` are those of the event as a condition names them; one that is not named has no value.
``event`` is what the source's plugin gives. A rule is asked on its own, whatever other rules match.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.errors import FalcowbError, Place
from engine.yaml import Node, load_documents, read_text

_KEYS = ("rule", "capture", "events", "hits", "at_least", "fires", "silent", "why")


@dataclass(frozen=True, slots=True)
class Inline:
    """An event of a test: ``fields``, or ``event`` for a plugin; ``why`` is for people."""

    why: str
    fires: bool
    fields: Mapping[str, Any] | None
    event: Any


@dataclass(frozen=True, slots=True)
class OnCapture:
    """What a rule does on a capture. ``path`` is found from the test's folder. Of ``events``
    (numbers), ``hits`` and ``at_least`` one is set."""

    path: str
    events: tuple[int, ...] | None = None
    hits: int | None = None
    at_least: int | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    rule: str
    place: Place
    inline: tuple[Inline, ...]
    capture: OnCapture | None = None


def read_tests(path: str | Path) -> list[RuleTest]:
    """The tests of a file, or of the ``.yaml``, ``.yml`` and ``.json`` files in a folder and below.

    Raises FalcowbError for what is not as described above.
    """
    found = Path(path)
    if found.is_dir():
        files = [
            each
            for each in sorted(found.rglob("*"))
            if each.suffix in (".yaml", ".yml", ".json") and each.is_file()
        ]
        if not files:
            raise FalcowbError("there are no tests in this folder", place=Place(str(found)))
        return [test for each in files for test in read_tests(each)]
    text = read_text(found)
    told: list[tuple[Any, Place]] = []
    if found.suffix == ".json":
        try:
            data = json.loads(text)
        except ValueError as error:
            raise FalcowbError(f"not JSON: {error}", place=Place(str(found))) from None
        items = data if isinstance(data, list) else [data]
        told = [(each, Place(str(found))) for each in items]
    else:
        for document in load_documents(text, str(found)):
            nodes = document.items if document.is_sequence else (document,)
            told += [(plain(node), node.place) for node in nodes]
    return [_test(each, place, found.parent) for each, place in told]


def plain(node: Node) -> Any:
    """A YAML node as Python data; numbers, true, false and null where they are not quoted."""
    if node.is_map:
        return {key.text: plain(value) for key, value in node.pairs}
    if node.is_sequence:
        return [plain(item) for item in node.items]
    if node.is_null:
        return None
    text = node.text
    if not node.style:
        if text in ("true", "false"):
            return text == "true"
        if node.as_int() is not None:
            return node.as_int()
        if node.as_float() is not None and any(mark in text for mark in ".eE"):
            return node.as_float()
    return text


def _test(told: Any, place: Place, folder: Path) -> RuleTest:
    def refuse(message: str, hint: str = "") -> FalcowbError:
        return FalcowbError(message, place=place, hint=hint)

    if not isinstance(told, dict) or not isinstance(told.get("rule"), str):
        raise refuse("a test names a rule: 'rule: NAME'")
    unknown = sorted(set(told) - set(_KEYS))
    if unknown:
        raise refuse(f"a test has no '{unknown[0]}'", f"Known: {', '.join(_KEYS)}.")
    inline: list[Inline] = []
    for key in ("fires", "silent"):
        if not isinstance(told.get(key) or [], list):
            raise refuse(f"'{key}' is a list of events")
        for each in told.get(key) or ():
            if not isinstance(each, dict) or ("fields" in each) is ("event" in each):
                raise refuse(f"each event under '{key}' has either 'fields' or 'event'")
            fields = each.get("fields")
            if fields is not None and not isinstance(fields, dict):
                raise refuse("'fields' are names with values")
            why = str(each.get("why") or f"event {len(inline) + 1}")
            inline.append(Inline(why, key == "fires", fields, each.get("event")))
    capture = _capture(told, folder, refuse) if "capture" in told else None
    if not inline and capture is None:
        raise refuse("a test has events under 'fires' or 'silent', or a 'capture'")
    return RuleTest(told["rule"], place, tuple(inline), capture)


def _capture(told: dict[str, Any], folder: Path, refuse: Any) -> OnCapture:
    path = str(told["capture"])
    if "://" not in path:
        path = str(folder / path)
    events, hits, least = (told.get(key) for key in ("events", "hits", "at_least"))
    if sum(each is not None for each in (events, hits, least)) != 1:
        raise refuse("with a 'capture' goes one of 'events', 'hits' and 'at_least'")
    if events is not None:
        if not isinstance(events, list) or not all(_is_count(each) for each in events):
            raise refuse("'events' are numbers of events")
        return OnCapture(path, events=tuple(sorted(set(events))))
    if not _is_count(hits if hits is not None else least):
        raise refuse("'hits' and 'at_least' are numbers")
    return OnCapture(path, hits=hits, at_least=least)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
