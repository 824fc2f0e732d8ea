"""The lines of the rules pane: files, sources and rules, as they are filtered and sorted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal

from workbench.backend.questions.rules import RuleFacts, Rules, Said
from workbench.backend.questions.writing import Cost
from workbench.tui.theme import PRIORITIES

Kind = Literal["file", "source", "rule", "problem"]
ORDERS = ("as loaded", "by hits", "by cost", "by priority", "by name")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``key`` tells it from all others; ``hits``: None for not judged."""

    kind: Kind
    key: str
    depth: int
    title: str
    file: str
    rule: RuleFacts | None = None
    hits: int | None = None
    alerts: int = 0
    errors: int = 0
    warnings: int = 0
    changed: bool = False
    cost: Cost | None = None
    folded: bool = False
    #: Of files and sources: rules that are on, and all.
    on: int = 0
    count: int = 0
    said: tuple[Said, ...] = ()


@dataclass
class Shown:
    """What the lines are made of."""

    rules: Rules
    hits: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    changed: Collection[tuple[str, str]] = ()
    folded: Collection[str] = ()
    words: str = ""
    only_hits: bool = False
    order: int = 0
    #: Files with edits that are not saved.
    edited: Collection[str] = ()


def lines(shown: Shown) -> list[Line]:
    """The lines in order."""
    return list(_lines(shown))


def _lines(shown: Shown) -> Iterator[Line]:
    by_file: dict[str, list[RuleFacts]] = {file: [] for file in shown.rules.files}
    for rule in shown.rules.rules:
        by_file.setdefault(rule.file, []).append(rule)
    said: dict[tuple[str, str], list[Said]] = {}
    for each in shown.rules.said:
        said.setdefault((each.file, each.item), []).append(each)
        by_file.setdefault(each.file, [])
    others = {*shown.rules.macros, *shown.rules.lists}
    for file, rules in by_file.items():
        own = {rule.name for rule in rules}
        kept = [line for rule in rules if (line := _rule(rule, said, shown))]
        problems = [
            _problem(file, item, tuple(those))
            for (where, item), those in said.items()
            if where == file and item not in own
            # A rule that was left out says so by a warning.
            and (item not in others or any(each.severity == "error" for each in those))
        ]  # fmt: skip
        if shown.words or shown.only_hits:
            problems = [] if shown.only_hits else [
                line for line in problems if _fits(line.title.lower(), shown.words)
            ]  # fmt: skip
            if not kept and not problems:
                continue
        yield from _file(file, rules, kept, problems, said, shown)


def _file(
    file: str,
    rules: Sequence[RuleFacts],
    kept: list[Line],
    problems: list[Line],
    said: Mapping[tuple[str, str], list[Said]],
    shown: Shown,
) -> Iterator[Line]:
    every = [each for (where, _), those in said.items() if where == file for each in those]
    folded = file in shown.folded and not shown.words
    yield Line(
        "file", file, 0, PurePath(file).name or file, file,
        hits=_sum(rules, shown.hits),
        errors=sum(each.severity == "error" for each in every),
        warnings=sum(each.severity == "warning" for each in every),
        changed=file in shown.edited,
        folded=folded,
        on=sum(rule.enabled for rule in rules),
        count=len(rules),
    )  # fmt: skip
    if folded:
        return
    yield from problems
    sources = dict.fromkeys(rule.source for rule in rules)
    for source in sources:
        mine = [rule for rule in rules if rule.source == source]
        lines_ = [line for line in kept if line.rule is not None and line.rule.source == source]
        if not lines_:
            continue
        depth = 1
        if len(sources) > 1:
            key = f"{file}\0{source}"
            folded = key in shown.folded and not shown.words
            yield Line(
                "source", key, 1, source, file, hits=_sum(mine, shown.hits), folded=folded,
                on=sum(rule.enabled for rule in mine), count=len(mine),
            )  # fmt: skip
            if folded:
                continue
            depth = 2
        for line in sorted(lines_, key=_order(shown.order)):
            yield replace(line, depth=depth)


def _sum(rules: Sequence[RuleFacts], hits: Mapping[str, int]) -> int | None:
    found = [hits[rule.name] for rule in rules if rule.name in hits]
    return sum(found) if found else None


def _rule(rule: RuleFacts, said: Mapping[tuple[str, str], list[Said]], shown: Shown) -> Line | None:
    hits = shown.hits.get(rule.name)
    if shown.only_hits and not hits:
        return None
    text = f"{rule.name} {rule.source} {' '.join(rule.tags)} {PRIORITIES[rule.priority]}".lower()
    if not _fits(text, shown.words):
        return None
    about = tuple(each for (_, item), those in said.items() if item == rule.name for each in those)
    return Line(
        "rule", f"rule\0{rule.name}", 1, rule.name, rule.file, rule, hits,
        shown.alerts.get(rule.name, 0),
        errors=sum(each.severity == "error" for each in about),
        warnings=sum(each.severity == "warning" for each in about),
        changed=("rule", rule.name) in shown.changed,
        cost=shown.costs.get(rule.name),
        said=about,
    )  # fmt: skip


def _problem(file: str, item: str, said: tuple[Said, ...]) -> Line:
    """Of an item that is no rule in force."""
    worst = next((each for each in said if each.severity == "error"), said[0])
    errors = sum(each.severity == "error" for each in said)
    return Line(
        "problem", f"problem\0{file}\0{item}", 1, item or worst.text, file,
        errors=errors, warnings=len(said) - errors, said=said,
    )  # fmt: skip


def _fits(text: str, words: str) -> bool:
    return all(word in text for word in words.lower().split())


def _order(order: int) -> Callable[[Line], tuple[float, str]]:
    def key(line: Line) -> tuple[float, str]:
        rule = line.rule
        assert rule is not None
        if order == 1:
            return (-(line.hits or 0), "")
        if order == 2:
            return (-(line.cost.nanoseconds if line.cost else 0.0), "")
        if order == 3:
            return (rule.priority, "")
        return (0, rule.name.lower() if order == 4 else "")

    return key
