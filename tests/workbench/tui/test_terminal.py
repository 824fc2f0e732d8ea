"""The workbench in a real terminal, from the shell and back."""

from __future__ import annotations

import os
from pathlib import Path

from tests.workbench.command import FALCOWB, SAMPLES, falcowb
from tests.workbench.tui.terminal import needs_tmux, terminal


@needs_tmux
def test_a_session_in_a_terminal(tmp_path: Path) -> None:
    env = {
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        "XDG_STATE_HOME": str(tmp_path),
        "COLORTERM": "truecolor",
        "TZ": "UTC",
    }
    log, config = SAMPLES / "k8s_intrusion.jsonl", SAMPLES / "falco.yaml"
    with terminal([FALCOWB, log, "-c", config], env, (120, 40)) as screen:
        screen.shows("28 alerts")
        screen.shows("1 of 183")
        screen.shows("ready")
        screen.press("n")
        screen.until(lambda text: "▌" in text and "1 of 183" not in text, "the first alert")
        screen.press("/")
        screen.type("ka.verb = delete")
        screen.shows("ka.verb = delete")
        screen.press("Enter")
        screen.until(lambda text: "filtered" in text and "ready" in text, "the filter holds")
        screen.resize(80, 24)
        screen.until(lambda text: len(text.splitlines()) == 24 and "Detail" in text, "80×24")
        screen.resize(200, 60)
        screen.until(lambda text: "filtered" in text and len(text.splitlines()) == 60, "200×60")
        screen.press("C-p")
        screen.shows("Search for commands")
        screen.type("all")
        screen.press("Escape")  # Alone: with a key after it, it would be Alt and that key.
        screen.until(lambda text: "Search for commands" not in text, "the palette is closed")
        screen.press("x")
        screen.until(lambda text: "of 183" in text and "filtered" not in text, "all again")
        screen.press("q")
        screen.shows("ended with 0")
    # Once more, without words: it is among those that were opened.
    with terminal([FALCOWB], env, (80, 24)) as screen:
        screen.shows("k8s_intrusion.jsonl")
        screen.press("Enter")
        screen.shows("28 alerts")
        screen.press("C-q")
        screen.shows("ended with 0")


def test_without_a_terminal(tmp_path: Path) -> None:
    ran = falcowb(SAMPLES / "k8s_intrusion.jsonl", "-c", SAMPLES / "falco.yaml")
    assert ran.code == 1 and "needs a terminal" in ran.err and "falcowb replay" in ran.err
    bare = falcowb()
    assert "Usage: falcowb" in bare.out and "replay" in bare.out
    missing = falcowb(tmp_path / "no.scap")
    assert missing.code == 1 and "no such file" in missing.err
    mistyped = falcowb("reply")
    assert "Did you mean the command 'replay'?" in mistyped.err
