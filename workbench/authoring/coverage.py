"""What tests of rules leave untried: rules without tests, and parts of conditions that no test
ever saw make the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from capture.errors import FalcowbError, Place
from engine.columns import Segment
from engine.explain.explainer import Explainable, Explainer
from engine.explain.tree import Explained, Kind
from engine.ruleset.model import Rule
from engine.ruleset.selection import RuleSet
from workbench.authoring.captures import on_captures
from workbench.authoring.case_files import RuleTest
from workbench.authoring.hits import Ints
from workbench.authoring.inline import InlineSegment, plugin_event
from workbench.authoring.walk import Walk, find_events
from workbench.core.session import Session

#: Events of one capture that a rule fires on and that are looked into.
_MOST_EVENTS = 50
#: Parts of one rule that are followed; macros within macros may be endless.
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Untried:
    """A part of a rule's condition. ``never``: ``true`` where no test saw it hold and decide;
    ``false`` where none saw it alone keep the rule from firing."""

    text: str
    place: Place | None
    never: str
    macros: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """``fires``, ``silent``: events of tests of either kind. ``parts``: checks that count,
    ``untried`` those that no test tried."""

    rule: str
    fires: int
    silent: int
    parts: int
    untried: tuple[Untried, ...]

    @property
    def share(self) -> float:
        """How much was tried, from 0 to 1."""
        return 1.0 - len(self.untried) / (2 * self.parts) if self.parts else 1.0


@dataclass(slots=True)
class _Seen:
    """What tests saw of one rule, by part: the path of places among children."""

    fires: int = 0
    silent: int = 0
    true: set[tuple[int, ...]] = field(default_factory=set)
    false: set[tuple[int, ...]] = field(default_factory=set)
    parts: dict[tuple[int, ...], tuple[Explained, tuple[str, ...]]] = field(default_factory=dict)


def coverage(
    tests: Sequence[RuleTest],
    session: Session,
    ruleset: RuleSet,
    walk: Callable[[str], Walk],
) -> list[RuleCoverage]:
    """Of every rule that is on, in load order. Tests that cannot be run count for nothing.

    Raises what reading a capture raises.
    """
    explainer = Explainer(session.plugins.surroundings.catalogue, ruleset.definitions)
    rules = {rule.name: rule for rule in ruleset.enabled()}
    made = {name: explainer.rule(rule) for name, rule in rules.items()}
    seen = {name: _Seen() for name in rules}
    hits = on_captures(tests, ruleset, walk)
    for test in tests:
        rule = rules.get(test.rule)
        if rule is None:
            continue
        for segment, row in _events(test, rule, session, hits, walk):
            _note(seen[rule.name], made[rule.name], segment, row)
    for name, each in seen.items():
        if not each.parts:  # never asked: what there is to try shows on an event without values
            _note(each, made[name], InlineSegment({}), 0, counts=False)
    return [_covered(name, each) for name, each in seen.items()]


def _events(
    test: RuleTest,
    rule: Rule,
    session: Session,
    hits: Mapping[str, Mapping[str, Ints]],
    walk: Callable[[str], Walk],
) -> Iterator[tuple[Segment, int]]:
    catalogue = session.plugins.surroundings.catalogue
    for event in test.inline:
        try:
            if event.fields is not None:
                yield InlineSegment.of(event.fields, catalogue, rule.source), 0
            else:
                yield plugin_event(event.event, session, rule.source), 0
        except FalcowbError:
            continue
    if test.capture is not None:
        numbers = hits[test.capture.path][rule.name]
        for found in find_events(walk(test.capture.path), numbers[:_MOST_EVENTS].tolist()):
            yield found.segment, found.row


def _note(
    seen: _Seen, explainable: Explainable, segment: Segment, row: int, *, counts: bool = True
) -> None:
    found = explainable.explain(segment, row)
    if counts:
        seen.fires += found.fires
        seen.silent += not found.fires
    alone = len(found.failing) == 1
    stack: list[tuple[tuple[int, ...], Explained, tuple[str, ...]]] = [((), found.root, ())]
    while stack and len(seen.parts) < _MOST_PARTS:
        path, part, macros = stack.pop()
        if part.kind is Kind.CHECK:
            seen.parts.setdefault(path, (part, macros))
            if counts and part.decides and (found.root.holds or alone):
                (seen.true if part.holds else seen.false).add(path)
            continue
        inside = (*macros, part.name) if part.kind is Kind.MACRO else macros
        for place, child in enumerate(part.children):
            stack.append(((*path, place), child, inside))


def _covered(name: str, seen: _Seen) -> RuleCoverage:
    untried = [
        Untried(part.text, part.place, word, macros)
        for path, (part, macros) in sorted(seen.parts.items(), key=lambda each: each[0])
        for word, tried in (("true", seen.true), ("false", seen.false))
        if path not in tried
    ]
    return RuleCoverage(name, seen.fires, seen.silent, len(seen.parts), tuple(untried))
