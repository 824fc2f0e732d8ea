"""Opening a plugin's shared library and finding out what it is.

The order of checks and the meaning of capabilities are Falco's (falcosecurity/libs,
userspace/plugin/plugin_loader.c and userspace/libsinsp/plugin.cpp).
"""

from __future__ import annotations

import json
import logging
import platform
import re
import struct
import threading
import weakref
from enum import Flag, auto
from pathlib import Path
from typing import Any

from plugins.host._native import ffi, lib
from plugins.host.errors import PluginError, clean

API_VERSION = (3, 12, 0)

_NO_EVENT = 2**64 - 1
_PATIENCE = 5.0  # seconds to wait for a call in another thread before giving up on a clean end
_REQUIRED = (
    "get_required_api_version",
    "get_version",
    "get_name",
    "get_description",
    "get_contact",
    "init",
    "destroy",
    "get_last_error",
)
_MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64"}
_MACHINES |= {22: "s390x", 258: "loongarch64"}
_LEVELS = (
    logging.CRITICAL, logging.CRITICAL, logging.ERROR, logging.WARNING,
    logging.INFO, logging.INFO, logging.DEBUG, logging.DEBUG,
)  # fmt: skip
_log = logging.getLogger("falcowb.plugin")


class Capability(Flag):
    """What a plugin can do, by the functions it exports."""

    NONE = 0
    SOURCING = auto()
    EXTRACTION = auto()
    PARSING = auto()
    ASYNC = auto()
    CAPTURE_LISTENING = auto()
    #: Not capabilities in Falco's sense, but functions that a host may call.
    METRICS = auto()
    SET_CONFIG = auto()
    DUMP_STATE = auto()


class Library:
    """An opened library, its functions checked, its plugin not yet initialised.

    ``label`` names it in messages: the plugin's name once known. One call at a time:
    whoever calls holds ``lock``.
    """

    def __init__(self, path: Path, label: str) -> None:
        self.path = path
        self.label = label
        self.handle = _open(path, label)
        self.symbols = frozenset(
            ffi.string(lib.fh_symbol_name(i)).decode()
            for i in range(lib.fh_symbol_count())
            if lib.fh_has_symbol(self.handle, i)
        )
        # A library without one symbol of a plugin never ran any plugin code and may be unmapped.
        self.lock = threading.RLock()
        self._finalizer = weakref.finalize(
            self, _release, self.handle, self.lock, label, not self.symbols
        )

    def close(self) -> None:
        """Closes open sources and destroys the plugin's state. May be called again."""
        self._finalizer()
        self.handle = ffi.NULL

    def refusal(self, error: Any) -> PluginError:
        """A native error as an exception."""
        event = int(error.event)
        return PluginError(
            self.label,
            clean(ffi.string(error.message)),
            function=clean(ffi.string(error.function)),
            event=None if event == _NO_EVENT else event,
        )

    def ask(self, function: str) -> str | None:
        """The text that a function without parameters gives; None where it gives none."""
        text, error = ffi.new("fh_text*"), ffi.new("fh_error*")
        if not lib.fh_ask(self.handle, function.encode(), text, error):
            raise self.refusal(error)
        return take_text(text)

    def ask_list(self, function: str) -> frozenset[str]:
        """The JSON array of strings that a function gives; empty where it gives none."""
        text = self.ask(function)
        if not text:
            return frozenset()
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise PluginError(
                self.label, "should give a JSON array of strings, but does not", function=function
            )
        return frozenset(value for value in values if value)

    def drain_log(self) -> None:
        """Passes on what the plugin logged to the logger ``falcowb.plugin``."""
        if not self.handle:
            return
        severity, lost = ffi.new("int*"), ffi.new("uint64_t*")
        component, message = ffi.new("fh_text*"), ffi.new("fh_text*")
        while True:
            more = lib.fh_next_log(self.handle, severity, component, message, lost)
            if lost[0]:
                _log.warning("%s: %d log messages were too many and are lost", self.label, lost[0])
            if not more:
                return
            level = _LEVELS[min(max(severity[0], 1), 8) - 1]
            name, text = take_text(component), take_text(message)
            _log.log(level, "%s: %s", clean(name) if name else self.label, clean(text or ""))


def take_text(text: Any) -> str | None:
    """The content of an fh_text, which is freed."""
    if not text.data:
        return None
    content = bytes(ffi.buffer(text.data, text.size)).decode("utf-8", "replace")
    lib.fh_text_free(text)
    return content


def open_library(path: str | Path, name: str | None = None) -> Library:
    """Opens a library and checks it as Falco does: API version first, then required functions.

    Raises PluginError: no such file, not loadable (and why), no plugin, another major API
    version, a required function missing.
    """
    file = Path(path).absolute()
    library = Library(file, name or file.name)
    try:
        if not library.symbols:
            raise PluginError(
                library.label,
                f"{file} is a shared library but no Falco plugin: it exports no plugin_… function",
            )
        if "get_required_api_version" in library.symbols:
            check_api_version(library.label, library.ask("get_required_api_version"))
        missing = [f"plugin_{symbol}" for symbol in _REQUIRED if symbol not in library.symbols]
        if missing:
            raise PluginError(
                library.label,
                f"{file} lacks required function{'s' * (len(missing) > 1)}: {', '.join(missing)}",
            )
    except PluginError:
        library.close()
        raise
    return library


def check_api_version(plugin: str, required: str | None) -> str:
    """Checks the API version that a plugin asks for against ours and returns it.

    The major numbers must be equal; the rest must not exceed ours.
    """
    ours = ".".join(map(str, API_VERSION))
    function = "get_required_api_version"
    match = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", required or "", re.ASCII)
    if not match:
        said = clean(required or "", 40)
        raise PluginError(
            plugin, f"gave {said!r}, which is no version (such as 3.12.0)", function=function
        )
    wanted = tuple(map(int, match.groups()))
    if wanted[0] != API_VERSION[0]:
        raise PluginError(
            plugin,
            f"it requires plugin API {match.group()}, this host has {ours}: "
            "the major versions differ",
            hint="use a build of the plugin made for plugin API 3",
        )
    if wanted > API_VERSION:
        raise PluginError(
            plugin,
            f"it requires plugin API {match.group()}, this host has {ours}, which is older",
            hint="use an older build of the plugin, or a newer falcowb",
        )
    return match.group()


def capabilities(library: Library) -> Capability:
    """What the plugin can do. Raises PluginError where a capability is only half there."""
    has = library.symbols.__contains__
    found = Capability.NONE
    broken = []

    def need(present: str, others: tuple[str, ...], what: str) -> bool:
        group = (present, *others)
        if all(map(has, group)):
            return True
        if has(present):
            lacking = ", ".join(f"plugin_{symbol}" for symbol in others if not has(symbol))
            broken.append(f"{what} needs {lacking}")
        return False

    sourcing = [s for s in ("open", "close", "next_batch") if has(s)]
    if len(sourcing) == 3:
        found |= Capability.SOURCING
        has_id = lib.fh_id(library.handle) != 0
        has_source = has("get_event_source") and bool(library.ask("get_event_source"))
        if has_id != has_source:
            broken.append(
                "sourcing needs both plugin_get_id and plugin_get_event_source or neither"
            )
    elif sourcing:
        need(sourcing[0], ("open", "close", "next_batch"), "sourcing")
    if need("extract_fields", ("get_fields",), "extraction"):
        found |= Capability.EXTRACTION
    if has("parse_event"):
        found |= Capability.PARSING
    if need("set_async_event_handler", ("get_async_events",), "sending async events"):
        found |= Capability.ASYNC
    if need("capture_open", ("capture_close",), "capture listening"):
        found |= Capability.CAPTURE_LISTENING
    if broken:
        raise PluginError(library.label, "; ".join(broken))
    if not found:
        raise PluginError(
            library.label, "it implements no capability (sourcing, extraction, parsing, async, …)"
        )
    for symbol, capability in (
        ("get_metrics", Capability.METRICS),
        ("set_config", Capability.SET_CONFIG),
        ("dump_state", Capability.DUMP_STATE),
    ):
        if has(symbol):
            found |= capability
    return found


def _release(handle: Any, lock: threading.RLock, label: str, unload: bool) -> None:
    """Ends a plugin, unless a thread is still inside it: then it ends with the process."""
    if not lock.acquire(timeout=_PATIENCE):
        _log.warning("%s: a call has not returned; the plugin is left as it is", label)
        return
    try:
        lib.fh_release(handle, unload)
    finally:
        lock.release()


def _open(path: Path, label: str) -> Any:
    if not path.exists():
        raise PluginError(
            label, f"there is no file {path}", hint="check library_path in the configuration"
        )
    if not path.is_file():
        raise PluginError(label, f"{path} is not a file")
    error = ffi.new("fh_error*")
    handle = lib.fh_open(str(path).encode("utf-8", "surrogateescape"), error)
    if not handle:
        reason, hint = _why_not(path, clean(ffi.string(error.message)))
        raise PluginError(label, f"{path} cannot be opened: {reason}", hint=hint)
    return handle


def _why_not(path: Path, loader: str) -> tuple[str, str]:
    """The dynamic loader's complaint in plainer words, where the file tells more; and a hint."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        return error.strerror or str(error), ""
    if head[:4] != b"\x7fELF":
        return "it is not a shared library (no ELF file)", ""
    if len(head) == 20:
        (machine,) = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])
        built, ours = _MACHINES.get(machine, f"machine {machine}"), platform.machine()
        if built != ours:
            return f"it is built for {built}, and this machine is {ours}", ""
    missing = re.match(r"([^\s:/]+): cannot open shared object file", loader)
    if missing:
        return (
            f"it needs {missing[1]}, which is not installed",
            "`ldd` on the file lists what else is missing",
        )
    return loader.removeprefix(f"{path}: "), ""
