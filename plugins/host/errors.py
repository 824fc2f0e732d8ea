"""What is raised when a plugin cannot be used or misbehaves."""

from __future__ import annotations

from capture.errors import FalcowbError

_LONGEST = 1000


class PluginError(FalcowbError):
    """A plugin was refused or failed.

    ``plugin`` is its name (or its file while the name is not known), ``function`` the API function
    at fault without the prefix ``plugin_`` (empty: none), ``event`` the number of the event it was
    called for (None: none), ``reason`` the message without those.
    """

    def __init__(
        self,
        plugin: str,
        reason: str,
        *,
        function: str = "",
        event: int | None = None,
        hint: str = "",
    ) -> None:
        where = f"plugin {plugin}"
        if function:
            where += f": plugin_{function}"
        if event is not None:
            where += f" at event {event}"
        super().__init__(f"{where}: {reason}", hint=hint)
        self.plugin = plugin
        self.function = function
        self.event = event
        self.reason = reason


def clean(text: bytes | str, limit: int = _LONGEST) -> str:
    """A plugin's text, fit for a terminal: valid, of bounded length, on one line, no escapes."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else " " for c in cut).strip()
