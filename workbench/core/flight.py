"""The flight recorder: what ``--ring`` and ``--keep-on-alert`` make of a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.errors import FalcowbError
from capture.manifest import SourceInfo
from capture.ring import Ring, RingLimits
from engine.ruleset.selection import RuleSet
from engine.state.machine import StateEngine
from workbench.core.judge import Judge
from workbench.core.pinner import Pinner, PinOptions
from workbench.core.record import Sink
from workbench.core.session import Session
from workbench.core.sizes import parse_seconds, parse_size

#: The ring of a recorder that keeps windows around alerts, where nobody says.
DEFAULT_RING = "2GB"


def ring_limits(text: str) -> RingLimits:
    """``2GB``, ``30m``, or both, ``2GB,30m``: whichever is less. Raises FalcowbError."""
    size: int | None = None
    seconds: float | None = None
    for part in text.split(","):
        try:
            found = parse_size(part)
        except FalcowbError:
            found = 0
        # 30m are minutes: a size says what it is of.
        if found and part.strip()[-1:].lower() == "b":
            size = found
            continue
        if part.strip().isdigit():
            raise FalcowbError(
                f"'{part[:40]}' is neither a size nor a time", hint="Write 2GB, 30m, or 2GB,30m."
            )
        try:
            seconds = parse_seconds(part.strip())
        except FalcowbError as error:
            raise FalcowbError(
                f"'{part[:40]}' is neither a size nor a time", hint="Write 2GB, 30m, or 2GB,30m."
            ) from error
    return RingLimits(size, seconds)


@dataclass(slots=True)
class Flight:
    """A ring, and who pins windows of it around alerts; ``pinner`` is None where nobody does.

    ``say`` may be set later to what tells a person of windows that are kept.
    """

    limits: RingLimits
    pinner: Pinner | None = None
    say: Callable[[str], None] = lambda _text: None

    def sink(self, path: Path, *, overwrite: bool) -> Callable[[Sequence[SourceInfo]], Sink]:
        """Makes the ring."""

        def make(sources: Sequence[SourceInfo]) -> Sink:
            ring = Ring(path, sources, self.limits, StateEngine, overwrite=overwrite)
            if self.pinner is not None:
                self.pinner.attach(ring)
            return ring

        return make

    @property
    def alerts(self) -> int | None:
        """How many alerts there were; None where nobody looks."""
        return None if self.pinner is None else self.pinner.alerts

    def keep(
        self,
        session: Session,
        ruleset: RuleSet,
        before: str | None,
        after: str | None,
    ) -> None:
        """Pin the window around every alert of these rules. Raises FalcowbError for times that are
        none."""
        options = PinOptions.of(
            session.config,
            before=None if before is None else parse_seconds(before),
            after=None if after is None else parse_seconds(after),
        )
        judge = Judge(
            ruleset,
            session.plugins,
            session.config.rule_matching,
            session.alert_options(as_json=False),
        )
        self.pinner = Pinner(judge, ruleset, options, say=lambda text: self.say(text))
