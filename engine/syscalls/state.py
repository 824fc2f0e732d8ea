"""What the field families ask of state, event by event. ``State`` alone knows nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.columns import BytesColumn, Codes, Mask, Rows
from engine.gather import constant
from engine.syscalls.assemble import no_value

Numbers = npt.NDArray[np.generic]


class Versions:
    """A version table: distinct states of threads or of open files, by version id."""

    def __len__(self) -> int:
        return 0

    def number(self, name: str) -> Numbers:
        """A column of numbers, one a version."""
        return np.zeros(len(self), np.int64)

    def text(self, name: str) -> BytesColumn:
        """A column of texts, one a version."""
        return no_value(len(self))


@dataclass(frozen=True)
class State:
    """State as each of ``rows`` events has it after it was digested.

    Version ids are int32, -1 for none. ``thread``: the event's thread; ``fd``: the open file that
    the event is about.
    """

    rows: int

    @property
    def thread(self) -> Codes:
        return np.full(self.rows, -1, np.int32)

    @property
    def fd(self) -> Codes:
        return np.full(self.rows, -1, np.int32)

    @property
    def threads(self) -> Versions:
        return Versions()

    @property
    def fds(self) -> Versions:
        return Versions()

    def main_thread(self) -> Codes:
        """Versions of the main threads of the events' threads."""
        return np.full(self.rows, -1, np.int32)

    def fd_of(self, at: Rows, numbers: npt.NDArray[np.int64]) -> Codes:
        """Versions of the files that are open under ``numbers`` in the threads of the events at
        ``at``, row by row."""
        return np.full(len(at), -1, np.int32)

    def thread_of(self, at: Rows, tids: npt.NDArray[np.int64]) -> Codes:
        """Versions of the threads that bear ``tids`` at the events at ``at``."""
        return np.full(len(at), -1, np.int32)

    def user_of(self, at: Rows, uids: npt.NDArray[np.uint32]) -> BytesColumn:
        """Names of users as the events at ``at`` know them."""
        return no_value(len(at))

    def group_of(self, at: Rows, gids: npt.NDArray[np.uint32]) -> BytesColumn:
        """Names of groups as the events at ``at`` know them."""
        return no_value(len(at))

    def cwd(self, at: Rows) -> BytesColumn:
        """Working directories, with a slash at their end; every row has one."""
        return constant(b"./", len(at))

    def take(self, rows: Rows) -> State:
        return State(len(rows))

    def known(self) -> Mask:
        """Which events have a thread."""
        return np.asarray(self.thread >= 0)
