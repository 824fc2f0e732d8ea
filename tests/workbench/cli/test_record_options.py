"""What ``falcowb capture`` and ``live`` refuse before they listen to anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbench.command import falcowb


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--before", "2m"], "--keep-on-alert"),
        (["--ring", "2GB", "--size", "1GB"], "does not grow beyond its own"),
        (["--ring", "soon"], "neither a size nor a time"),
        (["--on-drop", "weep"], "neither warn nor exit"),
        (["--duration", "soon"], "'soon' is no time"),
        (["--no-syscalls", "--", "true"], "recorded by its system calls"),
        (["--", "no-such-command-at-all"], "no such command"),
        (["--no-syscalls"], "no plugin is loaded that gives events"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], said: str, tmp_path: Path) -> None:
    ran = falcowb("capture", "-o", tmp_path / "a.fcap", *arguments)
    assert ran.code in (1, 2)
    # Typer breaks lines of its own messages, in a box.
    assert said in " ".join(ran.err.replace("│", " ").split())
    assert not (tmp_path / "a.fcap").exists()


def test_live_needs_rules(tmp_path: Path) -> None:
    ran = falcowb("live")
    assert ran.code == 1 and "no rules are named" in ran.err
    rules = tmp_path / "none.yaml"
    rules.write_text("- list: nothing\n  items: []\n", encoding="utf-8")
    ran = falcowb("live", "-r", rules)
    assert ran.code == 1 and "no plugin is loaded that gives events" in ran.err
