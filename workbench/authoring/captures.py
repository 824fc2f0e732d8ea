"""The captures that tests name, each judged once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.ruleset.selection import RuleSet
from workbench.authoring.case_files import RuleTest
from workbench.authoring.hits import Asked, Ints, find_hits
from workbench.authoring.walk import Walk


def on_captures(
    tests: Sequence[RuleTest], ruleset: RuleSet, walk: Callable[[str], Walk]
) -> dict[str, Mapping[str, Ints]]:
    """The events that rules match in each capture, by its path and the rule's name."""
    wanted: dict[str, dict[str, Asked]] = {}
    for test in tests:
        rule = ruleset.rule(test.rule)
        if test.capture is not None and rule is not None:
            asked = Asked(rule.name, rule.source, rule.condition)
            wanted.setdefault(test.capture.path, {})[rule.name] = asked
    return {
        path: find_hits(walk(path), list(rules.values())).numbers for path, rules in wanted.items()
    }
