"""Where the library of a plugin is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import plugins

SYSTEM_FOLDER = Path("/usr/share/falco/plugins")

#: Falco's own plugins that a bundled one stands in for.
_STAND_INS = {"k8saudit": "k8s_audit", "json": "k8s_audit"}


@dataclass(frozen=True, slots=True)
class Library:
    """``path`` is the library, or where it should have been; ``searched`` are the places looked
    at, in order."""

    path: Path
    searched: tuple[Path, ...]

    @property
    def exists(self) -> bool:
        return self.path.is_file()

    def hint(self, name: str) -> str:
        """What to do where the library is missing; empty where it is there."""
        if self.exists:
            return ""
        stand_in = _STAND_INS.get(name)
        if stand_in:
            return (
                f"falcowb brings the plugin {stand_in}, which has the same events and fields as "
                f"{name}: use name {stand_in}, library_path {stand_in}.so"
            )
        return "looked for " + ", ".join(map(str, self.searched))


def find_library(written: str, folder: Path | None) -> Library:
    """The library that ``library_path: written`` means in a configuration in ``folder``.

    An absolute path is itself. A relative one is looked for beside the configuration, among the
    bundled plugins, and in Falco's folder of plugins; in the last two it must stay inside.
    """
    relative = Path(written)
    if relative.is_absolute():
        return Library(relative, (relative,))
    searched = [(folder or Path.cwd()) / relative]
    for inside in (*bundled_folders(), SYSTEM_FOLDER):
        candidate = Path(os.path.normpath(inside / relative))
        if candidate.is_relative_to(inside) and candidate != inside:
            searched.append(candidate)
    found = next((path for path in searched if path.is_file()), searched[0])
    return Library(found, tuple(searched))


def bundled_folders() -> tuple[Path, ...]:
    """The folders of the plugins that come with falcowb, whether built or not."""
    root = Path(plugins.__file__).resolve().parent
    return tuple(
        sorted(
            path
            for path in root.iterdir()
            if path.is_dir() and path.name not in ("host", "sdk") and not path.name.startswith("_")
        )
    )
