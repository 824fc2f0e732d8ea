"""Versions of the engine and of plugins, and whether one serves where another is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.ruleset.model import Alternatives

# The original reads three unsigned numbers from the front and ignores what follows.
_THREE_NUMBERS = re.compile(r"\s*\+?(\d{1,10})\.\s*\+?(\d{1,10})\.\s*\+?(\d{1,10})")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """``major.minor.patch``."""

    major: int
    minor: int
    patch: int

    @staticmethod
    def parse(text: str) -> Version | None:
        """The version at the front of ``text`` (``1.2.3-rc1`` is 1.2.3), or None."""
        match = _THREE_NUMBERS.match(text)
        return Version(*map(int, match.groups())) if match else None

    def serves(self, wanted: Version) -> bool:
        """Same major version and not older than ``wanted``."""
        return self.major == wanted.major and self >= wanted

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


NO_VERSION = Version(0, 0, 0)

#: The rules engine that this one answers like.
ENGINE_VERSION = Version(0, 62, 0)


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin at hand, or one whose place something of ours takes.

    ``version`` is None where whatever version is asked for counts as met.
    """

    name: str
    version: str | None


#: Names that upstream rules require and that are part of this program or of its own plugins:
#: ours to upstream's. They serve whatever version is asked for.
NATIVE_PLUGINS: tuple[str, ...] = ("container",)
STAND_INS: dict[str, tuple[str, ...]] = {
    "k8s_audit": ("k8saudit", "json"),
    "aws_cloudtrail": ("cloudtrail", "json"),
}


def with_stand_ins(plugins: Iterable[LoadedPlugin]) -> list[LoadedPlugin]:
    """``plugins``, then what is native, then the upstream plugins that ours stand in for.

    A plugin really loaded under an upstream name comes first and is judged by its own version.
    """
    loaded = list(plugins)
    names = {plugin.name for plugin in loaded}
    extra = list(NATIVE_PLUGINS)
    for plugin in loaded:
        extra.extend(STAND_INS.get(plugin.name, ()))
    for name in extra:
        if name not in names:
            names.add(name)
            loaded.append(LoadedPlugin(name, None))
    return loaded


def unmet_requirement(
    required: Iterable[Alternatives], plugins: Sequence[LoadedPlugin]
) -> str | None:
    """Why the requirements are not met, in words; None when they are."""
    by_name: dict[str, LoadedPlugin] = {}
    for plugin in plugins:
        by_name.setdefault(plugin.name, plugin)
    for alternatives in required:
        problem = _unmet(alternatives, by_name)
        if problem is not None:
            return problem
    return None


def _unmet(alternatives: Alternatives, by_name: dict[str, LoadedPlugin]) -> str | None:
    for wanted in alternatives:
        plugin = by_name.get(wanted.name)
        if plugin is None:
            continue
        if plugin.version is None:
            return None
        have = Version.parse(plugin.version)
        if have is None:
            return f"Plugin '{plugin.name}' has invalid version string '{plugin.version}'"
        least = Version.parse(wanted.version)
        if least is None or not have.serves(least):
            return (
                f"Plugin '{plugin.name}' version '{plugin.version}' is not compatible with "
                f"required plugin version '{wanted.version}'"
            )
        return None
    names = ", ".join(f"{wanted.name} (>= {wanted.version})" for wanted in alternatives)
    return f"Plugin requirement not satisfied, must load one of: {names}"
