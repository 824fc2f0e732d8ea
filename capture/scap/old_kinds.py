"""Kinds of files that readers of old do not know, made into one that they do.

sysdig 0.29 and other readers before libs 0.11 refuse a whole ``.scap`` for one open file of a kind
that came later: bpf, userfaultfd, io_uring, memfd, pidfd.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from capture.events.section import Section
from capture.events.state_schema import FD_TYPES, FDS

#: The newest kind that they know.
_NEWEST = next(code for code, name in FD_TYPES.items() if name == "file_v2")
_UNSUPPORTED = next(code for code, name in FD_TYPES.items() if name == "unsupported")


def with_old_kinds(section: Section) -> tuple[Section, int]:
    """The section with such files as ``unsupported``, their names kept, and how many there are."""
    kinds = section.fds.column("type")
    newer = pc.fill_null(pc.greater(kinds, pa.scalar(_NEWEST, kinds.type)), False)
    count = pc.sum(newer).as_py() or 0
    if not count:
        return section, 0
    place = FDS.get_field_index("type")
    known = pc.if_else(newer, pa.scalar(_UNSUPPORTED, kinds.type), kinds)
    return replace(section, fds=section.fds.set_column(place, FDS.field(place), known)), count
