"""What outputs show of fields that compare with more than they show."""

from __future__ import annotations

from dataclasses import replace

from engine.fields.model import FieldRef

#: Without an index these compare with every ancestor, and show the process itself.
#: (sinsp_filtercheck_thread.cpp in falcosecurity/libs: compare_nocache beside extract_single.)
_OWN = frozenset({"proc.apid", "proc.aenv"})


def shown(ref: FieldRef) -> FieldRef:
    """The field whose column an output prints for ``ref``."""
    if ref.arg is None and ref.info.name in _OWN:
        return replace(ref, arg="0")
    return ref
