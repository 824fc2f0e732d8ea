"""Which rules fire on an event, and which come nearest: all asked at once, none explained."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

import numpy as np

from engine.columns import Segment
from engine.compile import AllOf, Condition
from engine.evaluate import Evaluator
from engine.evttypes import event_types
from engine.explain.explainer import Explainable, Explainer
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.plan import Plan
from engine.ruleset.model import Rule
from engine.ruleset.selection import RuleSet
from engine.syscalls.segment import SyscallSegment


class Ranking:
    """The rules of one source of a rule set that are on. For one thread."""

    def __init__(self, rules: tuple[Rule, ...], catalogue: Catalogue, source: str) -> None:
        self.rules = rules
        plan = Plan(catalogue, source, [(rule.name, rule.condition) for rule in rules])
        self._parts = [tuple(dict.fromkeys(_conjuncts(one.condition))) for one in plan.rules]
        self._evaluator = Evaluator(plan)
        self._codes = [
            event_types(rule.condition) if source == SYSCALL else frozenset() for rule in rules
        ]

    def failing(self, segment: Segment, row: int) -> list[tuple[Rule, int, bool]]:
        """The rules that Falco asks of events of this type, and of how many of its conjuncts each
        fails; of an event that it asks no rule of, all rules. The last says whether it is asked."""
        event = segment.take(np.array([row], np.int64))
        code = int(event.events.type[0]) if isinstance(event, SyscallSegment) else None
        places = [place for place, codes in enumerate(self._codes) if code is None or code in codes]
        asked = bool(places)
        places = places or list(range(len(self.rules)))
        every = list(dict.fromkeys(part for place in places for part in self._parts[place]))
        found = self._evaluator.ask(event, every)
        holds = dict(zip(every, (bool(len(rows)) for rows in found), strict=True))
        return [
            (self.rules[place], sum(not holds[part] for part in self._parts[place]), asked)
            for place in places
        ]


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    if not isinstance(condition, AllOf):
        yield condition
        return
    for child in condition.children:
        yield from _conjuncts(child)


class Explainables:
    """What is ready to explain rules of one rule set: made when first asked for, and let go with
    the rule set."""

    def __init__(self, ruleset: RuleSet, catalogue: Catalogue) -> None:
        self.explainer = Explainer(catalogue, ruleset.definitions)
        self.lock = threading.Lock()
        self._catalogue = catalogue
        self._made: dict[str, Explainable] = {}
        self._rankings: dict[str, Ranking] = {}

    def rule(self, rule: Rule) -> Explainable:
        made = self._made.get(rule.name)
        if made is None:
            made = self._made[rule.name] = self.explainer.rule(rule)
        return made

    def ranking(self, ruleset: RuleSet, source: str) -> Ranking:
        rules = ruleset.enabled(source)
        known = self._rankings.get(source)
        # Rules are turned on and off in place.
        if known is None or [id(one) for one in known.rules] != [id(one) for one in rules]:
            known = self._rankings[source] = Ranking(rules, self._catalogue, source)
        return known


_KNOWN: weakref.WeakKeyDictionary[RuleSet, tuple[Catalogue, Explainables]] = (
    weakref.WeakKeyDictionary()
)


def explainables(ruleset: RuleSet, catalogue: Catalogue) -> Explainables:
    """Those of a rule set, the same as long as it stands. Hold its ``lock`` while using it."""
    known = _KNOWN.get(ruleset)
    if known is None or known[0] is not catalogue:
        known = _KNOWN[ruleset] = catalogue, Explainables(ruleset, catalogue)
    return known[1]
