"""What a falco.yaml says, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import Place
from engine.ruleset.model import Priority
from engine.ruleset.selection import Matching
from workbench.config.keys import lookup
from workbench.config.libraries import Library
from workbench.config.tree import ConfigWarning, Mapping_, Scalar


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """One plugin to load.

    ``library_path`` is as written, ``library`` where it is or was looked for. ``init_config`` is
    text: a map has become JSON, keys sorted. It and ``open_params`` may hold secrets.
    """

    name: str
    library_path: str
    library: Library
    init_config: str = field(repr=False)
    open_params: str = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class RuleSelection:
    """One step of ``rules:``: rules whose name matches ``rule`` (with ``*``), and rules that carry
    ``tag``, turned on or off; either may be empty."""

    enable: bool
    rule: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class AppendOutput:
    """One entry of ``append_output``: for rules of ``source`` with all of ``tags`` and of the name
    ``rule`` (empty matches any), text and fields added to the output.

    ``suggested_output`` adds the fields that plugins suggest. ``raw_fields`` are field names,
    ``formatted_fields`` maps a key to an output format.
    """

    source: str = ""
    tags: tuple[str, ...] = ()
    rule: str = ""
    format: str = ""
    suggested_output: bool = False
    formatted_fields: Mapping[str, str] = field(default_factory=dict)
    raw_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FalcoConfig:
    """The configuration, defaults filled in. Keys that we do not use are in :meth:`text`."""

    file: str
    files: tuple[Path, ...]
    plugins: tuple[PluginConfig, ...]
    rules_files: tuple[Path, ...]
    rules_selection: tuple[RuleSelection, ...]
    append_output: tuple[AppendOutput, ...]
    static_fields: Mapping[str, str]
    json_output: bool
    json_include_output_property: bool
    json_include_message_property: bool
    json_include_output_fields_property: bool
    json_include_tags_property: bool
    time_format_iso_8601: bool
    buffer_format_base64: bool
    priority: Priority
    rule_matching: Matching
    watch_config_files: bool
    replay_file: str  #: engine.replay.capture_file, where engine.kind is replay
    metrics_interval_ms: int
    warnings: tuple[ConfigWarning, ...]
    tree: Mapping_ = field(repr=False, compare=False)

    def text(self, key: str, default: str = "") -> str:
        """The scalar at any key, such as ``file_output.filename``, or ``default``."""
        value = lookup(self.tree, key)
        if isinstance(value, Scalar) and value.text is not None:
            return value.text
        return default
