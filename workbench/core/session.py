"""What every command that meets events works with: configuration, plugins, rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from capture.errors import FalcowbError, Place
from engine.alerts import AlertOptions
from engine.ruleset.checking import EngineChecker
from engine.ruleset.conditions import ConditionSource
from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from engine.ruleset.options import RuleFile
from engine.ruleset.selection import Matching, RuleSet
from workbench.config import FalcoConfig, PluginConfig, load_config, parse_config
from workbench.config.libraries import find_library
from workbench.core.plugin_set import PluginSet
from workbench.core.rule_choice import choose, load_options, select


class Session:
    """A configuration and its plugins at work. Close it, or use it with ``with``.

    ``asked`` are the plugins named on the command line, in order.
    """

    def __init__(self, config: FalcoConfig, plugins: PluginSet, asked: tuple[str, ...]) -> None:
        self.config = config
        self.plugins = plugins
        self.asked = asked
        self._checker = EngineChecker(plugins.surroundings.catalogue)
        self._conditions = ConditionSource()

    @classmethod
    def open(
        cls,
        config_file: Path | None = None,
        options: Sequence[str] = (),
        plugins: Sequence[str] = (),
    ) -> Self:
        """Read the configuration and load its plugins.

        ``plugins`` names further ones: one of the configuration, a bundled one by its name, or the
        path of a ``.so``. Only libraries named here or there are loaded. Raises FalcowbError.
        """
        if config_file is not None:
            config = load_config(config_file, options)
        else:
            config = parse_config("", options, file="the command line", folder=Path.cwd())
        known = {each.name for each in config.plugins}
        more = [_named(name) for name in plugins if name not in known]
        loaded = PluginSet.load([*config.plugins, *more])
        asked = tuple(Path(name).stem if "/" in name else name for name in plugins)
        return cls(config, loaded, asked)

    def open_params(self, plugin: str) -> str:
        """What the configuration gives a plugin to open; empty where it gives nothing."""
        return next((each.open_params for each in self.config.plugins if each.name == plugin), "")

    def init_config(self, plugin: str) -> str:
        return next((each.init_config for each in self.config.plugins if each.name == plugin), "")

    def load_rules(
        self, files: Sequence[str | Path] = (), *, priority: str | None = None
    ) -> LoadResult:
        """Load rule files, by default those of the configuration, and turn rules on and off as the
        configuration says. Raises FalcowbError for the first error."""
        paths = list(files) or list(self.config.rules_files)
        if not paths:
            raise FalcowbError(
                "no rules are named",
                hint="Name a file with -r FILE, or under 'rules_files' in a falco.yaml.",
            )
        result = self.read_rules(read_rule_files(paths), priority=priority)
        result.raise_for_errors()
        return result

    def read_rules(self, files: Sequence[RuleFile], *, priority: str | None = None) -> LoadResult:
        """The same of texts at hand; what is wrong with them is in the result. Rules that were
        read before cost little."""
        options = load_options(self.config, self.plugins.surroundings, priority=priority)
        result = load_rules(files, self._checker, options, self._conditions)
        select(self.config, result.ruleset)
        return result

    def choose(
        self,
        ruleset: RuleSet,
        *,
        tags: Sequence[str] | None = None,
        disable: Sequence[str] | None = None,
        disable_tags: Sequence[str] | None = None,
    ) -> None:
        """Turn rules on and off as the command line says: see ``workbench.core.rule_choice``."""
        choose(ruleset, tags=tags, disable=disable, disable_tags=disable_tags)

    def matching(self, all_rules: bool) -> Matching:
        return Matching.ALL if all_rules else self.config.rule_matching

    def alert_options(self, *, as_json: bool) -> AlertOptions:
        config = self.config
        return AlertOptions(
            json_output=as_json or config.json_output,
            json_include_output_property=config.json_include_output_property,
            json_include_message_property=config.json_include_message_property,
            json_include_output_fields_property=config.json_include_output_fields_property,
            json_include_tags_property=config.json_include_tags_property,
            time_format_iso_8601=config.time_format_iso_8601,
            buffer_format_base64=config.buffer_format_base64,
        )

    def close(self) -> None:
        self.plugins.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _named(name: str) -> PluginConfig:
    """A plugin named on the command line: the path of a library, or the name of a bundled one."""
    is_path = "/" in name or name.endswith(".so")
    library = find_library(name if is_path else f"{name}.so", Path.cwd() if is_path else None)
    if not is_path and not library.exists:
        raise FalcowbError(
            f"no plugin '{name}' is configured or bundled",
            hint=library.hint(name) or "Give the path of its .so, or a falco.yaml with -c.",
        )
    place = Place("the command line")
    return PluginConfig(Path(name).stem, str(library.path), library, "", "", place)
