"""What the engine process holds: the session, the capture with its index, the rules, the view."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

from capture.errors import FalcowbError
from capture.reader import Capture
from engine.fields.catalogue import Catalogue
from engine.ruleset.selection import RuleSet
from workbench.backend.index.event_index import EventIndex
from workbench.backend.judging import CaseJudge
from workbench.backend.keeping import Kept
from workbench.backend.verdicts import Verdicts
from workbench.backend.viewed import Viewed
from workbench.core.session import Session

#: How often who waits looks whether it still should (seconds).
_LOOK = 0.1


@dataclass(eq=False)
class Case:
    """An open capture and all that is known of it. Let go, it closes by itself: threads that still
    use it can end in peace."""

    path: str
    capture: Capture
    index: EventIndex
    #: That of the session, and the sources of the capture that no plugin knows.
    catalogue: Catalogue
    kept: Kept
    verdicts: Verdicts = field(default_factory=Verdicts)
    #: Of the lane that judges.
    judge: CaseJudge | None = None

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self.capture, self.index)


def _close(capture: Capture, index: EventIndex) -> None:
    index.close()
    capture.close()


class Desk:
    """Shared by the lanes. Each attribute is replaced whole, never changed in place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._case: Case | None = None
        self._refused: FalcowbError | None = None
        self.viewed: Viewed | None = None
        self.ruleset: RuleSet | None = None

    def begin(self) -> None:
        """Something is about to be opened: who needs it waits from now on."""
        with self._changed:
            self._case = self._refused = self.viewed = None

    def took_session(self, session: Session) -> None:
        with self._changed:
            self._session = session
            self._changed.notify_all()

    def took_case(self, case: Case) -> None:
        with self._changed:
            self._case = case
            self.viewed = Viewed.everything(case.index)
            self._changed.notify_all()

    def refuse(self, error: FalcowbError) -> None:
        """What was to be opened could not be."""
        with self._changed:
            self._refused = error
            self._changed.notify_all()

    def session(self, check: Callable[[], None]) -> Session:
        """The session, once there is one. Raises what ``check`` raises while waiting, FalcowbError
        where there will be none."""
        with self._changed:
            while self._session is None:
                if self._refused is not None:
                    raise FalcowbError(self._refused.message, hint=self._refused.hint)
                check()
                self._changed.wait(_LOOK)
            return self._session

    def case(self, check: Callable[[], None]) -> Case:
        """The open capture, once it is open."""
        with self._changed:
            while self._case is None:
                if self._refused is not None:
                    raise FalcowbError(self._refused.message, hint=self._refused.hint)
                check()
                self._changed.wait(_LOOK)
            return self._case

    def case_now(self) -> Case:
        """The open capture. Raises FalcowbError where none is open."""
        case = self._case
        if case is None:
            raise FalcowbError("no capture is open")
        return case

    @property
    def catalogue(self) -> Catalogue:
        """Of the session; without one, what is there without plugins."""
        session = self._session
        return Catalogue.native() if session is None else session.plugins.surroundings.catalogue
