"""Explanations and near misses for people on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from capture.errors import Place
from engine.alerts import iso_8601
from engine.explain.tree import Explained, Explanation, Kind, Saw, Verdict
from workbench.cli.rules_text import printable

if TYPE_CHECKING:
    from engine.explain.near import NearGroup, NearMisses
    from engine.ruleset.model import Rule
    from workbench.authoring.explaining import EventExplained

_MARK = {Verdict.TRUE: "✔", Verdict.FALSE: "✘", Verdict.NO_VALUE: "∅"}
_STYLE = {Verdict.TRUE: "green", Verdict.FALSE: "red", Verdict.NO_VALUE: "yellow"}
_LONGEST = 160
#: Parts shown of one explanation; macros within macros can be endless.
_MOST_PARTS = 2_000


def print_event(found: EventExplained, console: Console, *, unfold: bool = False) -> None:
    head = Text.assemble((f"Event {found.number}", "bold"), f"  {iso_8601(found.time)}")
    if found.source != "syscall":
        head.append(f"  source {printable(found.source)}")
    console.print(head)
    for name, value in found.about:
        console.print(Text.assemble((f"  {name} ", "dim"), shortened(value)), soft_wrap=True)
    if not found.firing:
        console.print(Text("No rule that is on fires on it.", "yellow"))
        if len(found.explanations) > 1:
            console.print(Text("The nearest:", "dim"))
    elif len(found.firing) > len(found.alerting):
        alerting, *others = found.firing
        console.print(
            f"Rule '{printable(alerting)}' alerts; {_named(others)} would too, but rule_matching "
            "is 'first'.",
            soft_wrap=True,
        )
    for each in found.explanations:
        console.print()
        print_explanation(each, console, unfold=unfold)


def _named(names: list[str]) -> str:
    return ", ".join(f"'{printable(name)}'" for name in names)


def print_explanation(found: Explanation, console: Console, *, unfold: bool = False) -> None:
    name = f"Rule '{printable(found.rule)}'" if found.rule else "The condition"
    if found.fires:
        said = Text.assemble((name, "bold"), (" fires." if found.rule else " holds.", "bold green"))
    else:
        word = " does not fire." if found.rule else " does not hold."
        said = Text.assemble((name, "bold"), (word, "bold red"))
    if found.suppressed_by:
        several = "s" if len(found.suppressed_by) > 1 else ""
        said.append(f" Held back by its exception{several} {_named(list(found.suppressed_by))}.")
    elif not found.asked:
        said.append(" Its condition leaves out events of this type, so Falco never asks it.")
    elif not found.fires and len(found.failing) == 1:
        said.append(" One part stands in the way.")
    elif not found.fires:
        said.append(f" {len(found.failing)} parts stand in the way.")
    console.print(said, soft_wrap=True)
    left = [_MOST_PARTS]
    tree = Tree(_line(found.root), guide_style="dim")
    _grow(tree, found.root, unfold, left)
    console.print(tree)
    if left[0] < 0:
        console.print(Text("  … (more is left out)", "dim"))


def _grow(tree: Tree, part: Explained, unfold: bool, left: list[int]) -> None:
    for child in part.children:
        left[0] -= 1
        if left[0] < 0:
            return
        inner = child.children[0] if child.kind is Kind.NOT else None
        if inner is not None and inner.kind in (Kind.CHECK, Kind.MACRO):
            branch = tree.add(_line(inner, negated=child))
            is_open = unfold or (_is_open(inner, unfold) and not child.holds)
            child = inner
        else:
            branch = tree.add(_line(child))
            is_open = _is_open(child, unfold)
        if is_open:
            _grow(branch, child, unfold, left)


def _is_open(part: Explained, unfold: bool) -> bool:
    """What holds and was expected to, behind a name, stays behind it."""
    if unfold or part.kind not in (Kind.MACRO, Kind.EXCEPTION):
        return True
    return part.decides and not (part.kind is Kind.EXCEPTION and part.holds)


def _line(part: Explained, negated: Explained | None = None) -> Text:
    """``negated``: the "not" that the part stands under, which the line speaks for."""
    line = Text()
    dim = "" if part.decides else "dim"
    verdict = part.verdict if negated is None else negated.verdict
    line.append(f"{_MARK[verdict]} ", f"{_STYLE[verdict]} {dim}".strip())
    words = ("" if negated is None else "not ") + shortened(part.text or part.kind.value)
    line.append(words, dim or ("bold" if part.kind is not Kind.CHECK else ""))
    if part.kind is Kind.MACRO:
        line.append(f"  macro, {_at(part.defined)}", "dim")
    elif part.kind is Kind.EXCEPTION:
        line.append(f"  {_at(part.defined)}", "dim")
    elif part.kind is Kind.CHECK:
        _add_values(line, part, _STYLE[verdict] if part.decides else "dim")
        if part.place is not None:
            line.append(f"  {_at(part.place)}", "dim")
    return line


def _add_values(line: Text, part: Explained, style: str) -> None:
    saw = part.saw
    if saw is not None:
        line.append("  saw ", "dim")
        line.append(_value(saw), style)
    if part.right is not None:
        line.append(f", {part.right.name} is ", "dim")
        line.append(_value(part.right))
    for given in part.inputs:
        line.append(f" of {given.name} ", "dim")
        line.append(_value(given), "dim")
    holders = [use for use in part.lists if use.holds_it]
    if holders:
        use = holders[0]
        line.append(f"  in list {use.name}, {_at(use.place)}", "dim")
    elif part.matched is not None and saw is not None and part.matched != saw.text:
        line.append(f"  by {shortened(part.matched)}", "dim")


def _value(saw: Saw) -> str:
    if saw.text is None:
        return "no value"
    if len(saw.items) > 1:
        return shortened(", ".join(saw.items))
    return shortened(saw.text) or "the empty text"


def _at(place: Place | None) -> str:
    return "" if place is None else f"{place.file.rpartition('/')[2]}:{place.line}"


def shortened(text: str, length: int = _LONGEST) -> str:
    text = printable(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def print_near(rule: Rule, near: NearMisses, console: Console, most: int) -> None:
    console.print(
        Text.assemble(
            (f"Rule '{printable(rule.name)}'", "bold"),
            f" matches {near.matched:,} of {near.events:,} events, and misses {near.count:,} by "
            "one part of its condition.",
        ),
        soft_wrap=True,
    )
    for group in near.groups:
        console.print()
        _print_group(group, console, most)
    if near.not_asked:
        count = sum(number for _, number in near.not_asked)
        most_of = sorted(near.not_asked, key=lambda each: -each[1])[:6]
        names = ", ".join(f"{name} ({number:,})" for name, number in most_of)
        more = ", …" if len(near.not_asked) > len(most_of) else ""
        console.print(
            Text(
                f"\n{count:,} events of other types were not asked, for the fields of this rule "
                f"were not kept of them: {names}{more}",
                "dim",
            )
        )


def console_for_people() -> Console:
    """As wide as the terminal; where there is none, wide enough for most lines."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def _print_group(group: NearGroup, console: Console, most: int) -> None:
    conjunct = group.conjunct
    inside = [f"macro {name}" for name in conjunct.macros]
    inside += [f"exception {conjunct.exception}"] if conjunct.exception else []
    inside += [_at(conjunct.place)] if conjunct.place else []
    console.print(
        Text.assemble(
            (f"{group.count:>9,}  ", "bold yellow"),
            (printable(conjunct.text), "bold"),
            (f"  {', '.join(inside)}", "dim"),
        ),
        soft_wrap=True,
    )
    for value in group.values[:most]:
        pairs = zip(group.fields, value.values, strict=True)
        said = ", ".join(
            f"{name} {'has no value' if text is None else '= ' + shortened(text, 100)}"
            for name, text in pairs
        )
        events = ", ".join(map(str, value.first[:3]))
        console.print(
            Text.assemble((f"{value.count:>12,}  ", "yellow"), said, (f"  events {events}", "dim")),
            soft_wrap=True,
        )
    rest = group.count - sum(value.count for value in group.values[:most])
    if rest:
        console.print(Text(f"{rest:>12,}  with other values", "dim"))
