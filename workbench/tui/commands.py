"""The command palette: every binding and command of the app and of all panes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from workbench.tui.app import FalcowbApp
    from workbench.tui.pane import Pane


@dataclass(frozen=True, slots=True)
class Entry:
    """One action: ``pane`` is shown first, None for the app's own."""

    title: str
    help: str
    action: str
    pane: Pane | None
    keys: str


def entries(app: FalcowbApp) -> Iterator[Entry]:
    """All actions there are, the focused pane's first."""
    panes = sorted(app.panes, key=lambda pane: not pane.has_focus_within)
    titles = {spec.id: spec.title for spec in app.specs}
    for pane in panes:
        title = titles.get(pane.id or "", "")
        for binding in _bindings(pane.BINDINGS):
            yield Entry(
                f"{title}: {binding.description}", binding.tooltip, binding.action, pane,
                app.get_key_display(binding),
            )  # fmt: skip
        for command in pane.COMMANDS:
            yield Entry(f"{title}: {command.title}", command.help, command.action, pane, "")
    for binding in _bindings(app.BINDINGS):
        yield Entry(
            binding.description, binding.tooltip, binding.action, None,
            app.get_key_display(binding),
        )  # fmt: skip
    for command in app.COMMANDS_WITHOUT_KEY:
        yield Entry(command.title, command.help, command.action, None, "")
    for spec in app.specs:
        yield Entry(f"Show {spec.title}", spec.about, f"show_pane('{spec.id}')", None, "")


def _bindings(found: object) -> Iterator[Binding]:
    assert isinstance(found, list)
    for each in Binding.make_bindings(found):
        if each.description:
            # Of several keys for one action the first is named.
            yield each


class Actions(Provider):
    """For Textual's palette."""

    async def discover(self) -> Hits:
        for entry in self._entries():
            yield DiscoveryHit(
                _shown(entry), partial(self._run, entry), entry.title, entry.help or None
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(entry.title),
                    partial(self._run, entry),
                    entry.title,
                    entry.help or None,
                )

    def _entries(self) -> Iterator[Entry]:
        from workbench.tui.app import FalcowbApp

        app = self.app
        assert isinstance(app, FalcowbApp)
        seen: set[tuple[object, str]] = set()
        for entry in entries(app):
            if (entry.pane, entry.action) not in seen:
                seen.add((entry.pane, entry.action))
                yield entry

    async def _run(self, entry: Entry) -> None:
        from workbench.tui.app import FalcowbApp

        app = self.app
        assert isinstance(app, FalcowbApp)
        if entry.pane is None:
            await app.run_action(entry.action)
            return
        if not entry.pane.has_focus_within:
            app.show_pane(entry.pane.id or "")
        await app.run_action(entry.action, entry.pane)


def _shown(entry: Entry) -> str:
    return f"{entry.title}  [dim]{entry.keys}[/]" if entry.keys else entry.title
