"""What a plugin is made of: its class, its fields, options and open parameters.

A plugin's ``plugin.py`` holds one subclass of :class:`Plugin`. The build reads the declarations
from the class; the source, if there is one, is opened through an instance of it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from plugins.sdk.source import Log, Native, Source


class FieldType(enum.Enum):
    """Types of the plugin API that a declared field can have."""

    STRING = "string"
    UINT64 = "uint64"
    BOOL = "bool"
    ABSTIME = "abstime"  #: nanoseconds since the epoch; JSON text is read as RFC 3339


class Argument(enum.Enum):
    """What stands in a field's brackets."""

    NONE = "none"
    INDEX = "index"
    KEY = "key"
    REQUIRED_KEY = "required key"


class Extract(enum.Enum):
    """How a field gets its value, where a pointer alone does not say it."""

    POINTER = "pointer"  #: the value at ``json``
    ARGUMENT = "argument"  #: the value at the pointer that is the field's argument
    PATH = "path"  #: every value at the path that is the field's argument; a path namespace
    DOCUMENT = "document"  #: the whole payload, indented
    TIME = "time"  #: the event's time in nanoseconds, as text
    FUNCTION = "function"  #: ``function`` in the plugin's own C++


@dataclass(frozen=True, slots=True)
class Field:
    """A field that the plugin extracts.

    ``json`` is a JSON pointer. ``when`` is a pointer without which the event has no value for the
    field. A JSON null is no value, unless ``null_is_text``. ``function`` names a C++ function of
    the plugin (``void function(fwb::FieldCall&)`` in namespace ``fwb_plugin``); ``anchors`` are
    pointers found for it in the one pass over the event, ``parameters`` are constants for it. It is
    not called for an event that has nothing at ``needs`` (unless an array lies on the way there).
    """

    name: str
    type: FieldType = FieldType.STRING
    desc: str = ""
    json: str = ""
    is_list: bool = False
    argument: Argument = Argument.NONE
    extract: Extract = Extract.POINTER
    when: str = ""
    null_is_text: bool = False
    function: str = ""
    anchors: tuple[str, ...] = ()
    needs: str = ""
    parameters: tuple[str, ...] = ()

    def entry(self) -> dict[str, Any]:
        """The field as ``plugin_get_fields`` lists it."""
        entry: dict[str, Any] = {"type": self.type.value, "name": self.name, "desc": self.desc}
        if self.is_list:
            entry["isList"] = True
        if self.argument is Argument.INDEX:
            entry["arg"] = {"isRequired": False, "isIndex": True}
        elif self.argument is Argument.KEY:
            entry["arg"] = {"isRequired": False, "isKey": True}
        elif self.argument is Argument.REQUIRED_KEY:
            entry["arg"] = {"isRequired": True, "isKey": True}
        if self.extract is Extract.PATH:
            entry["properties"] = ["path"]
        return entry


@dataclass(frozen=True, slots=True)
class Option:
    """A key of the init configuration: its type follows from the default (text, number, bool)."""

    name: str
    default: str | int | bool
    title: str
    desc: str

    @property
    def json_type(self) -> str:
        if isinstance(self.default, bool):
            return "boolean"
        return "integer" if isinstance(self.default, int) else "string"


@dataclass(frozen=True, slots=True)
class OpenParam:
    """A value that the plugin's source can be opened with."""

    value: str
    desc: str


@dataclass(frozen=True, slots=True)
class Config:
    """The init configuration with defaults filled in."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self.values[name])

    def number(self, name: str) -> int:
        return int(self.values[name])

    def flag(self, name: str) -> bool:
        return bool(self.values[name])


class Plugin:
    """A plugin: declarations as class attributes, and :meth:`open` where it has a source."""

    name: ClassVar[str]
    description: ClassVar[str]
    contact: ClassVar[str] = ""
    version: ClassVar[str]
    #: The id registered for the event source; 0 where there is no source.
    id: ClassVar[int] = 0
    event_source: ClassVar[str] = ""
    #: Event sources whose events the fields are for; empty: its own.
    extract_sources: ClassVar[Sequence[str]] = ()
    fields: ClassVar[Sequence[Field]] = ()
    #: First steps of paths that stand for a pointer.
    path_aliases: ClassVar[Mapping[str, str]] = {}
    options: ClassVar[Sequence[Option]] = ()
    open_params: ClassVar[Sequence[OpenParam]] = ()
    #: C++ function that finds the events in a JSON value of a source's input
    #: (``void f(const fwb::Document&, uint32_t value, fwb::EventSink&)``); empty: each is one.
    on_document: ClassVar[str] = ""

    def __init__(self, config: Config, log: Log, native: Native) -> None:
        self.config = config
        self.log = log
        self.native = native

    def open(self, params: str) -> Source:
        """Opens the source; raises a FalcowbError that says why it cannot."""
        raise NotImplementedError  # only plugins that give events are opened, and they say how
