"""What rules are checked against: the plugins at hand, their fields and event sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from capture.errors import FalcowbError

if TYPE_CHECKING:
    from engine.fields.catalogue import Catalogue
    from engine.ruleset.describe import PluginFields
    from engine.ruleset.options import AppendOutput
    from engine.ruleset.versions import LoadedPlugin
    from plugins.host import Plugin
    from workbench.config import AppendOutput as ConfiguredOutput


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The catalogue of all fields, and the plugins that bring some of them."""

    catalogue: Catalogue
    plugins: list[LoadedPlugin] = field(default_factory=list)
    plugin_fields: list[PluginFields] = field(default_factory=list)
    #: For each source the fields that its plugins would see in every output.
    suggested: dict[str, list[str]] = field(default_factory=dict)

    def append_output(self, entries: Iterable[ConfiguredOutput]) -> list[AppendOutput]:
        """``append_output`` of a configuration as the rule set takes it, suggested fields and
        all."""
        from engine.ruleset.options import AppendOutput

        made: list[AppendOutput] = []
        for entry in entries:
            tags = frozenset(entry.tags)
            made.append(
                AppendOutput(
                    entry.source,
                    tags,
                    entry.rule,
                    entry.format,
                    tuple(entry.formatted_fields.items()),
                    tuple(entry.raw_fields),
                )
            )
            if entry.suggested_output:
                sources = [entry.source] if entry.source else list(self.suggested)
                made += [
                    AppendOutput(source, tags, entry.rule, f"{name.replace('.', '_')}=%{name}")
                    for source in sources
                    for name in self.suggested.get(source, ())
                ]
        return made


def bundled_plugins() -> list[Path]:
    """The libraries of the plugins that come with falcowb, as far as they are built."""
    from workbench.config.libraries import bundled_folders

    found = (folder / f"{folder.name}.so" for folder in bundled_folders())
    return [path for path in found if path.is_file()]


def surroundings(
    libraries: Iterable[str | Path], refused: Callable[[FalcowbError], None] | None = None
) -> Surroundings:
    """Load the libraries, note what they declare, and let them go.

    A name without a slash or suffix stands for the bundled plugin of that name. Raises
    FalcowbError for a plugin that is not there or does not load, or hands the error to
    ``refused`` and goes on without it.
    """
    with ExitStack() as stack:
        loaded: list[Plugin] = []
        for library in libraries:
            try:
                loaded.append(stack.enter_context(_load(library)))
            except FalcowbError as error:
                if refused is None:
                    raise
                refused(error)
        return describe(loaded)


def describe(loaded: Iterable[Plugin]) -> Surroundings:
    """What loaded plugins bring. They need not be initialised."""
    from engine.fields.catalogue import Catalogue
    from engine.fields.plugin import plugin_fields
    from engine.ruleset.describe import PluginFields
    from engine.ruleset.versions import LoadedPlugin

    catalogue = Catalogue.native()
    versions: list[LoadedPlugin] = []
    described: list[PluginFields] = []
    suggested: dict[str, list[str]] = {}
    declared = list(loaded)
    for plugin in declared:
        if plugin.event_source:
            catalogue = catalogue.with_fields([], [plugin.event_source])
    for plugin in declared:
        sources = sorted(plugin.extract_event_sources)
        shown = sources[0] if len(sources) == 1 else ""
        if plugin.fields:
            catalogue = catalogue.with_fields(plugin_fields(plugin.fields, shown), sources)
        for name in sources or catalogue.sources:
            suggested.setdefault(name, []).extend(
                each.name for each in plugin.fields if each.add_output
            )
        versions.append(LoadedPlugin(plugin.name, str(plugin.version)))
        described.append(
            PluginFields(
                plugin.name,
                plugin.event_source,
                frozenset(each.name for each in plugin.fields),
                frozenset(sources),
            )
        )
    return Surroundings(catalogue, versions, described, suggested)


def _load(library: str | Path) -> Plugin:
    from plugins.host import load_plugin

    text = str(library)
    if "/" not in text and not text.endswith(".so"):
        bundled = {path.stem: path for path in bundled_plugins()}
        if text not in bundled:
            known = ", ".join(bundled) or "none is built; 'make setup' builds them"
            raise FalcowbError(
                f"no plugin named '{text}' comes with falcowb",
                hint=f"Bundled plugins: {known}. For another, give the path of its .so.",
            )
        library = bundled[text]
    return load_plugin(library)
