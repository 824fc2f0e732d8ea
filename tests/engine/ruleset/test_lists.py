"""Lists put into conditions as text, every word keeping its place."""

from __future__ import annotations

import time

import pytest

from capture.errors import Place
from engine.ruleset.lists import ExpandedList, TooLarge, substitute
from engine.ruleset.text import Text


class Written:
    def __init__(self, name: str) -> None:
        self.name = name

    def locate(self, offset: int) -> Place:
        return Place(self.name, 1, offset + 1)


def listed(name: str, *items: str) -> ExpandedList:
    return ExpandedList(name, tuple(Text.of(item, Written(item)) for item in items))


def words(condition: str, *lists: ExpandedList) -> list[str]:
    return substitute(Text.of(condition), lists).value.split()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a.b in (l)", "a.b in ( x, y )"),
        ("a.b in (p,l,q)", "a.b in (p, x, y ,q)"),
        ("a.b in (l , l)", "a.b in ( x, y , x, y )"),
        ("a.b = l and c.d = l", "a.b = x, y and c.d = x, y"),
        ("a.b in (ll, l.l, l-l, al)", "a.b in (ll, l.l, l-l, al)"),
        ("l", "x, y"),
    ],
)
def test_a_name_between_delimiters_gives_way_to_the_items(condition: str, expected: str) -> None:
    assert words(condition, listed("l", "x", "y")) == expected.split()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a.b in (l)", "a.b in ( )"),
        ("a.b in (l, p)", "a.b in ( p)"),
        ("a.b in (p, l)", "a.b in (p )"),
        ("a.b in (p, l, q)", "a.b in (p , q)"),
        ("a.b in (l, l)", "a.b in ( )"),
    ],
)
def test_an_empty_list_takes_a_comma_with_it(condition: str, expected: str) -> None:
    assert words(condition, listed("l")) == expected.split()


def test_items_with_spaces_are_quoted_unless_they_are() -> None:
    assert words("a.b in (l)", listed("l", "x y", '"p q"', "'r s'")) == (
        ["a.b", "in", "(", '"x', 'y",', '"p', 'q",', "'r", "s'", ")"]
    )


def test_lists_go_in_once_in_their_order() -> None:
    inner, outer = listed("inner", "x"), listed("outer", "inner")
    assert words("a.b in (outer)", outer, inner) == ["a.b", "in", "(", "x", ")"]
    assert words("a.b in (outer)", inner, outer) == ["a.b", "in", "(", "inner", ")"]
    assert inner.used
    assert outer.used


def test_every_character_knows_where_it_was_written() -> None:
    condition = Text.of("a.b in (p, l, q)", Written("condition"))
    whole = substitute(condition, [listed("l", "first", "second")])
    for word, file, column in (
        ("first", "first", 1),
        ("second", "second", 1),
        ("cond", "second", 3),
        ("q)", "condition", 15),
        ("in", "condition", 5),
    ):
        place = whole.place(whole.value.index(word))
        assert place is not None
        assert (place.file, place.column) == (file, column), word


def test_lists_that_multiply_are_refused_quickly() -> None:
    lists = [listed(f"l{n}", f"l{n + 1}", f"l{n + 1}") for n in range(64)]
    start = time.process_time()
    with pytest.raises(TooLarge, match="grows beyond"):
        substitute(Text.of("a.b in (l0)"), lists)
    assert time.process_time() - start < 20


def test_many_uses_take_linear_time() -> None:
    condition = "a.b in (" + ", ".join(["l"] * 50_000) + ")"
    start = time.process_time()
    result = substitute(Text.of(condition), [listed("l", "x")])
    assert result.value.count("x") == 50_000
    assert time.process_time() - start < 5
