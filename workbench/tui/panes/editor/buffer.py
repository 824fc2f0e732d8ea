"""A rule file that is open in the editor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from capture.errors import FalcowbError
from engine.yaml import read_text
from workbench.editing.disk import Saved, read, stamp, write
from workbench.tui.panes.editor.text import RuleText

Found = Literal["same", "changed", "gone"]


@dataclass
class Buffer:
    """``path`` as rules are loaded by it; ``saved`` what the file held when we saw it last;
    ``problem``: why it cannot be edited; ``outside``: what others did to the file meanwhile."""

    path: str
    saved: Saved
    text: RuleText
    problem: str = ""
    outside: Found = "same"
    #: The text that was sent to be judged last.
    judged: str = ""

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.outside == "gone" or self.text.text != self.saved.text

    def look(self) -> Found:
        """What others did to the file since we read or wrote it."""
        now = stamp(self.path)
        if now == self.saved.stamp:
            return "same"
        return "gone" if now is None else "changed"

    def save(self) -> None:
        """Raises FalcowbError."""
        self.saved = write(self.path, self.text.text)
        self.outside = "same"

    def load(self) -> None:
        """Take what the file holds, so that it can be undone. Raises FalcowbError."""
        self.saved = read(self.path)
        self.outside = "same"
        self.text.put(self.saved.text)


def opened(path: str, unsaved: str | None) -> Buffer:
    """Open a file; ``unsaved``: a text for it that was not saved yet. Raises FalcowbError where it
    cannot even be shown."""
    try:
        saved, problem = read(path), ""
    except FalcowbError as error:
        found = stamp(path)
        if found is None or found[1] > 8 << 20:
            raise
        saved, problem = Saved(read_text(path), found), error.message
    text = RuleText(saved.text if unsaved is None else unsaved)
    if unsaved is None and text.text != saved.text:
        problem = "the file mixes kinds of line ends, so it is only shown here"
        saved = Saved(text.text, saved.stamp)
    text.read_only = bool(problem)
    return Buffer(path, saved, text, problem, judged=text.text)
