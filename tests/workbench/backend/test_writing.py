"""What rules cost, and laying out conditions, without a screen."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.asked import engine
from tests.workbench.backend.made import INTRUSION, needs_captures
from tests.workbench.backend.test_process import opened
from workbench.backend.messages import Trouble
from workbench.backend.questions.events import Look, View
from workbench.backend.questions.writing import Costs, LaidOut, LayOut, RuleCosts

OWN = """\
- rule: Started
  desc: d
  condition: evt.type = execve and proc.name = bash
  output: x
  priority: NOTICE
- rule: Anything
  desc: d
  condition: proc.cmdline glob "*a*b*c*d*e*" or proc.name exists
  output: x
  priority: DEBUG
- rule: Off
  desc: d
  condition: evt.type = close
  output: x
  priority: DEBUG
  enabled: false
"""


@needs_captures
def test_costs_tell_how_many_events_a_rule_looks_at(tmp_path: Path) -> None:
    rules = tmp_path / "own.yaml"
    rules.write_text(OWN, encoding="utf-8")
    with engine() as asked:
        opened(asked, INTRUSION, (str(rules),))
        found = asked.ask(Costs())
        assert isinstance(found, RuleCosts)
        by_name = {cost.rule: cost for cost in found.costs}
        assert set(by_name) == {"Started", "Anything"}, "rules that are off cost nothing"
        started = asked.ask(Look(View(condition="evt.type = execve"))).rows
        assert by_name["Started"].rows == started
        assert by_name["Anything"].rows > 10 * started
        assert all(cost.nanoseconds > 0 for cost in found.costs)


def test_conditions_are_laid_out(tmp_path: Path) -> None:
    text = "- macro: m\n  condition: a.b=c   and   d.e=f # why\n- macro: n\n  condition: and (\n"
    with engine() as asked:
        made = asked.ask(LayOut(text, "x.yaml"))
        assert isinstance(made, LaidOut)
        assert made.text == text.replace("a.b=c   and   d.e=f", "a.b = c and d.e = f")
        assert made.changed == ("m",) and made.left == (("n", 4),)
        refused = asked.ask(LayOut("- [", "x.yaml"))
        assert isinstance(refused, Trouble) and refused.line
