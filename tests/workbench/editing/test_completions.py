"""What is offered at a place of a rule file."""

from __future__ import annotations

import pytest

from workbench.backend.questions.catalogue import FieldFacts
from workbench.editing.completions import Names, completions
from workbench.editing.conditions import Vocabulary

NAMES = Names(
    Vocabulary(
        (
            FieldFacts("proc.name", "CHARBUF", False, "", "the name", ("syscall",)),
            FieldFacts("proc.pid", "INT64", False, "", "the pid", ("syscall",)),
            FieldFacts("fd.name", "CHARBUF", False, "", "the file", ("syscall",)),
            FieldFacts("evt.type", "CHARBUF", False, "", "the type", ("syscall",)),
        ),
        ("execve", "openat"),
        ("spawned_process", "opened"),
        ("shell_binaries",),
        {"spawned_process": "evt.type = execve", "shell_binaries": "bash, sh"},
    ),
    ("syscall", "k8s_audit"),
    ("mitre", "network"),
)


def offered(text: str) -> tuple[str, list[str], list[str]]:
    """``|`` is the cursor: what is replaced, what is offered, what it is about."""
    before = text[: text.index("|")]
    lines = text.replace("|", "", 1).split("\n")
    line = before.count("\n")
    column = len(before) - before.rfind("\n") - 1
    found = completions(lines, line, column, NAMES)
    replaced = lines[line][found.start : found.end]
    return replaced, [each.text for each in found.options], [each.about for each in found.options]


HEAD = "- rule: One\n  condition: "


@pytest.mark.parametrize(
    ("text", "replaced", "first"),
    [
        (HEAD + "proc.n|", "proc.n", "proc.name"),
        (HEAD + "spaw|", "spaw", "spawned_process"),
        (HEAD + "proc.name con|", "con", "contains"),
        (HEAD + "proc.name in (she|", "she", "shell_binaries"),
        (HEAD + "evt.type = exe|", "exe", "execve"),
        (HEAD + "proc.pid |", "", "="),
        (HEAD + ">\n    spawned_process\n    and fd.n|", "fd.n", "fd.name"),
        (HEAD + ">\n    proc.name in (a,\n    she|", "she", "shell_binaries"),
        (HEAD + "x\n  pri|", "pri", "priority: "),
        (HEAD + "x\n  priority: war|", "war", "WARNING"),
        (HEAD + "x\n  source: k8|", "k8", "k8s_audit"),
        (HEAD + "x\n  output: it was %proc.na|", "proc.na", "proc.name"),
        (HEAD + "x\n  output: it was %tolower(proc.na|", "proc.na", "proc.name"),
        (HEAD + "x\n  tags: [mi|", "mi", "mitre"),
        (HEAD + "x\n  enabled: f|", "f", "false"),
        (HEAD + "x\n  exceptions:\n    - name: a\n      fields: [proc.n|", "proc.n", "proc.name"),
        (HEAD + "x\n  exceptions:\n    - name: a\n      co|", "co", "comps: "),
        (HEAD + "x\n  override:\n    condition: app|", "app", "append"),
        ("- list: l\n  items: [she|", "she", "shell_binaries"),
        ("- ru|", "ru", "rule: "),
        ("|", "", "- rule: "),
        (HEAD + "x\n\n- ma|", "ma", "macro: "),
    ],
)
def test_what_comes_first(text: str, replaced: str, first: str) -> None:
    word, texts, _ = offered(text)
    assert word == replaced
    assert texts and texts[0] == first


def test_keys_that_are_there_are_not_offered_again() -> None:
    _, texts, _ = offered(HEAD + "x\n  priority: DEBUG\n  |")
    assert "output: " in texts
    assert "priority: " not in texts and "condition: " not in texts


def test_what_it_is_about() -> None:
    _, texts, abouts = offered(HEAD + "spaw|")
    assert abouts[texts.index("spawned_process")] == "evt.type = execve"
    _, texts, abouts = offered(HEAD + "proc.na|")
    assert "charbuf" in abouts[0] and "the name" in abouts[0]


def test_an_output_offers_only_after_the_sign() -> None:
    assert offered(HEAD + "x\n  output: proc.na|")[1] == []


def test_an_enormous_condition_is_looked_at_in_part() -> None:
    long = " or ".join(f"proc.name = n{number}" for number in range(20_000))
    word, texts, _ = offered(HEAD + long + " or proc.n|")
    assert (word, texts[0]) == ("proc.n", "proc.name")
