"""What is wrong with a condition, and where."""

from __future__ import annotations

from capture.errors import FalcowbError, Place
from engine.language.ast import NOWHERE, Pos


class ConditionError(FalcowbError):
    """A condition that cannot be parsed or used.

    ``message`` is upstream's own message where upstream has one; ``pos`` is the place in the
    condition's text (as upstream reports it), ``place`` the place in the file, with the line;
    ``expected`` lists what would have been accepted there.
    """

    def __init__(
        self,
        message: str,
        *,
        pos: Pos = NOWHERE,
        place: Place | None = None,
        expected: tuple[str, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, place=place, hint=hint)
        self.pos = pos
        self.expected = expected
