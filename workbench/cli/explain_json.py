"""Explanations and near misses as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import FalcowbError, Place
from engine.explain.tree import Explained, Explanation, Saw

if TYPE_CHECKING:
    from engine.explain.near import NearMisses
    from engine.ruleset.model import Rule
    from workbench.authoring.explaining import EventExplained

#: Parts written out; macros within macros can be endless.
_MOST_PARTS = 100_000


def event_as_json(found: EventExplained) -> dict[str, Any]:
    """Raises FalcowbError for an explanation too long to be written out."""
    return {
        "number": found.number,
        "time": found.time,
        "source": found.source,
        "event": dict(found.about),
        "firing": list(found.firing),
        "alerting": list(found.alerting),
        "explanations": [explanation_as_json(each) for each in found.explanations],
    }


def explanation_as_json(found: Explanation) -> dict[str, Any]:
    left = [_MOST_PARTS]
    return {
        "rule": found.rule,
        "source": found.source,
        "fires": found.fires,
        "asked": found.asked,
        "suppressed_by": list(found.suppressed_by),
        "failing": [part.text or part.kind.value for part in found.failing],
        "condition": _part(found.root, left),
    }


def _part(part: Explained, left: list[int]) -> dict[str, Any]:
    left[0] -= 1
    if left[0] < 0:
        raise FalcowbError(
            f"the condition comes to more than {_MOST_PARTS:,} checks when its macros are unfolded"
        )
    made: dict[str, Any] = {
        "kind": part.kind.value,
        "text": part.text,
        "verdict": part.verdict.value,
        "decides": part.decides,
        "place": place_as_json(part.place),
    }
    if part.name:
        made |= {"name": part.name, "defined": place_as_json(part.defined)}
    if part.saw is not None:
        made["saw"] = _saw(part.saw)
    if part.right is not None:
        made["right"] = _saw(part.right)
    if part.inputs:
        made["inputs"] = [_saw(each) for each in part.inputs]
    if part.matched is not None:
        made["matched"] = part.matched
    if part.lists:
        made["lists"] = [
            {"name": use.name, "defined": place_as_json(use.place), "items": use.items,
             "holds_it": use.holds_it}
            for use in part.lists
        ]  # fmt: skip
    if part.children:
        made["children"] = [_part(child, left) for child in part.children]
    return made


def _saw(saw: Saw) -> dict[str, Any]:
    return {"field": saw.name, "value": saw.text} | ({"items": saw.items} if saw.items else {})


def place_as_json(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "column": place.column}


def near_as_json(rule: Rule, near: NearMisses) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "events": near.events,
        "matched": near.matched,
        "near": near.count,
        "groups": [
            {
                "conjunct": group.conjunct.text,
                "macros": list(group.conjunct.macros),
                "exception": group.conjunct.exception or None,
                "place": place_as_json(group.conjunct.place),
                "fields": list(group.fields),
                "count": group.count,
                "first": list(group.first),
                "values": [
                    {"values": list(each.values), "count": each.count, "first": list(each.first)}
                    for each in group.values
                ],
                "other_values": group.others,
            }
            for group in near.groups
        ],
        "not_asked": dict(near.not_asked),
    }
