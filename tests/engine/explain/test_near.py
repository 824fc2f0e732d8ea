"""Near misses, against asking every conjunct of every event."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluate import Evaluator
from engine.explain.conjuncts import Conjunct, conjuncts
from engine.explain.explainer import Explainer
from engine.explain.near import NearCounter, NearMisses
from engine.explain.outline import Outliner
from engine.language.parser import parse
from engine.plan import Plan
from engine.ruleset.model import Definitions
from tests.engine.explain.test_explainer import EVENT, loaded
from tests.engine.tables import CATALOGUE, SOURCE, segment
from tests.engine.test_evaluate import CONDITIONS, EVENTS, FIELDS
from tests.reference import Value


def parts_of(text: str) -> list[Conjunct]:
    return conjuncts(Outliner(Definitions()).condition(parse(text)))


def counted(parts: list[Conjunct], events: list[dict[str, Value]], size: int = 5) -> NearMisses:
    counter = NearCounter(parts, CATALOGUE, SOURCE, examples=3)
    for start in range(0, len(events), size):
        some = events[start : start + size]
        numbers = np.arange(start + 1, start + 1 + len(some), dtype=np.int64)
        counter.add(segment(some, FIELDS), numbers)
    return counter.result()


@settings(max_examples=100, deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=4), EVENTS, st.integers(1, 4))
def test_against_every_conjunct(
    texts: list[str], events: list[dict[str, Value]], times: int
) -> None:
    whole = " and ".join(f"({text})" for text in texts)
    parts = parts_of(whole)
    events = events * times
    found = counted(parts, events)
    plan = Plan(CATALOGUE, SOURCE, [(str(n), part.expr) for n, part in enumerate(parts)])
    held = np.zeros((len(parts), len(events)), np.bool_)
    conditions = {}
    if events:
        for n, rows in enumerate(Evaluator(plan).judge(segment(events, FIELDS)).rows):
            held[n, rows] = True
    for n, rule in enumerate(plan.rules):
        conditions.setdefault(rule.condition, n)
    held = held[list(conditions.values())]
    distinct = [parts[n] for n in conditions.values()]
    misses = (~held).sum(axis=0)
    assert found.events == len(events)
    assert found.matched == np.count_nonzero(misses == 0)
    by_part = {id(group.conjunct): group for group in found.groups}
    for n, part in enumerate(distinct):
        near = np.flatnonzero((misses == 1) & ~held[n]) + 1
        group = by_part.pop(id(part), None)
        assert (0 if group is None else group.count) == len(near)
        if group is not None:
            assert group.first == tuple(near[:3].tolist())
            assert sum(value.count for value in group.values) + group.others == len(near)
    assert not by_part
    # The whole condition is its conjuncts.
    rule = Plan(CATALOGUE, SOURCE, [("whole", parse(whole))])
    if events:
        assert len(Evaluator(rule).judge(segment(events, FIELDS)).rows[0]) == found.matched


def test_grouped_by_conjunct_and_value() -> None:
    ruleset = loaded()
    rule = ruleset.rule("One")
    assert rule is not None
    parts = conjuncts(Outliner(ruleset.definitions).rule(rule))
    assert [(part.text, part.macros, part.exception) for part in parts] == [
        ("a_shell", ("deep",), ""),
        ("not n.i = 1", ("deep",), ""),
        ("t.b contains x", (), ""),
        ("not t.path in (/ok, /fine)", (), "single"),
        ("not (t.a = bash and n.j < 5)", (), "pairs"),
    ]
    assert all(part.place is not None and part.place.line for part in parts)
    events: list[dict[str, Value]] = [
        EVENT,
        {**EVENT, "t.a": b"vi"},
        {**EVENT, "t.a": b"vi"},
        {**EVENT, "t.a": None},
        {**EVENT, "t.a": b"vi", "n.i": 1},
        {**EVENT, "t.path": b"/ok"},
        {**EVENT, "t.a": b"bash", "n.j": 3},
    ]
    found = counted(parts, events, size=2)
    assert (found.matched, found.count) == (1, 5)
    shell, *others = found.groups
    assert (shell.conjunct.text, shell.fields, shell.count) == ("a_shell", ("t.a",), 3)
    assert [(value.values, value.count, value.first) for value in shell.values] == [
        (("vi",), 2, (2, 3)),
        ((None,), 1, (4,)),
    ]
    told = {group.conjunct.exception: group for group in others}
    assert told["single"].values[0].values == ("/ok",) and told["single"].first == (6,)
    assert told["pairs"].fields == ("t.a", "n.j")
    assert told["pairs"].values[0].values == ("bash", "3")


def test_alternatives_under_not_are_told_apart() -> None:
    parts = parts_of("t.a = x and not (t.b = y or (n.i = 1 and n.j = 2) or not n.u = 3)")
    assert [part.text for part in parts] == [
        "t.a = x", "not t.b = y", "not (n.i = 1 and n.j = 2)", "n.u = 3",
    ]  # fmt: skip
    many = " or ".join(f"n.i = {n}" for n in range(100))
    assert len(parts_of(f"t.a = x and not ({many})")) == 2


def test_values_without_end_are_counted() -> None:
    events: list[dict[str, Value]] = [{"t.a": b"x", "n.i": n, "n.j": 1} for n in range(5_000)]
    found = counted(parts_of("t.a = x and n.j = 1 and n.i < 0"), events, size=1_000)
    (group,) = found.groups
    assert group.count == 5_000 and len(group.values) == 20 and group.others == 4_980


def test_what_always_or_never_holds() -> None:
    found = counted(parts_of("evt.num >= 0 and t.a = x and evt.num = 0"), [{"t.a": b"x"}, {}])
    assert [group.conjunct.text for group in found.groups] == ["evt.num = 0"]
    assert found.groups[0].first == (1,)


def test_macros_within_macros_are_taken_apart_once() -> None:
    lines = ["- macro: m0\n  condition: t.a = x and n.i = 1"]
    lines += [
        f"- macro: m{n}\n  condition: m{n - 1} and m{n - 1} and n.j = {n}" for n in range(1, 14)
    ]
    lines.append(
        "- rule: One\n  desc: d\n  source: made\n  priority: NOTICE\n  output: o\n  condition: m13"
    )
    ruleset = loaded("\n".join(lines))
    rule = ruleset.rule("One")
    assert rule is not None
    parts = conjuncts(Outliner(ruleset.definitions).rule(rule))
    assert [part.text for part in parts] == [
        "t.a = x", "n.i = 1", *(f"n.j = {n}" for n in range(1, 14)),
    ]  # fmt: skip
    explainable = Explainer(CATALOGUE, ruleset.definitions).rule(rule)
    found = explainable.explain(segment([{"t.a": b"x"}], FIELDS), 0)
    assert len(found.failing) == 14
