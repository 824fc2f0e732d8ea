"""Near misses of Falco's rules: of kept rows the same as of events one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capture.events.table import event_table
from engine.explain.conjuncts import conjuncts
from engine.explain.near import NearCounter, NearMisses
from engine.explain.near_kept import count_kept
from engine.explain.outline import Outliner
from engine.fields.catalogue import Catalogue
from engine.folding.judge import FoldingJudge
from engine.folding.keep import Keeper
from engine.folding.opened import NotKept, OpenedCapture
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import load_rules, read_rule_files
from tests.conformance.cases import UPSTREAM, needs_shared
from tests.conformance.conditions import loaded

#: Besides Falco's: fields that are new with every event, and no type.
OURS = """
- rule: Times
  desc: d
  priority: NOTICE
  output: o
  condition: evt.type in (openat, execve) and evt.num > 200 and proc.name in (bash, cat)
"""


def told(found: NearMisses) -> dict[str, object]:
    return {
        group.conjunct.text: (
            group.count,
            group.first,
            sorted((value.values, value.count) for value in group.values),
        )
        for group in found.groups
    }


@needs_shared
@pytest.mark.parametrize("capture", ["live/intrusion.scap", "live/ordinary.scap"])
def test_kept_rows_give_the_near_misses_of_events(capture: str, tmp_path: Path) -> None:
    catalogue = Catalogue.native()
    own = tmp_path / "own.yaml"
    own.write_text(OURS)
    path = UPSTREAM / "rules" / "falcosecurity-rules" / "falco_rules.yaml"
    result = load_rules(read_rule_files([path, own]), EngineChecker(catalogue))
    result.raise_for_errors()
    rules = result.ruleset.rules
    keeper = Keeper(tmp_path / "kept")
    folding = FoldingJudge(
        catalogue, "syscall", [(rule.name, rule.condition) for rule in rules], keeper
    )
    segments = loaded(capture)
    matched: dict[str, int] = dict.fromkeys((rule.name for rule in rules), 0)
    for segment in segments:
        verdicts = folding.judge(segment)
        for name, rows in zip(verdicts.rules, verdicts.rows, strict=True):
            matched[name] += len(rows)
    folding.end()
    keeper.close({})
    opened = OpenedCapture(tmp_path / "kept", catalogue, "syscall")
    outliner = Outliner(result.ruleset.definitions)
    compared = 0
    for rule in rules:
        parts = conjuncts(outliner.rule(rule))
        kept = NearCounter(parts, catalogue, "syscall")
        try:
            count_kept(kept, opened)
        except NotKept:
            pytest.fail(f"{rule.name} was judged and kept")
        plain = NearCounter(parts, catalogue, "syscall")
        left_out = [name for name, _ in kept.result().not_asked]
        for segment in segments:
            kinds = np.array([event_table()[code].name for code in segment.events.type.tolist()])
            part = segment.take(np.flatnonzero(~np.isin(kinds, left_out)))
            plain.add(part, part.events.num.astype(np.int64))
        assert told(kept.result(most_values=10_000)) == told(plain.result(most_values=10_000))
        assert kept.result().matched == plain.result().matched == matched[rule.name]
        compared += kept.result().count
    assert compared
