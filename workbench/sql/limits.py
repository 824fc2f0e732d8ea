"""What a query may use of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``memory`` bytes of DuckDB; ``disk`` bytes of what it puts aside; ``seconds`` a query may
    take, None for any; ``threads`` at work."""

    memory: int = 900 << 20
    disk: int = 8 << 30
    seconds: float | None = 300.0
    threads: int = 0

    @property
    def workers(self) -> int:
        return self.threads or len(os.sched_getaffinity(0))
