"""Running tests of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from capture.errors import FalcowbError, Place
from engine.columns import Segment
from engine.explain.explainer import Explainable, Explainer
from engine.explain.tree import Explanation
from engine.ruleset.model import Rule
from engine.ruleset.nearest import nearest
from engine.ruleset.selection import RuleSet
from workbench.authoring.captures import on_captures
from workbench.authoring.case_files import Inline, OnCapture, RuleTest
from workbench.authoring.hits import Ints
from workbench.authoring.inline import InlineSegment, plugin_event
from workbench.authoring.walk import Walk
from workbench.core.session import Session

_FEW = 8


@dataclass(frozen=True, slots=True)
class Result:
    """``what`` was tested; ``message`` says why it failed, ``explanation`` what the condition came
    to for an event of the test."""

    rule: str
    what: str
    place: Place
    passed: bool
    message: str = ""
    explanation: Explanation | None = None


def run_tests(
    tests: Sequence[RuleTest],
    session: Session,
    ruleset: RuleSet,
    walk: Callable[[str], Walk],
) -> Iterator[Result]:
    """Each event and each capture of each test, in order; ``walk`` opens a capture.

    A rule that is not there, a field that does not exist: the test fails, and says so. Raises what
    reading a capture raises.
    """
    explainer = Explainer(session.plugins.surroundings.catalogue, ruleset.definitions)
    made: dict[str, Explainable] = {}
    hits = on_captures(tests, ruleset, walk)
    for test in tests:
        rule = ruleset.rule(test.rule)
        if rule is None:
            hint = nearest(test.rule, (each.name for each in ruleset.rules))
            message = f"no rule is called '{test.rule}'. {hint}".strip()
            yield Result(test.rule, "the rule", test.place, False, message)
            continue
        if rule.name not in made:
            made[rule.name] = explainer.rule(rule)
        for event in test.inline:
            yield _inline(test, event, rule, made[rule.name], session)
        if test.capture is not None:
            yield _on_capture(test, test.capture, hits[test.capture.path][rule.name])


def _inline(
    test: RuleTest, event: Inline, rule: Rule, explainable: Explainable, session: Session
) -> Result:
    what = f"{'fires' if event.fires else 'silent'}: {event.why}"
    try:
        segment: Segment
        if event.fields is not None:
            catalogue = session.plugins.surroundings.catalogue
            segment = InlineSegment.of(event.fields, catalogue, rule.source)
        else:
            segment = plugin_event(event.event, session, rule.source)
        found = explainable.explain(segment, 0)
    except FalcowbError as error:
        message = f"{error.message}. {error.hint}".strip(" .") + "."
        return Result(rule.name, what, test.place, False, message)
    if found.fires == event.fires:
        return Result(rule.name, what, test.place, True)
    message = "does not fire, and must" if event.fires else "fires, and must not"
    return Result(rule.name, what, test.place, False, message, found)


def _on_capture(test: RuleTest, wanted: OnCapture, found: Ints) -> Result:
    what = f"on {wanted.path.rpartition('/')[2]}"
    count = len(found)
    message = ""
    if wanted.events is not None:
        missing = sorted(set(wanted.events) - set(found.tolist()))
        more = sorted(set(found.tolist()) - set(wanted.events))
        said = []
        if missing:
            said.append(f"does not fire on event {_listed(missing)}")
        if more:
            said.append(f"fires on event {_listed(more)} as well")
        message = ", and ".join(said)
    elif wanted.hits is not None and count != wanted.hits:
        message = f"fires on {count:,} events, where {wanted.hits:,} are wanted"
    elif wanted.at_least is not None and count < wanted.at_least:
        message = f"fires on {count:,} events, where at least {wanted.at_least:,} are wanted"
    return Result(test.rule, what, test.place, not message, message)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_FEW]))
    return shown if len(numbers) <= _FEW else f"{shown} and {len(numbers) - _FEW:,} more"
