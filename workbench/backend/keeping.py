"""What is kept of judging an open capture: asked again, rules need no walk over its events."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable

from capture.errors import FalcowbError
from engine.explain.near import NearCounter
from engine.explain.near_kept import count_kept
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.folding.opened import NotKept, Numbers, OpenedCapture
from engine.language import ast
from workbench.core import kept


class Kept:
    """The kept folder of a capture, found when it is first asked for. For any thread."""

    def __init__(self, path: str, catalogue: Catalogue, sources: tuple[str, ...]) -> None:
        self.path = path
        #: Of captures with other sources beside system calls nothing is kept.
        self.possible = sources == (SYSCALL,)
        self.catalogue = catalogue
        # Once and for all: what is kept at the end is found again, whatever changes meanwhile.
        self._folder = kept.kept_folder(path) if self.possible else None
        self._lock = threading.Lock()
        self._opened: OpenedCapture | None = None
        self._looked = False

    def look_again(self) -> None:
        """Something new was kept."""
        with self._lock:
            self._looked, self._opened = False, None

    @property
    def there(self) -> bool:
        with self._lock:
            return self._find() is not None

    def judge(self, rules: Iterable[tuple[str, ast.Expr]]) -> dict[str, Numbers] | None:
        """The numbers of the events that match each rule; None where the events are needed."""
        with self._lock:
            opened = self._find()
            if opened is None:
                return None
            try:
                return opened.judge(rules)
            except NotKept:
                return None

    def count_near(self, counter: NearCounter) -> bool:
        """Count the near misses of all events; False where the events are needed. A counter that
        was refused may hold a part of them."""
        with self._lock:
            opened = self._find()
            if opened is None:
                return False
            try:
                count_kept(counter, opened)
            except NotKept:
                return False
            return True

    def keeping(self) -> kept.Keeping | None:
        """To keep what comes of judging all events; None where nothing can be kept."""
        if self._folder is None:
            return None
        with contextlib.suppress(OSError):
            return kept.Keeping(self._folder)
        return None

    def _find(self) -> OpenedCapture | None:
        folder = self._folder
        if not self._looked and self.possible and folder is not None and folder.is_dir():
            with contextlib.suppress(FalcowbError):
                self._opened = OpenedCapture(folder, self.catalogue, SYSCALL)
            with contextlib.suppress(OSError):
                os.utime(folder)
        self._looked = True
        return self._opened
