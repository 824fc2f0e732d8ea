"""A terminal for a program under test: tmux, on a socket of its own."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

PATIENCE = 90.0

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """What runs in it, its screen, and its keys."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names (``Enter``, ``C-p``)."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def until(self, holds: Callable[[str], object], what: str = "") -> str:
        """Wait until something holds of the screen; gives it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.screen
            if holds(screen):
                return screen
            assert time.monotonic() < deadline, f"never came to pass: {what}\n{screen}"
            time.sleep(0.1)

    def shows(self, text: str) -> str:
        return self.until(lambda screen: text in screen, f"'{text}' is shown")


@contextmanager
def terminal(
    command: Sequence[object], env: Mapping[str, str], size: tuple[int, int] = (120, 40)
) -> Iterator[Terminal]:
    """Run a command in a terminal of its own; the screen stays when it ends."""
    socket = f"falcowb-{secrets.token_hex(4)}"
    words = shlex.join([str(word) for word in command])
    variables = [f"{name}={value}" for name, value in env.items()]
    subprocess.run(
        ["tmux", "-L", socket, "-f", "/dev/null", "new-session", "-d",
         "-x", str(size[0]), "-y", str(size[1]),
         f"env {shlex.join(variables)} {words}; echo \"ended with $?\"; sleep 600"],
        check=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    try:
        yield Terminal(socket)
    finally:
        subprocess.run(["tmux", "-L", socket, "kill-server"], check=False, capture_output=True)
