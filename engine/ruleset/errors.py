"""The one exception that stops the loading of a file."""

from __future__ import annotations

from capture.errors import FalcowbError, Place
from engine.ruleset.codes import Code
from engine.ruleset.context import Context
from engine.ruleset.model import Message


class RuleError(FalcowbError):
    """A rules file is refused: the first thing wrong in it.

    ``place`` may be left out where the last location of ``context`` says it; the loader fills it.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        context: Context,
        *,
        place: Place | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, place=place, hint=hint)
        self.code = code
        self.context = context

    def as_message(self) -> Message:
        place = self.place or Place(self.context.file)
        return Message(self.code, self.message, self.context, place, hint=self.hint)
