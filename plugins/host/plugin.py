"""A plugin at work: init, sources, extraction.

Calls follow the order that Falco keeps: load, init, then any of the rest, destroy last. Plugins
are not promised to be thread-safe, so one call at a time goes in; the interpreter lock is free
meanwhile.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import logging
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from plugins.host import config as configs
from plugins.host._native import ffi, lib
from plugins.host.errors import PluginError, clean
from plugins.host.extract import (
    EventView,
    ExtractionFailures,
    Preparations,
    distinct,
    import_columns,
    no_values,
)
from plugins.host.fields import PluginField, Request, parse_fields, request
from plugins.host.library import Capability, Library, capabilities, open_library, take_text
from plugins.host.open_params import OpenParam, parse_open_params
from plugins.host.source import Source

#: Type code of plugin events in Falco's table of events.
PLUGIN_EVENT_TYPE = 322
SYSCALL_SOURCE = "syscall"

_DEFAULT_EVENT_SCHEMA = "3.0.0"  # what Falco takes for a plugin that does not say
_log = logging.getLogger("falcowb.plugin")


def load_plugin(path: str | Path, *, name: str | None = None) -> Plugin:
    """Opens a plugin's library and reads what it declares; :meth:`Plugin.init` comes next.

    ``name`` is what the configuration calls it, for messages until its own name is known. Raises
    PluginError: a missing or unloadable file, no plugin, another API version, a required function
    missing, half a capability, a malformed declaration.
    """
    library = open_library(path, name)
    try:
        return Plugin(library)
    except BaseException:
        library.close()
        raise


class Plugin:
    """A loaded plugin. Made by :func:`load_plugin`; close it, or use it in a ``with`` statement.

    Everything declared is an attribute: ``name``, ``description``, ``contact``, ``version``,
    ``required_api_version``, ``id`` (0: none), ``event_source`` ("" : none), ``capabilities``,
    ``fields`` in order of declaration, ``extract_event_sources`` (empty: any source),
    ``parse_event_sources``, ``async_event_sources``, ``async_events``. Known after init:
    ``extract_event_types`` and ``parse_event_types`` (None: every type),
    ``required_event_schema_version``. ``failures`` counts events whose extraction failed.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self.path = library.path
        self.required_api_version = library.ask("get_required_api_version") or ""
        self.name = clean(library.ask("get_name") or "", 200)
        if not self.name:
            raise PluginError(library.label, "gave no name", function="get_name")
        library.label = self.name
        self.description = clean(library.ask("get_description") or "")
        self.contact = clean(library.ask("get_contact") or "")
        self.version = _version(self.name, library.ask("get_version"))
        self.capabilities = capabilities(library)
        self.id = 0
        self.event_source = ""
        sources = frozenset[str]()
        if Capability.SOURCING in self.capabilities and (identity := lib.fh_id(library.handle)):
            self.id = int(identity)
            self.event_source = clean(library.ask("get_event_source") or "", 200)
            if self.event_source == SYSCALL_SOURCE:
                raise PluginError(
                    self.name,
                    f"{SYSCALL_SOURCE!r} is reserved for system calls",
                    function="get_event_source",
                )
            sources = frozenset([self.event_source])
        self.fields: tuple[PluginField, ...] = ()
        self.extract_event_sources = frozenset[str]()
        if Capability.EXTRACTION in self.capabilities:
            self.fields = parse_fields(self.name, library.ask("get_fields"))
            self.extract_event_sources = library.ask_list("get_extract_event_sources") | sources
        self.parse_event_sources = frozenset[str]()
        if Capability.PARSING in self.capabilities:
            self.parse_event_sources = library.ask_list("get_parse_event_sources") | sources
        self.async_event_sources = frozenset[str]()
        self.async_events = frozenset[str]()
        if Capability.ASYNC in self.capabilities:
            self.async_event_sources = library.ask_list("get_async_event_sources") | sources
            self.async_events = library.ask_list("get_async_events")
        self.extract_event_types: frozenset[int] | None = frozenset()
        self.parse_event_types: frozenset[int] | None = frozenset()
        self.required_event_schema_version = _DEFAULT_EVENT_SCHEMA
        self.failures = ExtractionFailures()
        self._field_by_name = {field.name: field for field in reversed(self.fields)}
        self._requests: dict[tuple[str, str | None], Request] = {}
        self._prepared = Preparations(library.handle)
        self._initialised = False

    # ---- life ------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return not self._library.handle

    def file_sha256(self) -> str:
        """SHA-256 of the library's file as it now is, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def init_schema(self) -> tuple[str, int]:
        """The schema of the init configuration and its type (0: none, 1: JSON Schema)."""
        kind, text, error = ffi.new("int*"), ffi.new("fh_text*"), ffi.new("fh_error*")
        with self._library.lock:
            if not lib.fh_init_schema(self._handle(), kind, text, error):
                raise self._library.refusal(error)
            return take_text(text) or "", int(kind[0])

    def init(self, config: str | Mapping[str, Any] | None = None) -> None:
        """Initialises the plugin; text is handed over as it is, a map as JSON.

        Raises PluginError where the configuration does not fit the plugin's schema (naming the
        key) or the plugin refuses it (with its last error). To be called once.
        """
        if self._initialised:
            raise PluginError(self.name, "has been initialised before", function="init")
        text = configs.as_text(self.name, config)
        text = configs.check(self.name, text, *self.init_schema())
        tables = bool(self.capabilities & (Capability.EXTRACTION | Capability.PARSING))
        error = ffi.new("fh_error*")
        with self._library.lock:
            done = lib.fh_init(
                self._handle(), text.encode("utf-8", "surrogateescape"), tables, error
            )
            self._library.drain_log()
            if not done:
                raise self._library.refusal(error)
            self._initialised = True
            if Capability.EXTRACTION in self.capabilities:
                self.extract_event_types = self._event_types(False, self.extract_event_sources)
            if Capability.PARSING in self.capabilities:
                self.parse_event_types = self._event_types(True, self.parse_event_sources)
            version = ffi.new("fh_text*")
            if not lib.fh_event_schema_version(self._library.handle, version, error):
                raise self._library.refusal(error)
            self.required_event_schema_version = clean(
                take_text(version) or _DEFAULT_EVENT_SCHEMA, 40
            )

    def close(self) -> None:
        """Closes open sources and destroys the plugin. May be called again."""
        self._prepared.clear()
        self._library.close()

    def __enter__(self) -> Plugin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def calling(self) -> Iterator[Library]:
        """Holds the plugin for one call; what it logged meanwhile is passed on afterwards."""
        with self._library.lock:
            self._handle()
            if not self._initialised:
                raise PluginError(self.name, "is used before init")
            try:
                yield self._library
            finally:
                self._library.drain_log()

    def _handle(self) -> Any:
        if self.closed:
            raise PluginError(self.name, "is closed")
        return self._library.handle

    def _event_types(self, parsing: bool, sources: frozenset[str]) -> frozenset[int] | None:
        text, error = ffi.new("fh_text*"), ffi.new("fh_error*")
        if not lib.fh_event_types(self._library.handle, parsing, text, error):
            raise self._library.refusal(error)
        if text.data:
            codes = bytes(ffi.buffer(text.data, text.size))
            lib.fh_text_free(text)
            return frozenset(struct.unpack(f"={len(codes) // 2}H", codes))
        if not sources or SYSCALL_SOURCE in sources:
            return None
        return frozenset([PLUGIN_EVENT_TYPE])

    # ---- sources ---------------------------------------------------------------------------

    def list_open_params(self) -> list[OpenParam]:
        """What the plugin suggests as open parameters; empty where it suggests nothing."""
        text, error = ffi.new("fh_text*"), ffi.new("fh_error*")
        with self.calling() as library:
            if not lib.fh_list_open_params(library.handle, text, error):
                raise library.refusal(error)
        return parse_open_params(self.name, take_text(text))

    def open(self, params: str = "", *, first_num: int = 1) -> Source:
        """Opens the plugin's event source; its events are numbered from ``first_num``."""
        if Capability.SOURCING not in self.capabilities:
            raise PluginError(self.name, "is no event source (it has no plugin_open)")
        if not self.id:
            raise PluginError(
                self.name, "makes system call events; this host only takes plugin events"
            )
        if "\0" in params:
            raise PluginError(self.name, "the open parameters hold a NUL", function="open")
        error = ffi.new("fh_error*")
        with self.calling() as library:
            handle = lib.fh_source_open(
                library.handle, params.encode("utf-8", "surrogateescape"), error
            )
            if not handle:
                raise library.refusal(error)
        return Source(self, handle, params, first_num)

    def event_to_string(self, batch: pa.RecordBatch, row: int, source: str | None = None) -> str:
        """One event in the plugin's words; where it has none, the beginning of the payload.

        Control characters other than line breaks and tabs are shown as U+FFFD.
        """
        if not 0 <= row < batch.num_rows:
            raise IndexError(f"row {row} of {batch.num_rows}")
        view = EventView(batch)
        text, error = ffi.new("fh_text*"), ffi.new("fh_error*")
        with self.calling() as library:
            name = self.event_source if source is None else source
            if not lib.fh_event_to_string(
                library.handle, view.pointer, row, name.encode(), text, error
            ):
                raise library.refusal(error)
        said = take_text(text)
        if said:
            return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in said)
        return _payload_to_string(batch.column("data")[row].as_py())

    # ---- extraction ------------------------------------------------------------------------

    def field(self, name: str) -> PluginField:
        """A declared field. Raises PluginError with the nearest name where there is none."""
        try:
            return self._field_by_name[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._field_by_name, 1)
            raise PluginError(
                self.name,
                f"has no field {name}",
                hint=f"did you mean {near[0]}?" if near else "",
            ) from None

    def extract(
        self,
        batch: pa.RecordBatch,
        requests: Sequence[tuple[str, str | None]],
        *,
        source: str | None = None,
        strict: bool = False,
    ) -> list[pa.Array]:
        """The columns of several fields, each given as name and argument (None: without).

        Each event is asked of the plugin once, for all fields together. An array has one row an
        event; null is "no value". Strings (raw bytes), addresses and networks (4 or 16 bytes) are
        ``DictionaryArray`` of int32 into binary values, where the code under a null is -1 (values
        are distinct, but for columns in which next to nothing repeats); numbers and times are
        uint64; booleans bool; list fields ``ListArray`` of those.

        ``source`` is the name of the events' source, by default the plugin's own; fields of a
        plugin that does not take that source have no values. Where the plugin answers "failure"
        for a field of an event, the field has no value there, as in Falco, and ``failures`` counts
        it; with ``strict`` that is a PluginError. An answer that breaks the API (a null pointer, a
        wrong count or length) always is; it names the event and the field.
        """
        if not requests:
            return []
        wanted, order = distinct(requests)
        prepared = tuple(self._request(*each) for each in wanted)
        name = self.event_source if source is None else source
        if not self._takes(name):
            columns = [no_values(each.field, batch.num_rows) for each in prepared]
            return [columns[position] for position in order]
        view = EventView(batch)
        array, schema = ffi.new("struct ArrowArray*"), ffi.new("struct ArrowSchema*")
        failures, error = ffi.new("fh_failures*"), ffi.new("fh_error*")
        with self.calling() as library:
            native = self._prepared.get(name, prepared)
            if not lib.fh_extract(native, view.pointer, array, schema, failures, error):
                raise library.refusal(error)
        columns = import_columns(array, schema)
        if failures.events:
            self._count(failures, strict)
        return [columns[position] for position in order]

    def _request(self, name: str, argument: str | None) -> Request:
        key = (name, argument)
        if (found := self._requests.get(key)) is None:
            try:
                found = request(self.field(name), argument)
            except ValueError as error:
                raise PluginError(self.name, str(error)) from None
            if len(self._requests) > 4096:
                self._requests.clear()
            self._requests[key] = found
        return found

    def _takes(self, source: str) -> bool:
        types, sources = self.extract_event_types, self.extract_event_sources
        return (types is None or PLUGIN_EVENT_TYPE in types) and (not sources or source in sources)

    def _count(self, native: Any, strict: bool) -> None:
        failed = ExtractionFailures(
            int(native.events),
            int(native.fields),
            int(native.first_event),
            clean(ffi.string(native.message)),
        )
        error = PluginError(
            self.name, failed.message, function="extract_fields", event=failed.first_event
        )
        if not self.failures.events:
            _log.warning("%s (fields that fail have no value)", error)
        self.failures = self.failures.plus(failed)
        if strict:
            raise error


def _version(plugin: str, text: str | None) -> str:
    if not re.match(r"\d+\.\d+\.\d+", text or "", re.ASCII):
        raise PluginError(
            plugin,
            f"gave {clean(text or '', 40)!r}, which is no version (such as 1.2.3)",
            function="get_version",
        )
    return clean(text or "", 40)


def _payload_to_string(payload: bytes) -> str:
    """As Falco shows the event of a plugin that has no words for it."""
    start = payload[:50]
    text = f"datalen={len(payload)} data="
    if any(not 32 <= byte < 127 for byte in start):
        return f"{text}<binary>"
    return text + start.decode("ascii") + ("..." if len(payload) > 50 else "")
