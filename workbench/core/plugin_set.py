"""The plugins of a session: those the configuration names, loaded, initialised, ready to use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from capture.errors import FalcowbError
from engine.segments import EventSource
from plugins.host import Plugin, load_plugin
from workbench.config import PluginConfig
from workbench.surroundings import describe

_NAME_ONE = (
    "Name one under 'plugins' in a falco.yaml (-c falco.yaml), or a bundled one with --plugin NAME."
)


class PluginSet:
    """Initialised plugins, in the order of the configuration. Close it, or use it with ``with``.

    ``surroundings`` holds the catalogue of fields that results.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self.surroundings = describe(self.plugins)

    @classmethod
    def load(cls, configs: Iterable[PluginConfig]) -> Self:
        """Load and initialise the plugins. Raises FalcowbError; those loaded before are closed."""
        loaded: list[Plugin] = []
        try:
            for config in configs:
                if not config.library.exists:
                    raise FalcowbError(
                        f"plugin '{config.name}': cannot load plugin library "
                        f"{config.library_path}: No such file or directory",
                        place=config.place,
                        hint=config.library.hint(config.name),
                    )
                plugin = load_plugin(config.library.path, name=config.name)
                loaded.append(plugin)
                if plugin.name in {each.name for each in loaded[:-1]}:
                    raise FalcowbError(
                        f"plugin '{plugin.name}' is loaded twice",
                        place=config.place,
                        hint="Name it once under 'plugins'.",
                    )
                plugin.init(config.init_config)
            return cls(loaded)
        except BaseException:
            for plugin in loaded:
                plugin.close()
            raise

    def sourcing(self, name: str | None = None, source: str | None = None) -> Plugin:
        """The plugin that gives events: by its name, by its event source, or the only one.

        Raises FalcowbError where there is none or the choice is open.
        """
        able = [
            each
            for each in self.plugins
            if each.event_source
            and name in (None, each.name)
            and source in (None, each.event_source)
        ]
        if len(able) == 1:
            return able[0]
        if not able:
            asked = f" named '{name}'" if name else f" for source '{source}'" if source else ""
            known = ", ".join(f"{each.name} {each.version}" for each in self.plugins)
            raise FalcowbError(
                f"no plugin{asked} is loaded that gives events",
                hint=f"Loaded: {known}." if known else _NAME_ONE,
            )
        raise FalcowbError(
            f"several plugins give events: {', '.join(each.name for each in able)}",
            hint="Say which with --plugin NAME.",
        )

    def event_source(self, name: str) -> EventSource:
        """What makes segments of the events of one source: every plugin that takes the source."""
        takers = [
            each
            for each in self.plugins
            if not each.extract_event_sources or name in each.extract_event_sources
        ]
        return EventSource(name, takers)

    def close(self) -> None:
        for plugin in self.plugins:
            plugin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
