"""Why rules fire on an event or do not, and what a rule narrowly misses in a capture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.errors import FalcowbError
from engine.explain.conjuncts import conjuncts
from engine.explain.near import NearCounter, NearMisses
from engine.explain.near_kept import count_kept
from engine.explain.outline import Outliner
from engine.explain.tree import Explanation
from engine.fields.catalogue import SYSCALL
from engine.folding.opened import NotKept, OpenedCapture
from engine.language.errors import ConditionError
from engine.ruleset.model import Rule
from engine.ruleset.nearest import nearest
from engine.ruleset.selection import Matching, RuleSet
from engine.values import texts
from workbench.authoring.ranking import explainables
from workbench.authoring.walk import FoundEvent, Walk
from workbench.core import kept
from workbench.core.events_query import field_value
from workbench.core.session import Session

#: Rules that are explained where none fires and none is named.
NEAREST = 3
#: What tells a person which event it is.
_ABOUT = {
    SYSCALL: ("evt.type", "evt.res", "proc.cmdline", "fd.name", "user.name", "container.id"),
    "": ("evt.plugininfo",),
}


@dataclass(frozen=True, slots=True)
class EventExplained:
    """``about``: some fields of the event that have a value. ``firing``: every rule that is on and
    whose condition holds, in load order; ``alerting``: those that alert, which under
    ``rule_matching: first`` is the first. ``explanations``: of the rules asked for; or of those
    that fire; or of those that come nearest."""

    number: int
    time: int
    source: str
    about: tuple[tuple[str, str], ...]
    firing: tuple[str, ...]
    alerting: tuple[str, ...]
    explanations: tuple[Explanation, ...]


def explain_event(
    event: FoundEvent,
    session: Session,
    ruleset: RuleSet,
    *,
    names: Sequence[str] = (),
    conditions: Sequence[str] = (),
) -> EventExplained:
    """Explain rules by ``names`` (on or off), and ``conditions`` that may use the macros and lists
    of the rules. Raises FalcowbError for a name that no rule has, a condition that is none."""
    rules = [rule_named(ruleset, name) for name in names]
    strange = [rule for rule in rules if rule.source != event.source]
    if strange:
        raise FalcowbError(
            f"rule '{strange[0].name}' is for source {strange[0].source}; event {event.number} is "
            f"of source {event.source}"
        )
    known = explainables(ruleset, session.plugins.surroundings.catalogue)
    with known.lock:
        ranked = known.ranking(ruleset, event.source).failing(event.segment, event.row)
        firing = [rule.name for rule, count, asked in ranked if asked and not count]
        if not names and not conditions:
            rules = [rule for rule, _, _ in ranked if rule.name in firing]
            nearest_first = sorted(ranked, key=lambda each: each[1])
            rules = rules or [rule for rule, _, _ in nearest_first[:NEAREST]]
        made = [known.rule(rule) for rule in rules]
        made += [known.explainer.condition(text, event.source) for text in conditions]
        shown = [one.explain(event.segment, event.row) for one in made]
    return EventExplained(
        event.number,
        event.time,
        event.source,
        about(event, session),
        tuple(firing),
        tuple(firing[:1] if ruleset.matching is Matching.FIRST else firing),
        tuple(shown),
    )


def rule_named(ruleset: RuleSet, name: str) -> Rule:
    """Raises FalcowbError where there is none."""
    rule = ruleset.rule(name)
    if rule is None:
        hint = nearest(name, (each.name for each in ruleset.rules))
        raise FalcowbError(f"no rule is called '{name}'", hint=hint)
    return rule


def about(event: FoundEvent, session: Session) -> tuple[tuple[str, str], ...]:
    """Some fields of an event, those that have a value."""
    catalogue = session.plugins.surroundings.catalogue
    found: list[tuple[str, str]] = []
    for name in _ABOUT.get(event.source, _ABOUT[""]):
        try:
            value = field_value(name, catalogue, event.source)
        except ConditionError:
            continue
        part = event.segment.take(np.array([event.row], np.int64))
        columns = dict(zip(value.refs, part.columns(value.refs), strict=True))
        (text,) = texts(value.name, value.type, value.is_list, value.column(columns, 1))
        if text:
            found.append((name, text.decode("utf-8", "replace")))
    return tuple(found)


def near_misses(
    walk: Walk, ruleset: RuleSet, rule: Rule, *, opened: OpenedCapture | None = None
) -> NearMisses:
    """The events of a capture that ``rule`` narrowly misses.

    What was kept of the capture is asked where there is enough (``opened``, or what is found for
    the path of the walk), else all events. Raises FalcowbError.
    """
    catalogue = walk.session.plugins.surroundings.catalogue
    parts = conjuncts(Outliner(ruleset.definitions).rule(rule))
    if opened is None and walk.path is not None and rule.source == SYSCALL:
        opened = kept.find(walk.path, catalogue)
    if opened is not None:
        counter = NearCounter(parts, catalogue, rule.source)
        try:
            count_kept(counter, opened)
        except NotKept:
            pass
        else:
            return counter.result()
    counter = NearCounter(parts, catalogue, rule.source)
    for piece, segment in walk.segments(rule.source):
        counter.add(segment, piece.numbers)
    return counter.result()
