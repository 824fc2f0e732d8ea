"""Explanations give the verdicts that the evaluator gives, on captures and rules at hand."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from engine.evaluate import Evaluator
from engine.evttypes import event_types
from engine.explain.explainer import Explainer
from engine.explain.tree import Kind
from engine.fields.catalogue import Catalogue
from engine.language.parser import parse
from engine.plan import Plan
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import load_rules, read_rule_files
from tests.conformance.cases import UPSTREAM, needs_shared, read_jsonl
from tests.conformance.conditions import CASES, loaded

LIVE = UPSTREAM / "captures" / "live"


@needs_shared
@pytest.mark.parametrize("start", range(6))
def test_random_conditions(start: int) -> None:
    catalogue = Catalogue.native()
    explainer = Explainer(catalogue)
    for case in read_jsonl(CASES)[start::60]:
        expr = parse(case["condition"])
        evaluator = Evaluator(Plan(catalogue, "syscall", [("rule", expr)]))
        codes = sorted(event_types(expr))
        explainable = explainer.condition(case["condition"], "syscall")
        for capture in sorted(case["hits"])[start % 4 :: 4]:
            segment = loaded(capture)[0]
            wanted = np.intersect1d(
                evaluator.judge(segment).rows[0],
                np.flatnonzero(np.isin(segment.events.type, codes)),
            )
            step = max(len(segment) // 5, 1)
            some = {*wanted[:2].tolist(), *range(start % step, len(segment), step)}
            for row in some:
                assert explainable.explain(segment, row).fires == (row in wanted), (case, row)


@needs_shared
def test_rules_of_falco() -> None:
    catalogue = Catalogue.native()
    paths = sorted(Path(UPSTREAM / "rules" / "falcosecurity-rules").glob("*.yaml"))
    result = load_rules(read_rule_files(paths), EngineChecker(catalogue))
    result.raise_for_errors()
    rules = [rule for rule in result.ruleset.rules if rule.source == "syscall"]
    plan = Plan(catalogue, "syscall", [(rule.name, rule.condition) for rule in rules])
    explainer = Explainer(catalogue, result.ruleset.definitions)
    explainables = [explainer.rule(rule) for rule in rules]
    (segment, *_) = loaded("live/intrusion.scap")
    verdicts = Evaluator(plan).judge(segment)
    hits = sorted(set(itertools.chain(*(rows[:1].tolist() for rows in verdicts.rows))))
    assert len(hits) > 8  # of which every third is explained
    for row in [*hits[::3], 0, 50]:
        for rule, explainable, rows in zip(rules, explainables, verdicts.rows, strict=True):
            found = explainable.explain(segment, row)
            assert found.root.holds == (row in rows), (rule.name, row)
            places = [
                part.place
                for part in found.root.walk()
                if part.kind in (Kind.CHECK, Kind.MACRO, Kind.EXCEPTION)
            ]
            # Every part of every rule knows where it was written.
            assert all(place is not None and place.line for place in places), rule.name
            assert bool(found.failing) != found.root.holds
