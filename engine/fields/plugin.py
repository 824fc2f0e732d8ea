"""The fields that a plugin declares, as catalogue entries."""

from __future__ import annotations

from collections.abc import Iterable

from engine.fields.model import Argument, FieldInfo, FieldType
from plugins.host.fields import PluginField, PluginFieldType

_TYPES = {
    PluginFieldType.UINT64: FieldType.UINT64,
    PluginFieldType.STRING: FieldType.CHARBUF,
    PluginFieldType.RELTIME: FieldType.RELTIME,
    PluginFieldType.ABSTIME: FieldType.ABSTIME,
    PluginFieldType.BOOL: FieldType.BOOL,
    PluginFieldType.IPADDR: FieldType.IPADDR,
    PluginFieldType.IPNET: FieldType.IPNET,
}


def plugin_fields(fields: Iterable[PluginField], source: str = "") -> list[FieldInfo]:
    """Entries for a plugin's fields. ``source`` is the event source they belong to, for show;
    empty where there are several (:meth:`Catalogue.with_fields` says which)."""
    return [
        FieldInfo(
            name=field.name,
            type=_TYPES[field.type],
            is_list=field.is_list,
            argument=None
            if field.argument is None
            else Argument(
                required=field.argument.required,
                index=field.argument.index,
                key=field.argument.key,
            ),
            description=field.description,
            source=source,
            path=field.path,
            properties=field.properties | {"plugin"},
        )
        for field in fields
    ]
