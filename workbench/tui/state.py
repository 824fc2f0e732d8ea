"""What is remembered from one run to the next: ``$XDG_STATE_HOME/falcowb/state.json``.

Recent captures, the theme, the arrangement of panes, columns by source, and for each capture where
one was. A file that cannot be read counts as empty; one that cannot be written is not missed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

#: Captures of which is remembered where one was.
_MOST_CAPTURES = 100
_MOST_RECENT = 15
_MOST_BYTES = 8 << 20


def state_folder() -> Path:
    configured = os.environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".local" / "state"
    return base / "falcowb"


class State:
    """A tree of plain values. ``get`` and ``put`` take the path to a value as words."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or state_folder() / "state.json"
        self._data: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if self._path.stat().st_size <= _MOST_BYTES:
                data = json.loads(self._path.read_bytes())
                self._data = data if isinstance(data, dict) else {}

    def get(self, *where: str, default: Any = None) -> Any:
        """A value; ``default`` where it is not there, or of another type than ``default``."""
        node: Any = self._data
        for word in where:
            if not isinstance(node, dict) or word not in node:
                return default
            node = node[word]
        if default is not None and not isinstance(node, type(default)):
            return default
        return node

    def put(self, *where: str, value: Any) -> None:
        node = self._data
        for word in where[:-1]:
            below = node.get(word)
            if not isinstance(below, dict):
                below = node[word] = {}
            node = below
        node[where[-1]] = value

    def opened(self, path: str, arguments: dict[str, Any]) -> None:
        """A capture was opened: it comes first among the recent ones."""
        recent = [each for each in self.recent() if each.get("path") != path]
        self._data["recent"] = [{"path": path, **arguments}, *recent][:_MOST_RECENT]
        captures = self._data.setdefault("captures", {})
        if isinstance(captures, dict):
            captures[path] = captures.pop(path, {})  # the one used last stands last
            for old in list(captures)[:-_MOST_CAPTURES]:
                del captures[old]

    def recent(self) -> list[dict[str, Any]]:
        """Captures that were opened, the last one first: ``path`` and what it was opened with."""
        found = self.get("recent", default=[])
        return [
            each for each in found if isinstance(each, dict) and isinstance(each.get("path"), str)
        ]

    def save(self) -> None:
        folder = self._path.parent
        new = folder / f".state-{secrets.token_hex(4)}"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(self._data, indent=1), encoding="utf-8")
            new.chmod(0o600)
            new.replace(self._path)
