"""Folded events give the answers of events judged one by one, on every capture at hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.evaluate import Evaluator
from engine.evttypes import event_types
from engine.fields.catalogue import Catalogue
from engine.folding.judge import FoldingJudge
from engine.folding.keep import Keeper
from engine.folding.opened import OpenedCapture
from engine.language import ast
from engine.language.parser import parse
from engine.plan import Plan
from tests.conformance.cases import needs_shared, read_jsonl
from tests.conformance.conditions import CASES, loaded

#: Rules together; more of them fold events less.
TOGETHER = 60


def groups() -> Iterator[list[tuple[str, ast.Expr]]]:
    cases = enumerate(read_jsonl(CASES))
    rules = [(f"{n}: {case['condition']}", parse(case["condition"])) for n, case in cases]
    for start in range(0, len(rules), TOGETHER):
        yield rules[start : start + TOGETHER]


def captures() -> list[str]:
    return sorted({capture for case in read_jsonl(CASES) for capture in case["hits"]})


@needs_shared
@pytest.mark.parametrize(("room", "share"), [(1 << 30, slice(0, None, 3)), (10_000, slice(1, 6))])
def test_folded_events_match_as_they_do_alone(room: int, share: slice, tmp_path: Path) -> None:
    catalogue = Catalogue.native()
    for number, rules in enumerate(list(groups())[share]):
        plain = Evaluator(Plan(catalogue, "syscall", rules))
        codes = [np.array(sorted(event_types(expr)), np.uint16) for _, expr in rules]
        for place, capture in enumerate(captures()):
            folder = tmp_path / f"{number}-{place}"
            keeper = Keeper(folder)
            folding = FoldingJudge(catalogue, "syscall", rules, keeper, room=room)
            numbers: dict[str, list[int]] = {key: [] for key, _ in rules}
            for segment in loaded(capture):
                theirs = plain.judge(segment)
                ours = folding.judge(segment)
                assert ours.rules == theirs.rules
                types = segment.events.type
                for key, asked, mine, alone in zip(
                    ours.rules, codes, ours.rows, theirs.rows, strict=True
                ):
                    # Falco asks a rule only of the event types that its condition names.
                    wanted = alone[np.isin(types[alone], asked)]
                    assert mine.tolist() == wanted.tolist(), (key, capture)
                    numbers[key] += segment.events.num[mine].tolist()
            folding.end()
            keeper.close({})
            again = OpenedCapture(folder, catalogue, "syscall").judge(rules)
            assert {key: found.tolist() for key, found in again.items()} == numbers
            shutil.rmtree(folder)
