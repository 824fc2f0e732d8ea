"""Rules files laid out: they say what they said, and once more changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.fields.catalogue import Catalogue
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import load_rules
from engine.ruleset.options import RuleFile
from tests.conformance.cases import UPSTREAM, needs_shared
from tests.workbench.command import ROOT, falcowb
from workbench.authoring.formatting import format_rules

FALCO = UPSTREAM / "rules" / "falcosecurity-rules"

HEAD = "- rule: R  # the rule\n  desc: 'd'\n  priority: NOTICE\n  output: o\n"


def condition(text: str, **more: object) -> str:
    """What becomes of a rule's last lines."""
    made = format_rules(HEAD + text, "r.yaml", **more)  # type: ignore[arg-type]
    assert made.text.startswith(HEAD)
    return made.text.removeprefix(HEAD)


def test_short_ones_stay_on_their_line() -> None:
    assert condition("  condition: (proc.name=a   and  fd.num>=0)  # c\n") == (
        "  condition: proc.name = a and fd.num >= 0  # c\n"
    )
    assert condition("  condition: 'proc.name=a'\n") == "  condition: 'proc.name = a'\n"
    assert condition('  condition: "proc.name=a"\n  tags: []\n') == (
        '  condition: "proc.name = a"\n  tags: []\n'
    )


def test_long_ones_become_a_block() -> None:
    long = " and ".join(f"proc.name != name{n:02}" for n in range(6))
    lines = condition(f"  condition: {long}   # why\n  tags: [x]\n").split("\n")
    assert lines[0] == "  condition: >   # why"
    assert lines[1:7] == [f"    {'and ' if n else ''}proc.name != name{n:02}" for n in range(6)]
    assert lines[7:] == ["  tags: [x]", ""]


@pytest.mark.parametrize("mark", [">", "|", ">-", "|+", ">2"])
def test_blocks_keep_their_mark_and_indentation(mark: str) -> None:
    after = "\n\n# after\n- list: l\n  items: []\n"
    text = f"  condition: {mark}\n    proc.name=a\n       and fd.num>=0{after}"
    assert condition(text) == (
        f"  condition: {mark.rstrip('2')}\n    proc.name = a and fd.num >= 0{after}"
    )


def test_what_is_appended() -> None:
    text = "  condition: and   not proc.name=a\n  override: {condition: append}\n"
    assert condition(text).startswith("  condition: and not proc.name = a\n")
    assert condition("  condition: or (proc.name=a or proc.name=b)\n  append: true\n").startswith(
        "  condition: or (proc.name = a or proc.name = b)\n"
    )
    assert condition("  condition: or proc.name=a or proc.name=b\n").startswith(
        "  condition: or proc.name = a or proc.name = b\n"
    )


def test_a_word_is_not_made_a_list() -> None:
    text = '  condition: proc.name = "shells" or proc.name="x"\n'
    assert condition(text) == "  condition: proc.name = shells or proc.name = x\n"
    assert condition(text, lists=["shells"]) == text
    own = "- list: shells\n  items: [a]\n"
    assert condition(text + own) == text + own


def test_what_does_not_parse_is_left() -> None:
    made = format_rules(HEAD + "  condition: proc.name = = a\n", "r.yaml")
    assert made.text.endswith("  condition: proc.name = = a\n")
    assert [(name, place.line) for name, place in made.left] == [("R", 5)]


@needs_shared
@pytest.mark.parametrize("width", [60, 100])
def test_rules_of_falco_say_what_they_said(width: int) -> None:
    checker = EngineChecker(Catalogue.native())
    for path in sorted(FALCO.glob("*.yaml")):
        text = path.read_text()
        made = format_rules(text, path.name, width)
        assert made.changed and not made.left
        assert format_rules(made.text, path.name, width).text == made.text
        comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
        kept = iter(made.text.splitlines())
        assert all(line in kept for line in comments)
        before = load_rules([RuleFile(path.name, text)], checker)
        after = load_rules([RuleFile(path.name, made.text)], checker)
        assert [(rule.name, rule.output, rule.tags) for rule in before.ruleset.rules] == [
            (rule.name, rule.output, rule.tags) for rule in after.ruleset.rules
        ]
        for old, new in zip(before.ruleset.rules, after.ruleset.rules, strict=True):
            assert old.condition == new.condition, old.name


def test_as_a_user(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "  condition: (evt.type=open)\n")
    ran = falcowb("rules", "fmt", path, "--check")
    assert ran.code == 1 and "1 conditions would change" in ran.out
    assert "(evt.type=open)" in path.read_text()
    assert "+  condition: evt.type = open" in falcowb("rules", "fmt", path, "--diff").out
    path.chmod(0o640)
    assert falcowb("rules", "fmt", path).code == 0
    assert path.read_text() == HEAD + "  condition: evt.type = open\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert falcowb("rules", "fmt", path, "--check").code == 0
    assert falcowb("rules", "fmt", ROOT / "nothing.yaml").code == 1
    odd = (HEAD.replace("'d'", "'\xe9'") + "  condition: (evt.type=open)\n").encode("latin-1")
    path.write_bytes(odd)
    ran = falcowb("rules", "fmt", path)
    assert ran.code == 1 and "not plain UTF-8" in ran.err and path.read_bytes() == odd
