"""Drafts of rules and exceptions, judged again: what they promise is what they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.errors import FalcowbError
from capture.reader import open_capture
from engine.ruleset.options import RuleFile
from engine.ruleset.selection import RuleSet
from tests.conformance.cases import UPSTREAM, needs_shared
from tests.workbench.command import SAMPLES, falcowb
from workbench.authoring.case_files import read_tests
from workbench.authoring.draft import draft_rule
from workbench.authoring.exception import draft_exceptions
from workbench.authoring.explaining import explain_event, rule_named
from workbench.authoring.hits import Asked, find_hits
from workbench.authoring.indexed import indexed_events
from workbench.authoring.rule_edit import with_exception
from workbench.authoring.walk import Walk, find_events
from workbench.backend.index.event_index import EventIndex
from workbench.core.events import open_capture_events, open_plugin_events
from workbench.core.session import Session

FALCO = UPSTREAM / "rules" / "falcosecurity-rules" / "falco_rules.yaml"
CAPTURE = UPSTREAM / "captures" / "live" / "intrusion.scap"
LOG = SAMPLES / "k8s_intrusion.jsonl"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Session.open() as session:
        path = str(CAPTURE)
        yield Walk(lambda: open_capture_events(session, path, None, None), session, path)


@pytest.fixture
def audit() -> Iterator[Walk]:
    with Session.open(SAMPLES / "falco.yaml") as session:
        yield Walk(lambda: open_plugin_events(session, str(LOG), None, None), session)


def rules(walk: Walk, *texts: str) -> RuleSet:
    files = [RuleFile(f"{place}.yaml", text) for place, text in enumerate(texts)]
    result = walk.session.read_rules(files)
    result.raise_for_errors()
    return result.ruleset


def hits(walk: Walk, ruleset: RuleSet, name: str) -> list[int]:
    rule = rule_named(ruleset, name)
    found = find_hits(walk, [Asked(name, rule.source, rule.condition)])
    return found.numbers[name].tolist()


@needs_shared
@pytest.mark.parametrize("marked", [[30], [854, 870], [61, 113], [468, 485, 441]])
def test_a_drafted_rule_matches_what_it_says(calls: Walk, marked: list[int]) -> None:
    made = draft_rule(calls, marked, name="A draft: of #1")
    found = hits(calls, rules(calls, made.rule), "A draft: of #1")
    assert set(marked) <= set(found)
    assert (made.matches, made.others) == (len(found), len(found) - len(marked))
    lefts = [step.left for step in made.steps]
    assert lefts == sorted(lefts, reverse=True) and lefts[-1] == made.matches
    assert made.steps[0].check.field == "evt.type" and made.events == 1400


def test_a_drafted_rule_of_audit_events(audit: Walk) -> None:
    made = draft_rule(audit, [5, 9])
    found = hits(audit, rules(audit, made.rule), "Draft")
    assert {5, 9} <= set(found) and made.matches == len(found)


def test_events_without_anything_in_common(audit: Walk) -> None:
    with pytest.raises(FalcowbError, match="there is no event 99999"):
        draft_rule(audit, [99999])


@needs_shared
def test_a_drafted_test_passes_and_can_fail(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    files = tmp_path / "rules.yaml", tmp_path / "tests.yaml"
    for number, name in (("30", "One"), ("61", "Two: odd #")):
        ran = falcowb("rules", "draft", CAPTURE, number, "--name", name, "--to", files[0],
                      "--test-to", files[1], env=env)  # fmt: skip
        assert ran.code == 0, ran.err
    ran = falcowb("rules", "test", files[1], "-r", files[0], env=env)
    assert ran.code == 0, ran.out
    assert "4 passed, of 2 rules." in ran.out
    files[0].write_text(files[0].read_text().replace("/etc/shadow", "/etc/shadows"))
    ran = falcowb("rules", "test", files[1], "-r", files[0], env=env)
    assert ran.code == 1
    assert "does not fire, and must" in ran.out and "does not fire on event 30" in ran.out
    assert "saw /etc/shadow" in ran.out


NOISY = """# Head
- rule: Noisy
  desc: d
  priority: NOTICE
  condition: evt.type = openat and fd.name startswith /etc/   # keep me
  output: opened %fd.name by %proc.name
  exceptions:
    - name: known
      fields: [proc.name, fd.name]
      values:
        - [nobody, /etc/nothing]  # why
"""


@needs_shared
def test_an_exception_silences_what_it_says(calls: Walk) -> None:
    before = rules(calls, NOISY)
    every = hits(calls, before, "Noisy")
    rule = before.rule("Noisy")
    assert rule is not None and len(every) > 20
    for marked, keep in (([every[3]], []), ([every[3]], every[:3]), (every[5:7], [every[9]])):
        drafts = draft_exceptions(calls, rule, marked, keep)
        assert drafts
        silenced = [len(each.silenced) for each in drafts]
        assert silenced == sorted(silenced)
        for each in drafts[:2]:
            changed = with_exception(NOISY, "0.yaml", each)
            assert "# keep me" in changed and "# why" in changed
            after = hits(calls, rules(calls, changed), "Noisy")
            assert after == [n for n in every if n not in each.silenced]
            assert set(marked) <= set(each.silenced.tolist())
            assert not set(keep) & set(each.silenced.tolist())
            assert set(each.others.tolist()) == set(each.silenced.tolist()) - set(marked)


@needs_shared
def test_what_cannot_be_told_apart_is_said(calls: Walk) -> None:
    before = rules(calls, NOISY)
    rule = before.rule("Noisy")
    assert rule is not None
    every = hits(calls, before, "Noisy")
    (first, *_) = draft_exceptions(calls, rule, [every[0]])
    alike = [n for n in first.silenced.tolist() if n != every[0]]
    if alike:
        with pytest.raises(FalcowbError, match="in common tells them from event"):
            draft_exceptions(calls, rule, [every[0]], alike[:1], fields=first.fields)
    with pytest.raises(FalcowbError, match=r"does not fire on event 1$"):
        draft_exceptions(calls, rule, [1])
    with pytest.raises(FalcowbError, match="is to be silenced and kept"):
        draft_exceptions(calls, rule, [every[0]], [every[0]])


@needs_shared
def test_tuning_as_a_user(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    own = tmp_path / "own.yaml"
    name = "Read sensitive file untrusted"
    noise = falcowb("rules", "tune", CAPTURE, "-r", FALCO, "--json", env=env)
    told = {each["rule"]: each for each in json.loads(noise.out)}
    assert told[name]["alerts"] == 1 and told[name]["kinds"][0]["first"] == [30]
    words = ("rules", "tune", CAPTURE, "-r", FALCO, "-l", name, "--false", "30")
    ran = falcowb(*words, "--to", own, env=env)
    assert ran.code == 0, ran.err
    assert "silences 1 of 1 alerts" in ran.out
    ran = falcowb("explain", CAPTURE, "30", "-r", FALCO, "-r", own, "-l", name, env=env)
    assert "Held back by its exception 'proc_name_fd_name'" in ran.out
    assert "own.yaml:3" in ran.out
    ran = falcowb("rules", "diff", FALCO, own, CAPTURE, env=env)
    assert ran.code == 1  # own.yaml alone has no rule to append to
    diff = falcowb("rules", "diff", tmp_path / "none.yaml", own, CAPTURE, "-r", FALCO, env=env)
    assert diff.code == 1
    (tmp_path / "none.yaml").write_text("")
    diff = falcowb("rules", "diff", tmp_path / "none.yaml", own, CAPTURE, "-r", FALCO, env=env)
    assert diff.code == 3 and "-1 lost" in diff.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- rule: Noisy\n", "a test has events under"),
        ("- rule: Noisy\n  fire: []\n", "a test has no 'fire'"),
        ("- fires: []\n", "a test names a rule"),
        ("- rule: Noisy\n  capture: x\n", "goes one of"),
        ("- rule: Noisy\n  capture: x\n  events: [a]\n", "numbers of events"),
        ("- rule: Noisy\n  fires: [{why: x}]\n", "either 'fields' or 'event'"),
        ("- rule: Noisy\n  fires: 3\n", "is a list"),
    ],
)
def test_files_of_tests_that_are_wrong(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    path.write_text(text)
    with pytest.raises(FalcowbError, match=said) as caught:
        read_tests(path)
    assert caught.value.place is not None and caught.value.place.line == 1


def test_tests_that_cannot_be_run_fail_and_say_why(tmp_path: Path) -> None:
    rules_file, path = tmp_path / "rules.yaml", tmp_path / "test.yaml"
    rules_file.write_text(NOISY)
    path.write_text(
        "- rule: Nosy\n  fires: [{fields: {evt.type: openat}}]\n"
        "- rule: Noisy\n  fires: [{fields: {proc.nam: x}}, {fields: {fd.num: x}}]\n"
        "  silent: [{fields: {evt.type: openat, fd.name: /etc/x}}, {fields: {evt.type: close}}]\n"
    )
    ran = falcowb("rules", "test", path, "-r", rules_file, "--json")
    assert ran.code == 1
    told = json.loads(ran.out)
    assert [each["passed"] for each in told] == [False, False, False, False, True]
    messages = [each["message"] for each in told]
    assert "Did you mean" in messages[0] and "proc.name" in messages[1]
    assert "is no number" in messages[2] and "fires, and must not" in messages[3]
    assert told[3]["explanation"]["fires"]


def test_the_tests_of_our_rules_pass() -> None:
    root = SAMPLES.parent / "rules"
    ran = falcowb("rules", "test", root / "tests" / "k8s_audit", "-r",
                  root / "k8s_audit_rules.yaml", "-c", SAMPLES / "falco.yaml")  # fmt: skip
    assert ran.code == 0, ran.out[-2000:]


@needs_shared
def test_what_fires_is_what_a_replay_says(calls: Walk, tmp_path: Path) -> None:
    result = calls.session.load_rules([FALCO])
    ruleset = result.ruleset
    matched = {rule.name: hits(calls, ruleset, rule.name) for rule in ruleset.enabled()}
    numbers = sorted({number for each in matched.values() for number in each[:2]} | {1, 44, 74})
    for event in find_events(calls, numbers):
        found = explain_event(event, calls.session, ruleset)
        wanted = [name for name, theirs in matched.items() if event.number in theirs]
        assert list(found.firing) == wanted
        assert list(found.alerting) == wanted[:1]
        assert [each.rule for each in found.explanations if each.fires] == wanted
        fails = [len(each.failing) for each in found.explanations]
        assert fails == sorted(fails) and found.explanations
        # Asked again, the same is said.
        assert explain_event(event, calls.session, ruleset) == found


@needs_shared
def test_events_of_an_index_are_those_of_a_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "x.fcap"
    assert falcowb("import", CAPTURE, "-o", path).code == 0
    numbers = [30, 44, 900]
    with Session.open() as session:
        assert indexed_events(session, str(path), numbers) is None
        capture = open_capture(path)
        index = EventIndex(capture, session.plugins.event_source)
        index.build(lambda: None, lambda: None)
        index.close()
        capture.close()
        ruleset = session.load_rules([FALCO]).ruleset
        walk = Walk(lambda: open_capture_events(session, str(path), None, None), session)
        indexed = indexed_events(session, str(path), numbers)
        assert indexed is not None
        for ours, theirs in zip(indexed, find_events(walk, numbers), strict=True):
            assert explain_event(ours, session, ruleset) == explain_event(theirs, session, ruleset)
        assert indexed_events(session, str(path), [30, 999_999]) is None
