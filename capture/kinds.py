"""The kinds of sources: what the segments of each hold, and what is checked of it.

A source is a plugin's, or the one of system calls. Segments of both are IPC streams of whole
batches; their schema, and what its batches promise beyond it, differ.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.checks import check_events, event_codes
from capture.events.schema import EventBatch
from capture.manifest import SYSCALL
from capture.schema import PLUGIN_EVENTS


class Kind(Protocol):
    """``strict``: no two events of the source have the same number."""

    strict: bool

    def accepts(self, schema: pa.Schema) -> bool:
        """Whether a segment of this schema can be of this kind."""

    def check(self, batch: pa.RecordBatch) -> None:
        """Raises ValueError for a batch that Arrow finds whole and that is not as promised."""


class PluginKind:
    """Events of a plugin: ``capture.schema.PLUGIN_EVENTS``."""

    strict = True

    def accepts(self, schema: pa.Schema) -> bool:
        return bool(schema.equals(PLUGIN_EVENTS))

    def check(self, batch: pa.RecordBatch) -> None:
        """Nothing beyond the schema is promised."""


class SyscallKind:
    """System calls: ``capture.events.schema``, the types of events differ by segment.

    What a section starts with repeats the number before it (``INITIAL_STATE``).
    """

    strict = False

    def accepts(self, schema: pa.Schema) -> bool:
        return event_codes(schema) is not None

    def check(self, batch: pa.RecordBatch) -> None:
        check_events(EventBatch.of(batch))


PLUGIN, SYSTEM_CALLS = PluginKind(), SyscallKind()


def kind_of(source: str) -> Kind:
    """The kind of a source by its name."""
    return SYSTEM_CALLS if source == SYSCALL else PLUGIN


def in_order(kind: Kind, num: npt.NDArray[np.uint64], after: int) -> bool:
    """Whether event numbers ascend, from above ``after``."""
    if not len(num):
        return True
    if kind.strict:
        return int(num[0]) > after and bool((num[1:] > num[:-1]).all())
    return int(num[0]) >= after and bool((num[1:] >= num[:-1]).all())
