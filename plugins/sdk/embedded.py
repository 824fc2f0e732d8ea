"""The Python end of a built plugin: answers the calls that the native runtime makes.

cffi's embedding mode starts this module inside the host's process. Nothing may leave it as an
exception: each function turns them into an error text.
"""

from __future__ import annotations

import importlib
import itertools
import json
import threading
import traceback
from collections.abc import Callable
from typing import Any

from capture.errors import FalcowbError
from plugins.sdk.model import Config, Plugin
from plugins.sdk.source import EndOfSource, Log, Native, Source

SUCCESS, FAILURE, TIMEOUT, EOF = 0, 1, -1, 2


def config_of(plugin: type[Plugin], text: str) -> Config:
    """The configuration as the runtime has checked it, with defaults for what is absent."""
    values: dict[str, Any] = {option.name: option.default for option in plugin.options}
    given = json.loads(text or "{}")
    values.update({name: value for name, value in given.items() if value is not None})
    return Config(values)


def explain(error: BaseException) -> str:
    """An error in words: those meant to be read as they are, others with where they arose."""
    if isinstance(error, FalcowbError | OSError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


class Bridge:
    """The plugin's class, its instances by native state, and the open sources by number."""

    def __init__(self, ffi: Any, functions: Any, plugin: type[Plugin]) -> None:
        self._ffi = ffi
        self._native = Native(ffi, functions)
        self._functions = functions
        self._plugin = plugin
        self._plugins: dict[int, Plugin] = {}
        self._sources: dict[int, Source] = {}
        self._numbers = itertools.count(1)
        self._living = threading.RLock()  # held while a native state is used from any thread

    def _write(self, out: Any, size: int, text: str) -> None:
        data = text.encode("utf-8", "replace").replace(b"\0", b" ")[: int(size) - 1]
        data = data.decode("utf-8", "ignore").encode("utf-8")  # no half character at the end
        self._ffi.memmove(out, data + b"\0", len(data) + 1)

    def _log(self, state: Any) -> Log:
        key = int(self._ffi.cast("uintptr_t", state))

        def write(severity: int, message: str) -> None:
            # A source's own threads may still have something to say when the host is done.
            with self._living:
                if key in self._plugins or not key:
                    text = message.replace("\0", " ").encode("utf-8", "replace")
                    self._functions.log(state, severity, text)

        return Log(write)

    def open(self, state: Any, config: Any, params: Any, error: Any, size: int) -> int:
        try:
            key = int(self._ffi.cast("uintptr_t", state))
            if key not in self._plugins:
                text = self._ffi.string(config).decode("utf-8")
                self._plugins[key] = self._plugin(
                    config_of(self._plugin, text), self._log(state), self._native
                )
            source = self._plugins[key].open(self._ffi.string(params).decode("utf-8"))
        except Exception as problem:
            self._write(error, size, explain(problem))
            return 0
        number = next(self._numbers)
        self._sources[number] = source
        return number

    def next(
        self,
        number: int,
        batch: Any,
        progress: Any,
        progress_text: Any,
        progress_size: int,
        error: Any,
        size: int,
    ) -> int:
        try:
            source = self._sources[number]
            try:
                made = source.next_batch()
            except EndOfSource:
                made = None
                code = EOF
            else:
                code = TIMEOUT if made is None else SUCCESS
            progress[0], text = source.progress()
            self._write(progress_text, progress_size, text)
            if made is not None:
                batch[0] = made.release()
        except Exception as problem:
            self._write(error, size, explain(problem))
            return FAILURE
        return code

    def close(self, number: int) -> None:
        source = self._sources.pop(number, None)
        if source is None:
            return
        try:
            source.close()
        except Exception as problem:
            self._log(self._ffi.NULL).error(f"closing the source failed: {explain(problem)}")

    def forget(self, state: Any) -> None:
        with self._living:
            self._plugins.pop(int(self._ffi.cast("uintptr_t", state)), None)


def start(ffi: Any, functions: Any, module: str, class_name: str) -> Bridge:
    """Imports the plugin's class. Raises what the import raises."""
    plugin: Callable[..., Plugin] = getattr(importlib.import_module(module), class_name)
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise FalcowbError(f"{module}.{class_name} is no plugin class")
    return Bridge(ffi, functions, plugin)
