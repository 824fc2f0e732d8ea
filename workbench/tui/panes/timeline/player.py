"""Time that runs: where it is, how fast, and where it stops."""

from __future__ import annotations

from dataclasses import dataclass

_SECOND = 1_000_000_000
#: Seconds of the capture that pass in one second.
SPEEDS = (0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)
#: A capture plays in about this many seconds, where nobody says otherwise.
_PLAY = 30


@dataclass
class Player:
    """``stop_at``: a time (ns) to stop at, of the next hit of a rule."""

    playing: bool = False
    speed: float = 1.0
    time: float = 0.0
    stop_at: int | None = None

    def fit(self, length: int) -> None:
        """A speed at which a capture of a length (ns) can be watched."""
        wanted = length / _SECOND / _PLAY
        self.speed = min(SPEEDS, key=lambda speed: abs(speed - wanted))

    def faster(self, step: int) -> None:
        place = SPEEDS.index(self.speed) + step
        self.speed = SPEEDS[min(max(place, 0), len(SPEEDS) - 1)]

    def advance(self, seconds: float, end: int) -> int:
        """Let time pass; where it is now. It stops at the end and where it was told to."""
        self.time += seconds * _SECOND * self.speed
        stop = end if self.stop_at is None else min(self.stop_at, end)
        if self.time >= stop:
            self.time, self.playing = float(stop), False
        return int(self.time)

    @property
    def words(self) -> str:
        return f"×{self.speed:g}"
