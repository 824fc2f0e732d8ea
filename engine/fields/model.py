"""What a field is: its name, type, whether it is a list, its argument, and its description."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class FieldType(Enum):
    """Types of field values; the names are those of Falco's own list of fields.

    The value gives the physical form of a column: ``"b"`` bytes (dictionary coded), ``"i"`` int64,
    ``"u"`` uint64, ``"f"`` float64, ``"?"`` boolean. IP addresses are bytes of length 4 or 16;
    networks are the text as the plugin or state engine gives it; ports are uint64.
    """

    CHARBUF = "CHARBUF"
    FSPATH = "FSPATH"
    FSRELPATH = "FSRELPATH"
    BYTEBUF = "BYTEBUF"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    DOUBLE = "DOUBLE"
    BOOL = "BOOL"
    RELTIME = "RELTIME"
    ABSTIME = "ABSTIME"
    PORT = "PORT"
    IPADDR = "IPADDR"
    IPNET = "IPNET"
    DYN = "DYN"  #: evt.rawarg: the type depends on the event

    @property
    def physical(self) -> str:
        return _PHYSICAL[self]


_PHYSICAL: dict[FieldType, str] = {
    **dict.fromkeys(
        (
            FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH, FieldType.BYTEBUF,
            FieldType.IPADDR, FieldType.IPNET, FieldType.DYN,
        ),
        "b",
    ),
    **dict.fromkeys((FieldType.INT8, FieldType.INT16, FieldType.INT32, FieldType.INT64), "i"),
    **dict.fromkeys(
        (
            FieldType.UINT8, FieldType.UINT16, FieldType.UINT32, FieldType.UINT64,
            FieldType.RELTIME, FieldType.ABSTIME, FieldType.PORT,
        ),
        "u",
    ),
    FieldType.DOUBLE: "f",
    FieldType.BOOL: "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Argument:
    """What stands in the brackets: an index (``proc.aname[2]``) or a key (``evt.arg[name]``)."""

    required: bool = False
    index: bool = False
    key: bool = False


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One catalogue entry. ``argument`` is None where brackets are not allowed.

    ``path`` marks a plugin field that declares a path namespace: ``NAME.a.b[*].c`` then stands for
    ``NAME[a.b[*].c]``, and comparisons hold when any element satisfies them.
    """

    name: str
    type: FieldType
    is_list: bool = False
    argument: Argument | None = None
    description: str = ""
    source: str = "syscall"
    path: bool = False
    properties: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field with its argument, as a condition or an output names it: the key of a column.

    ``text`` is the name as written. For a path field ``info.name`` is the namespace and ``arg``
    the path; ``is_list`` is then true only if the path holds ``[*]``.
    """

    info: FieldInfo
    arg: str | None
    text: str
    is_list: bool
