"""A configuration from its files and the ``-o`` options.

The main file comes first, then those it includes (``config_files``), then the options; later ones
change what earlier ones said, as userspace/falco/configuration.cpp in falcosecurity/falco has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from capture.errors import Place
from engine.yaml import Node, YamlError, load_document, read_text
from workbench.config.keys import assign, lookup
from workbench.config.model import FalcoConfig
from workbench.config.read import beside, read_config
from workbench.config.tree import (
    ConfigError,
    ConfigWarning,
    Mapping_,
    Scalar,
    Sequence,
    Value,
    discreet,
    from_node,
)

INCLUDES = "config_files"
STRATEGIES = ("append", "override", "add-only")


def load_config(
    path: str | Path,
    options: Iterable[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
) -> FalcoConfig:
    """The configuration in the file ``path`` with everything it includes.

    ``options`` are those of ``-o``: ``key=value``, ``key.sub[0].x=value``, ``list[]=value``, or a
    JSON object as the value. ``environment`` replaces the process's own for ``${VAR}``. Raises
    :class:`ConfigError` with the place of the first thing wrong; what is merely of no effect is in
    ``warnings``. Relative includes and rules files are looked for where we run, then beside
    ``path``.
    """
    path = Path(path)
    loader = _Loader(str(path), os.environ if environment is None else environment)
    loader.add(_yaml(read_text_or_refuse(path), str(path)))
    options = list(options)
    for option in options:
        if option.startswith(INCLUDES):
            loader.set(option)
    files = [path, *loader.include(path)]
    for option in options:
        loader.set(option)
    return loader.read(path.parent, tuple(files))


def parse_config(
    text: str,
    options: Iterable[str] = (),
    *,
    file: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> FalcoConfig:
    """As :func:`load_config`, of a text; nothing is included. ``folder`` stands for the file's."""
    loader = _Loader(file, os.environ if environment is None else environment)
    loader.add(_yaml(text, file))
    for option in options:
        loader.set(option)
    return loader.read(folder, ())


def read_text_or_refuse(path: Path) -> str:
    try:
        return read_text(path)
    except YamlError as error:
        hint = error.hint or "name another file with -c"
        raise ConfigError(error.message, place=error.place, hint=hint) from None


def _yaml(text: str, file: str) -> Node:
    try:
        return load_document(text, file)
    except YamlError as error:
        place = discreet(error.place) if error.place else None
        raise ConfigError(error.message, place=place, hint=error.hint) from None


class _Loader:
    def __init__(self, file: str, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment
        self._warnings: list[ConfigWarning] = []
        self._tree = Mapping_({}, Place(file))

    def add(self, node: Node) -> None:
        self._tree = self._root(node)

    def _root(self, node: Node) -> Mapping_:
        value = from_node(node, self._environment, self._warnings)
        if isinstance(value, Mapping_):
            return value
        if isinstance(value, Scalar) and value.text is None:
            return Mapping_({}, value.place)
        raise ConfigError(
            "a configuration must be a map of keys to values", place=discreet(value.place)
        )

    def set(self, option: str) -> None:
        """Apply one ``key=value``."""
        key, equals, text = option.partition("=")
        place = Place(f"-o {key[:64]}")
        if not equals:
            raise ConfigError(
                f'Error parsing config option "{option[:64]}". '
                "Must be of the form key=val or key.subkey=val",
                place=place,
            )
        value: Value = Scalar(text, place)
        if text.startswith("{") and text.endswith("}"):
            value = from_node(_yaml(text, place.file), None, self._warnings)
        assign(self._tree, key, value, place)

    def include(self, main: Path) -> list[Path]:
        """Merge what ``config_files`` names; the files, in order. Those that do not exist are
        passed over, with a warning."""
        included = []
        for path, strategy, place in self._includes():
            found = beside(path, main.parent)
            if _same(found, main):
                raise ConfigError(
                    f"'{INCLUDES}' includes the main configuration itself", place=discreet(place)
                )
            if found.is_dir():
                files = sorted(inner for inner in found.iterdir() if inner.is_file())
            elif found.exists():
                files = [found]
            else:
                message = f"the included configuration {found} does not exist; it is left out"
                self._warnings.append(ConfigWarning(message, discreet(place)))
                continue
            for file in files:
                self._merge(self._root(_yaml(read_text_or_refuse(file), str(file))), strategy)
                included.append(file)
        return included

    def _includes(self) -> list[tuple[str, str, Place]]:
        value = lookup(self._tree, INCLUDES)
        if value is None or (isinstance(value, Scalar) and value.text is None):
            return []
        found = []
        for item in value.items if isinstance(value, Sequence) else [value]:
            path = item.entries.get("path") if isinstance(item, Mapping_) else item
            if not isinstance(path, Scalar) or not path.text:
                raise ConfigError(
                    f"each of '{INCLUDES}' is a path, or a map with 'path' and 'strategy'",
                    place=discreet(item.place),
                )
            strategy = "append"
            if isinstance(item, Mapping_):
                named = item.entries.get("strategy")
                strategy = (named.text or "") if isinstance(named, Scalar) else "append"
                if strategy not in STRATEGIES:
                    message = f"unknown strategy '{strategy[:64]}'; append is used"
                    hint = f"allowed: {', '.join(STRATEGIES)}"
                    self._warnings.append(
                        ConfigWarning(message, discreet(item.key_place("strategy")), hint)
                    )
            found.append((path.text, strategy, item.place))
        return found

    def _merge(self, other: Mapping_, strategy: str) -> None:
        for key, value in other.entries.items():
            place = other.key_place(key)
            if key == INCLUDES:
                raise ConfigError(
                    f"an included configuration must not include others ('{INCLUDES}')",
                    place=discreet(place),
                    hint="name all files in the main configuration",
                )
            old = self._tree.entries.get(key)
            if strategy == "add-only" and old is not None:
                continue
            if strategy not in ("override", "add-only") and isinstance(value, Sequence):
                value = Sequence([*_as_list(old), *value.items], value.place)
            self._tree.entries[key] = value
            self._tree.key_places[key] = place

    def read(self, folder: Path | None, files: tuple[Path, ...]) -> FalcoConfig:
        return read_config(
            self._tree, file=self._file, folder=folder, files=files, warnings=self._warnings
        )


def _as_list(value: Value | None) -> list[Value]:
    if value is None or (isinstance(value, Scalar) and value.text is None):
        return []
    return value.items if isinstance(value, Sequence) else [value]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
