"""Macros put into conditions."""

from __future__ import annotations

import pytest

from engine.language.parser import parse
from engine.language.printer import to_string
from engine.ruleset.macros import MAX_NODES, Resolver, TooDeep


def resolver(**macros: str) -> Resolver:
    trees = {name: parse(text) for name, text in macros.items()}
    return Resolver(trees.get)


def test_macros_within_macros() -> None:
    made = resolver(a="x.y = 1 or b", b="not c", c="p.q exists").resolve(parse("a and z.z = 2"))
    assert to_string(made.expr) == "((x.y = 1 or not p.q exists) and z.z = 2)"
    assert sorted(made.resolved) == ["a", "b", "c"]
    assert made.unknown == []


def test_a_loop_is_found_from_wherever_one_comes_in() -> None:
    macros = resolver(a="b", b="c", c="b")
    made = macros.resolve(parse("a"))
    assert [message for message, _ in made.loops] == ["reference loop in macro 'b'"]
    made = macros.resolve(parse("c"))
    assert [message for message, _ in made.loops] == ["reference loop in macro 'c'"]


def test_macros_that_multiply_are_refused_without_being_written_out() -> None:
    macros = {f"m{n}": f"m{n + 1} and m{n + 1}" for n in range(60)}
    with pytest.raises(TooDeep, match=str(MAX_NODES)):
        resolver(**macros, m60="a.b exists").resolve(parse("m0"))


def test_macros_that_nest_without_end_are_refused() -> None:
    macros = {f"m{n}": f"m{n + 1}" for n in range(5000)}
    with pytest.raises(TooDeep, match="deeper"):
        resolver(**macros, m5000="a.b exists").resolve(parse("m0"))
