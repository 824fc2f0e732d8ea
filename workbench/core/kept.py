"""What judging a capture of system calls leaves behind, so that judging it again is quick.

``$XDG_CACHE_HOME/falcowb/opened`` (``~/.cache/…``) holds a folder for each capture, written by
``engine.folding.keep``; its name is made of the capture and of the code that judged it. All of it
may be deleted at any time, and a process may be killed while it writes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from capture.errors import FalcowbError
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.folding.keep import Keeper
from engine.folding.opened import NotKept, Numbers, OpenedCapture
from engine.ruleset.selection import RuleSet
from workbench.core.events import Events, Window
from workbench.core.fingerprint import fingerprint

#: Most bytes that are kept of all captures together; what was used last stays.
MAX_BYTES = 4 << 30
#: After so many seconds a folder that was never completed is thrown out.
_LEFT_OVER = 24 * 3600.0


def kept_root() -> Path:
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "falcowb" / "opened"


def kept_folder(path: str | os.PathLike[str]) -> Path | None:
    """Where the capture's folder is, or would be; None for a capture that cannot be read."""
    name = fingerprint(path)
    return None if name is None else kept_root() / name


def find(path: str | os.PathLike[str], catalogue: Catalogue) -> OpenedCapture | None:
    """What was kept of a capture; None where nothing is, or it cannot be read."""
    folder = kept_folder(path)
    if folder is None or not folder.is_dir():
        return None
    try:
        found = OpenedCapture(folder, catalogue, SYSCALL)
    except FalcowbError:
        return None
    with contextlib.suppress(OSError):
        os.utime(folder)
    return found


def hits(opened: OpenedCapture, ruleset: RuleSet) -> Mapping[str, Numbers] | None:
    """The numbers of the events that each rule matches; None where the rules ask for what was not
    kept."""
    rules = ruleset.enabled(SYSCALL)
    try:
        return opened.judge((rule.name, rule.condition) for rule in rules)
    except NotKept:
        return None


class NothingMore:
    """The events of a capture of which no rule matches any: there is no need to read them."""

    def __init__(self, events: Events, opened: OpenedCapture) -> None:
        self.name, self.sources = events.name, events.sources
        self._events = events
        self._notes: list[str] = list(opened.facts["notes"])

    def windows(self) -> Iterator[Window]:
        return iter(())

    def fraction(self) -> float | None:
        return 1.0

    def notes(self) -> list[str]:
        return self._notes

    def close(self) -> None:
        self._events.close()


class Keeping:
    """Keeps what comes of judging a capture, once all of it was judged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new = folder.with_name(f"new-{secrets.token_hex(8)}")
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.keeper = Keeper(self._new)

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Keeping | None:
        """None where nothing can be kept."""
        folder = kept_folder(path)
        try:
            return None if folder is None else cls(folder)
        except OSError:
            return None

    def done(self, facts: Mapping[str, object]) -> None:
        """All events were judged."""
        self.keeper.close(facts)
        if not self.keeper.whole:
            self.abandon()
            return
        with contextlib.suppress(OSError):
            if self._folder.exists():
                _throw_out(self._folder)
            self._new.rename(self._folder)
            _shrink(self._folder.parent, MAX_BYTES)

    def abandon(self) -> None:
        """Not all events were judged."""
        self.keeper.abandon()
        shutil.rmtree(self._new, ignore_errors=True)


def _shrink(root: Path, most: int) -> None:
    """Throw out what was used longest ago, and what killed processes left behind."""
    entries = []
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            size = sum(each.lstat().st_size for each in path.rglob("*"))
            entries.append((path.stat().st_mtime, path, size))
    total = sum(size for _, _, size in entries)
    for used, path, size in sorted(entries):
        left_over = path.name.startswith("new-")
        if left_over and time.time() - used < _LEFT_OVER:
            continue
        if left_over or total > most:
            _throw_out(path)
            total -= size


def _throw_out(folder: Path) -> None:
    """Under another name first: nobody finds half a folder."""
    trash = folder.with_name(f"new-{secrets.token_hex(8)}")
    with contextlib.suppress(OSError):
        folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)
