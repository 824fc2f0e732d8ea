"""Columns of the events pane: what is shown by default of each source, and what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.tui.state import State

#: Not a field: the rule that alerts.
RULE = "rule"

_DEFAULTS: dict[str, tuple[str, ...]] = {
    "syscall": ("evt.num", "evt.time", "proc.name", "proc.pid", "evt.type", "evt.args"),
    "k8s_audit": (
        "evt.num", "evt.time", "ka.user.name", "ka.verb", "ka.target.resource",
        "ka.target.namespace", "ka.target.name", "ka.response.code",
    ),
    "aws_cloudtrail": (
        "evt.num", "evt.time", "ct.name", "ct.user", "ct.src", "ct.region", "ct.srcip", "ct.error",
    ),
}  # fmt: skip
#: More than one, beside the default.
PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "syscall": {
        "files": (
            "evt.num", "evt.time", "proc.name", "user.name", "evt.type", "evt.res", "fd.name",
        ),
        "processes": (
            "evt.num", "evt.time", "proc.pid", "proc.pname", "evt.type", "proc.exepath",
            "proc.cmdline",
        ),
        "network": (
            "evt.num", "evt.time", "proc.name", "evt.type", "fd.l4proto", "fd.name", "evt.res",
        ),
        "containers": (
            "evt.num", "evt.time", "container.name", "container.image.repository", "proc.name",
            "evt.type", "evt.args",
        ),
    },
    "k8s_audit": {
        "requests": (
            "evt.num", "evt.time", "ka.user.name", "ka.verb", "ka.uri", "ka.response.code",
            "ka.sourceips",
        ),
    },
}  # fmt: skip
_OTHER = ("evt.num", "evt.time", "evt.plugininfo")
_MIXED = ("evt.num", "evt.time", "evt.source", "proc.name", "evt.type", "evt.plugininfo")


@dataclass
class Layout:
    """Fields in order, and widths that were set by hand."""

    fields: list[str]
    widths: dict[str, int] = field(default_factory=dict)


def default_fields(sources: Sequence[str]) -> tuple[str, ...]:
    """What is shown of a capture of these sources."""
    if len(sources) > 1:
        return _MIXED
    return _DEFAULTS.get(sources[0], _OTHER) if sources else _OTHER


def layout_key(sources: Sequence[str]) -> str:
    return "+".join(sorted(sources)) or "none"


class Layouts:
    """The layouts of one kind of capture, remembered."""

    def __init__(self, state: State, sources: Sequence[str]) -> None:
        self._state = state
        self._key = layout_key(sources)
        self._default = default_fields(sources)
        self._presets = PRESETS.get(sources[0], {}) if len(sources) == 1 else {}

    def current(self) -> Layout:
        told = self._state.get("columns", self._key, "current", default={})
        return _layout(told) or Layout(list(self._default))

    def keep(self, layout: Layout) -> None:
        value = {"fields": layout.fields, "widths": layout.widths}
        self._state.put("columns", self._key, "current", value=value)

    def saved(self) -> dict[str, tuple[str, ...]]:
        """By name: ours, then those that were saved."""
        found: dict[str, tuple[str, ...]] = {"default": self._default, **self._presets}
        told = self._state.get("columns", self._key, "saved", default={})
        for name, fields in told.items():
            if isinstance(fields, list) and fields:
                found[name] = tuple(map(str, fields))
        return found

    def save(self, name: str, fields: Sequence[str]) -> None:
        self._state.put("columns", self._key, "saved", name, value=list(fields))


def _layout(told: dict[str, Any]) -> Layout | None:
    fields, widths = told.get("fields"), told.get("widths")
    if not isinstance(fields, list) or not fields:
        return None
    kept = (
        {k: v for k, v in widths.items() if isinstance(v, int)} if isinstance(widths, dict) else {}
    )
    return Layout(list(map(str, fields)), kept)
