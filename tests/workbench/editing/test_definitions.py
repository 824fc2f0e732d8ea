"""Going to a definition, and what is said of a word."""

from __future__ import annotations

from tests.workbench.editing.test_completions import NAMES
from workbench.editing.changes import changed_items
from workbench.editing.definitions import Collected, about_at, definition_at

BASE = """\
- list: shells
  items: [bash, sh]
- macro: spawned
  condition: evt.type = execve
- rule: One
  desc: the first
  condition: spawned and proc.name in (shells)
"""
LOCAL = """\
- macro: spawned
  append: true
  condition: or evt.type = execveat
- rule: One
  override: {condition: append}
  condition: and not spawned_by_me
- macro: spawned_by_me
  condition: proc.pid > 3
"""
FILES = [("base.yaml", BASE), ("local.yaml", LOCAL)]


def test_names_lead_to_where_they_are_defined() -> None:
    known = Collected().definitions(FILES)
    lines = BASE.splitlines()
    at = lines[6].index("spawned")
    for column in (at, at + 3, at + len("spawned")):
        found = definition_at(lines, 6, column, known)
        assert found is not None
        assert (found.kind, found.file, found.line, found.column) == ("macro", "base.yaml", 2, 9)
    found = definition_at(lines, 6, lines[6].index("shells") + 1, known)
    assert found is not None and (found.kind, found.text) == ("list", "[bash, sh]")
    assert definition_at(lines, 6, lines[6].index("and") + 1, known) is None


def test_what_is_added_to_leads_to_what_it_adds_to() -> None:
    known = Collected().definitions(FILES)
    for line, name in ((0, "spawned"), (3, "One")):
        found = definition_at(LOCAL.splitlines(), line, 10, known)
        assert found is not None and (found.name, found.file) == (name, "base.yaml")


def test_words_are_explained() -> None:
    known = Collected().definitions(FILES)
    lines = BASE.splitlines()

    def about(word: str) -> str:
        return about_at(lines, 6, lines[6].index(word) + 1, known, NAMES.vocabulary)

    assert about("spawned") == "macro spawned  evt.type = execve"
    assert about("proc.name") == "proc.name  charbuf. the name"
    assert about("shells") == "list shells  [bash, sh]"
    assert about("condition") == ""


def test_texts_that_stay_are_not_read_again() -> None:
    collected = Collected()
    before = collected.definitions(FILES)
    after = collected.definitions([FILES[0], ("local.yaml", LOCAL + "- list: more\n")])
    assert after.every[0] is before.every[0]
    assert after.names("list") == ["shells", "more"]


def test_changed_items() -> None:
    assert changed_items(BASE, BASE) == set()
    assert changed_items(BASE, BASE.replace("execve", "execveat")) == {("macro", "spawned")}
    assert changed_items(BASE, "# more\n\n" + BASE) == set()
    assert changed_items(BASE, BASE + "- list: new\n  items: []\n") == {("list", "new")}
    assert changed_items(BASE, BASE.replace("rule: One", "rule: Two")) == {
        ("rule", "One"), ("rule", "Two"),
    }  # fmt: skip
