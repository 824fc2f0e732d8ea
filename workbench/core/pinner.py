"""Keeping what happened around alerts: the flight recorder's ``--keep-on-alert``.

Events are judged as they are recorded into a ring. An alert *pins* the window around it: what the
ring holds of the time before it, and what comes for a time after, goes into a capture of its own
beside the ring. Windows that overlap are one. Which rules do so, and for how long, is as Falco has
it for its own captures (``capture`` of falco.yaml; falco/app/actions/process_events.cpp).
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError, FalcowbError
from capture.events.section import Section
from capture.manifest import MAX_NOTE, PinnedAlert
from capture.packed import PackedSection
from capture.ring import Ring
from engine.alerts import Alert
from engine.ruleset.selection import RuleSet
from workbench.config import FalcoConfig
from workbench.config.values import Values
from workbench.core.events import Window
from workbench.core.feeds import Begin, Item, Lost
from workbench.core.judge import Judge
from workbench.core.live_judge import LiveWindows
from workbench.core.pin import Pin
from workbench.core.pin_copy import Base

_SECOND = 1_000_000_000
#: Seconds around an alert where nobody says; milliseconds after it as falco.yaml has it.
_BEFORE, _AFTER, _DURATION_MS = 120.0, 60.0, 5000
#: Seconds of the clock after which a window is over though no event says so, and for which a
#: capture may take to be finished at the end.
_GRACE, _PATIENCE = 3.0, 60.0
#: Into how many parts the time before an alert is cut by states that are kept, and the least
#: seconds of one.
_PARTS, _LEAST = 4, 1.0
#: How many times as long as it takes is between two of them.
_SHARE = 20
#: Most lost events that are remembered for windows to come.
_LOSSES = 1000


@dataclass(frozen=True, slots=True)
class PinOptions:
    """``before`` and ``after``: seconds around an alert. ``all_rules``: every rule pins; otherwise
    those with ``capture: true``. A rule's ``capture_duration`` goes before ``after``.
    ``max_bytes``: of one capture; ``total_bytes``: of all, beyond which nothing more is pinned.
    ``prefix``: where captures go, by default beside the ring; they are named after time and number
    of the alert."""

    before: float = _BEFORE
    after: float = _AFTER
    all_rules: bool = True
    max_bytes: int | None = None
    total_bytes: int = 8 << 30
    prefix: str | None = None

    def __post_init__(self) -> None:
        if self.before < 0 or self.after < 0:
            raise CaptureError("a window reaches some seconds before and after an alert")

    @classmethod
    def of(
        cls, config: FalcoConfig, *, before: float | None = None, after: float | None = None
    ) -> PinOptions:
        """With what falco.yaml says under ``capture``, where that is ``enabled``: ``mode``,
        ``default_duration``, ``max_file_size_mb`` and ``path_prefix``. Without it every rule pins.
        """
        values = Values(config.tree, [])
        enabled = values.flag("capture.enabled", False)
        before = _BEFORE if before is None else before
        if not enabled:
            return cls(before, _AFTER if after is None else after)
        size = values.number("capture.max_file_size_mb", 0)
        duration = values.number("capture.default_duration", _DURATION_MS) / 1000
        return cls(
            before,
            duration if after is None else after,
            all_rules=values.text("capture.mode", "rules") == "all_rules",
            max_bytes=int(size * 1_000_000) if size > 0 else None,
            prefix=values.text("capture.path_prefix", "") or None,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """A state that was kept on the way."""

    num: int
    time: int
    state: PackedSection


class Pinner:
    """Judges what is recorded and pins windows around alerts: a ``workbench.core.record.Watch``.

    ``attach`` names the ring before the first event. ``on_alert`` is told of every alert, ``say``
    in words of captures that are begun, finished, or cannot be. ``pinned``: captures so far.
    """

    def __init__(
        self,
        judge: Judge,
        ruleset: RuleSet,
        options: PinOptions,
        *,
        on_alert: Callable[[Alert], None] = lambda _alert: None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.judge = judge
        self.options = options
        self.pinned: list[Path] = []
        self.refused = 0
        self._rules = {rule.name: rule for rule in ruleset.rules}
        self._on_alert = on_alert
        self._say = say
        self._windows = LiveWindows(self._window)
        self._ring: Ring | None = None
        self._known: deque[_Known] = deque()
        self._sections: dict[int, Section] = {}
        self._losses: deque[Lost] = deque(maxlen=_LOSSES)
        self._time = 0  # of the newest event judged
        self._seen_at = time.monotonic()  # when that was
        self._every = int(max(options.before / _PARTS, _LEAST) * _SECOND)
        self._pin: Pin | None = None
        self._ending: list[Pin] = []
        self._bytes = 0  # of captures that are finished
        # As Falco: a dump is on until its deadline, which every rule that matches moves.
        self._on = False
        self._deadline = 0

    @property
    def alerts(self) -> int:
        return self.judge.tally.alerts.total()

    def attach(self, ring: Ring) -> Ring:
        """The ring that is recorded into; gives it back."""
        self._ring = ring
        return ring

    def take(self, item: Item) -> None:
        """What came, after it was recorded."""
        self._windows.take(item)
        match item:
            case Begin(section):
                if self._windows.walked[0]:
                    self._sections[section.number] = section
                self._keep_state()
            case Lost():
                self._losses.append(item)
                if self._pin is not None:
                    self._pin.lost(item)
        self._advance()

    def tick(self) -> None:
        """Nothing came for a moment."""
        self._windows.tick()
        self._advance()

    def close(self) -> None:
        """Judge what is left, and finish what is being pinned."""
        self._windows.flush()
        self.judge.end()
        if self._pin is not None:
            early = self._pin.stop > self._time
            self._end_pin("the recording ended before its window" if early else "")
        deadline = time.monotonic() + _PATIENCE
        for pin in self._ending:
            if not pin.join(max(0.0, deadline - time.monotonic())):
                self._say(f"{pin.path} is not finished; it opens all the same.")
        self._reap()

    # Judging

    def _window(self, window: Window) -> None:
        self._seen_at = time.monotonic()
        for piece in window.values():
            if len(piece):
                self._time = max(self._time, int(piece.times[-1]))
        for alert in self.judge.window(window):
            self._on_alert(alert)
            self._alert(alert)
        if not self._known or self._time - self._known[-1].time >= self._every:
            self._keep_state()

    def _keep_state(self) -> None:
        began = time.monotonic()
        state = PackedSection.of(self._windows.snapshot())
        # On a large host it takes its time: no more than a part of all there is.
        self._every = max(self._every, int((time.monotonic() - began) * _SHARE * _SECOND))
        self._known.append(_Known(self._windows.walked[0], self._time, state))
        oldest = self._time - int(self.options.before * _SECOND) - self._every
        while len(self._known) > 1 and self._known[1].time <= oldest:
            self._known.popleft()

    def _alert(self, alert: Alert) -> None:
        rule = self._rules.get(alert.rule)
        if rule is None:
            return
        duration = rule.capture_duration * 1_000_000 or int(self.options.after * _SECOND)
        if self._on and alert.time > self._deadline:
            self._on, self._deadline = False, 0
        self._deadline = max(self._deadline, alert.time + duration)
        self._on = self._on or self.options.all_rules or rule.capture
        if not self._on:
            return
        named = PinnedAlert(
            rule=alert.rule,
            priority=alert.priority,
            source=alert.source,
            num=alert.num,
            time=alert.time,
            output=alert.output[:MAX_NOTE],
        )
        start = alert.time - int(self.options.before * _SECOND)
        if self._pin is not None and start > self._pin.stop:
            self._end_pin()
        if self._pin is None:
            self._pin = self._begin(alert, start)
        if self._pin is not None:
            self._pin.add(named, self._deadline)

    # Pins

    def _begin(self, alert: Alert, start: int) -> Pin | None:
        ring = self._ring
        assert ring is not None, "attach comes first"
        self._reap()
        if self._bytes + sum(pin.size for pin in self._ending) > self.options.total_bytes:
            if not self.refused:
                text = f"captures around alerts have reached {self.options.total_bytes:,} bytes"
                self._tell(f"No more windows are kept: {text}.")
            self.refused += 1
            return None
        prefix = self.options.prefix or str(ring.path.with_suffix(""))
        path = Path(f"{prefix}_{max(alert.time, 0):020d}_{alert.num:020d}.fcap")
        try:
            ring.flush()
            pin = Pin(
                ring,
                path,
                start,
                self._deadline,
                self._base(ring, start),
                dict(self._sections),
                max_bytes=self.options.max_bytes,
            )
        except (FalcowbError, OSError) as error:
            self._tell(f"The window around an alert of {alert.rule} is not kept: {error}")
            return None
        for item in self._losses:
            if item.when >= start:
                pin.lost(item)
        self.pinned.append(path)
        self._say(f"{alert.rule}: keeping the time around it in {path}")
        return pin

    def _base(self, ring: Ring, start: int) -> Base:
        """The last state before the window of which the ring has all that follows."""
        spans = [info.let_go.span for info in ring.infos if info.let_go is not None]
        gone = max((span.last_num for span in spans if span is not None), default=0)
        if not self._known:
            return Base(0, 0, None)
        whole = [known for known in self._known if known.num >= gone] or [self._known[-1]]
        before = [known for known in whole if known.time <= start] or whole[:1]
        best = before[-1]
        return Base(best.num, best.time, best.state.section())

    def _advance(self) -> None:
        """End the pin that nothing can lengthen any more."""
        pin = self._pin
        if pin is None:
            self._reap()
            return
        if pin.ended or pin.full:
            self._on, self._deadline = False, 0
            self._end_pin()
            return
        over = pin.stop + int(self.options.before * _SECOND)
        # Where nothing comes, time passes all the same.
        silent = time.monotonic() - self._seen_at - _GRACE
        if self._time > over or self._time + int(max(silent, 0.0) * _SECOND) > over:
            self._end_pin()

    def _end_pin(self, reason: str = "") -> None:
        if self._pin is not None:
            self._flush_ring()
            self._pin.finish(reason)
            self._ending.append(self._pin)
            self._pin = None

    def _reap(self) -> None:
        for pin in [pin for pin in self._ending if pin.ended]:
            self._ending.remove(pin)
            self._bytes += pin.size
            if pin.failure is not None:
                self._tell(f"{pin.path} ends early: {pin.failure.message}")
            else:
                more = ", at its largest size" if pin.full else ""
                self._say(f"{pin.path}: {pin.count:,} alerts, kept{more}.")

    def _flush_ring(self) -> None:
        if self._ring is not None:
            with contextlib.suppress(FalcowbError):
                self._ring.flush()

    def _tell(self, text: str) -> None:
        self._say(text)
        if self._ring is not None:
            with contextlib.suppress(FalcowbError):
                self._ring.note(text)
