"""From the merged tree to the configuration: types, defaults and what must hold.

Defaults and checks from userspace/falco/configuration.cpp in falcosecurity/falco. A value of the
wrong type is an error for the keys that we use; for the others it is a warning.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from engine.ruleset.model import Priority
from engine.ruleset.selection import Matching
from engine.yaml_values import as_bool
from workbench.config.checks import check_the_rest
from workbench.config.durations import parse_duration_ms
from workbench.config.init_config import init_text
from workbench.config.keys import lookup
from workbench.config.known import check
from workbench.config.libraries import find_library
from workbench.config.model import AppendOutput, FalcoConfig, PluginConfig, RuleSelection
from workbench.config.tree import (
    ConfigWarning,
    Mapping_,
    Scalar,
    Sequence,
    Value,
    discreet,
)
from workbench.config.values import Values

_BLANKS = " \t\n\v\f\r"
_PRIORITIES = tuple(priority.name.lower() for priority in Priority)


def read_config(
    tree: Mapping_,
    *,
    file: str,
    folder: Path | None,
    files: tuple[Path, ...],
    warnings: list[ConfigWarning],
) -> FalcoConfig:
    """The configuration in ``tree``. Raises :class:`ConfigError` for the first thing wrong."""
    return _Reader(tree, file, folder, files, [*warnings, *check(tree)]).read()


class _Reader:
    def __init__(
        self,
        tree: Mapping_,
        file: str,
        folder: Path | None,
        files: tuple[Path, ...],
        warnings: list[ConfigWarning],
    ) -> None:
        self.values = Values(tree, warnings)
        self._file = file
        self._folder = folder
        self._files = files

    def read(self) -> FalcoConfig:
        check_the_rest(self.values)
        return FalcoConfig(
            file=self._file,
            files=self._files,
            plugins=self._plugins(),
            rules_files=self._rules_files(),
            rules_selection=tuple(map(self._selection, self.values.each("rules"))),
            append_output=tuple(map(self._append_output, self.values.each("append_output"))),
            static_fields=self._static_fields(),
            json_output=self.values.flag("json_output", False),
            json_include_output_property=self.values.flag("json_include_output_property", True),
            json_include_message_property=self.values.flag("json_include_message_property", False),
            json_include_output_fields_property=self.values.flag(
                "json_include_output_fields_property", True
            ),
            json_include_tags_property=self.values.flag("json_include_tags_property", True),
            time_format_iso_8601=self.values.flag("time_format_iso_8601", False),
            buffer_format_base64=self.values.flag("buffer_format_base64", False),
            priority=self.values.choice(
                "priority",
                "debug",
                Priority.parse,
                lambda text: f'Unknown priority "{text}"--must be one of {", ".join(_PRIORITIES)}',
                _PRIORITIES,
            ),
            rule_matching=self.values.choice(
                "rule_matching",
                "first",
                Matching.parse,
                lambda text: f'Unknown rule matching strategy "{text}"--must be one of first, all',
                ("first", "all"),
            ),
            watch_config_files=self.values.flag("watch_config_files", True),
            replay_file=self._replay_file(),
            metrics_interval_ms=self._metrics_interval(),
            warnings=tuple(self.values.warnings),
            tree=self.values.tree,
        )

    def _plugins(self) -> tuple[PluginConfig, ...]:
        listed = [self._plugin(item) for item in self.values.each("plugins")]
        if lookup(self.values.tree, "load_plugins") is None:
            return tuple(listed)
        by_name: dict[str, PluginConfig] = {}
        for plugin in listed:
            by_name.setdefault(plugin.name, plugin)
        chosen = []
        for item in self.values.texts("load_plugins"):
            name = item.text or ""
            if name not in by_name:
                near = difflib.get_close_matches(name[:64], by_name, n=1)
                raise self.values.error(
                    f"Cannot load plugin '{name[:64]}': plugin config not found for given name",
                    item.place,
                    f"did you mean '{near[0]}'?" if near else "list it under 'plugins'",
                )
            chosen.append(by_name[name])
        return tuple(chosen)

    def _plugin(self, item: Value) -> PluginConfig:
        if not isinstance(item, Mapping_):
            raise self.values.error(
                "each of 'plugins' must be a map with 'name' and 'library_path'", item.place
            )
        for key in ("name", "library_path"):
            if not self.values.member(item, key, "a plugin"):
                raise self.values.error(f"a plugin has no '{key}'", item.place)
        name = self.values.member(item, "name", "a plugin")
        what = f"the plugin '{name}'"
        library_path = self.values.member(item, "library_path", what)
        init = [key for key in ("init_config", "init_args") if key in item.entries]
        if len(init) == 2:
            raise self.values.error(
                f"{what} has both 'init_config' and 'init_args', which mean the same",
                item.key_place("init_args"),
            )
        return PluginConfig(
            name=name,
            library_path=library_path,
            library=find_library(library_path, self._folder),
            init_config=init_text(item.entries[init[0]], what) if init else "",
            open_params=self.values.member(item, "open_params", what).strip(_BLANKS),
            place=discreet(item.place),
        )

    def _rules_files(self) -> tuple[Path, ...]:
        keys = [key for key in ("rules_files", "rules_file") if key in self.values.tree.entries]
        if len(keys) == 2:
            raise self.values.error(
                "both 'rules_files' and 'rules_file' keys set",
                self.values.tree.key_place("rules_file"),
            )
        if keys == ["rules_file"]:
            place = self.values.tree.key_place("rules_file")
            self.values.warn("'rules_file' is the old name of 'rules_files'", place)
        found: list[Path] = []
        for item in self.values.texts(keys[0]) if keys else []:
            path = beside(item.text or "", self._folder)
            if path.is_dir():
                found.extend(
                    inner for inner in sorted(path.iterdir()) if inner.is_file() and _is_yaml(inner)
                )
            elif not path.exists():
                self.values.warn(
                    f"the rules file {path} does not exist; it is left out", item.place
                )
            elif _is_yaml(path):
                found.append(path)
            else:
                self.values.warn(f"{path} is left out: its name ends neither in .yaml nor .yml",
                           item.place)  # fmt: skip
        return tuple(found)

    def _selection(self, item: Value) -> RuleSelection:
        help_ = "write 'enable:' or 'disable:' with 'rule:' or 'tag:' below"
        if isinstance(item, Mapping_):
            for key in ("enable", "disable"):
                below = item.entries.get(key)
                if below is None:
                    continue
                if not isinstance(below, Mapping_):
                    raise self.values.error(f"'{key}' of 'rules' must be a map", below.place, help_)
                rule, tag = (
                    self.values.member(below, part, f"'{key}'") for part in ("rule", "tag")
                )
                if rule or tag:
                    return RuleSelection(key == "enable", rule, tag)
                raise self.values.error(f"'{key}' of 'rules' names no rule and no tag", below.place,
                                  help_)  # fmt: skip
        raise self.values.error(
            "an item of 'rules' neither enables nor disables", item.place, help_
        )

    def _append_output(self, item: Value) -> AppendOutput:
        what = "'append_output'"
        if not isinstance(item, Mapping_):
            raise self.values.error(f"each of {what} must be a map", item.place)
        match = item.entries.get("match", Mapping_({}, item.place))
        if not isinstance(match, Mapping_):
            raise self.values.error(f"'match' of {what} must be a map", match.place)
        tags: list[str] = []
        listed = match.entries.get("tags")
        for tag in listed.items if isinstance(listed, Sequence) else []:
            if not isinstance(tag, Scalar) or tag.text is None:
                raise self.values.error(f"'tags' of {what} must be a list of texts", tag.place)
            tags.append(tag.text)
        rule = self.values.member(match, "rule", what)
        if rule and tags:
            self.values.warn(
                f"an entry of {what} names both a rule and tags: it adds to the rule "
                f"'{rule[:64]}' only, and only if that has all the tags",
                match.place,
            )
        formatted, raw = self._extra_fields(item.entries.get("extra_fields"))
        suggested = self.values.member(item, "suggested_output", what)
        suggest = as_bool(suggested) if suggested else False
        if suggest is None:
            place = item.key_place("suggested_output")
            raise self.values.error(f"'suggested_output' of {what} must be true or false", place)
        return AppendOutput(
            source=self.values.member(match, "source", what),
            tags=tuple(dict.fromkeys(tags)),
            rule=rule,
            format=self.values.member(item, "extra_output", what),
            suggested_output=suggest,
            formatted_fields=formatted,
            raw_fields=raw,
        )

    def _extra_fields(self, value: Value | None) -> tuple[dict[str, str], tuple[str, ...]]:
        formatted: dict[str, str] = {}
        raw: dict[str, None] = {}
        if value is None:
            return formatted, ()
        if not isinstance(value, Sequence):
            raise self.values.error("'extra_fields' of 'append_output' must be a list", value.place)
        for item in value.items:
            if isinstance(item, Scalar) and item.text is not None:
                key, text = item.text, None
            elif isinstance(item, Mapping_) and len(item.entries) == 1:
                key = next(iter(item.entries))
                text = self.values.member(item, key, "'extra_fields'")
            else:
                raise self.values.error(
                    "each of 'extra_fields' is a field's name, or one 'key: format'", item.place
                )
            if key in formatted or (text is not None and key in raw):
                raise self.values.error(f"'{key[:64]}' stands twice in 'extra_fields'", item.place)
            if text is None:
                raw[key] = None
            else:
                formatted[key] = text
        return formatted, tuple(raw)

    def _static_fields(self) -> dict[str, str]:
        value = lookup(self.values.tree, "static_fields")
        if not isinstance(value, Mapping_):
            return {}
        return {key: self.values.member(value, key, "'static_fields'") for key in value.entries}

    def _metrics_interval(self) -> int:
        value = self.values.scalar("metrics.interval")
        try:
            return parse_duration_ms(value.text or "") if value else 0
        except ValueError as error:
            place = value.place if value else self.values.tree.place
            raise self.values.error(str(error), place) from None

    def _replay_file(self) -> str:
        if self.values.text("engine.kind", "kmod") != "replay":
            return ""
        path = self.values.text("engine.replay.capture_file", "")
        if not path:
            raise self.values.error(
                "engine.kind is 'replay' but no engine.replay.capture_file specified",
                self.values.tree.key_place("engine"),
            )
        return path


def beside(written: str, folder: Path | None) -> Path:
    """A path of a configuration: relative to where we run, as in Falco, or else beside the file."""
    path = Path(written)
    if not path.is_absolute() and not path.exists() and folder and (folder / path).exists():
        return folder / path
    return path


def _is_yaml(path: Path) -> bool:
    return path.name.endswith((".yaml", ".yml"))
