"""An open event source of a plugin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from capture.schema import PLUGIN_EVENTS
from plugins.host._native import ffi, lib
from plugins.host.errors import PluginError, clean
from plugins.host.library import take_text

if TYPE_CHECKING:
    from plugins.host.plugin import Plugin

_ENDED = 2
_FAILED = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source has read. ``fraction`` is from 0 to 1; ``text`` is the plugin's wording."""

    fraction: float
    text: str


class Source:
    """A source opened by :meth:`Plugin.open`. Close it, or use it in a ``with`` statement.

    ``next_num`` is the number that the next event will get; ``count`` is the number of events
    given; ``ended`` is true once the plugin said that there will be no more.
    """

    def __init__(self, plugin: Plugin, handle: Any, params: str, first_num: int) -> None:
        self.plugin = plugin
        self.params = params
        self.next_num = first_num
        self.count = 0
        self.ended = False
        self._handle = handle
        self._error: PluginError | None = None

    def next_batch(
        self,
        max_events: int = 16384,
        *,
        max_bytes: int = 64 << 20,
        max_seconds: float = 0.25,
    ) -> pa.RecordBatch | None:
        """The next events, as a batch of schema ``capture.schema.PLUGIN_EVENTS``; None at the end.

        The plugin is asked until the batch holds ``max_events`` events or ``max_bytes`` of payload,
        until ``max_seconds`` have passed, or until it has nothing more for now. The batch is empty
        where nothing came in time. Events without a time get the present one, times past the year
        2262 the last one that fits. Raises PluginError where the plugin failed; events that came
        before the failure are given first.
        """
        if self._error:
            pending, self._error = self._error, None
            self.ended = True
            raise pending
        if self.ended:
            return None
        if max_events < 1 or max_bytes < 1:
            raise ValueError("a batch holds at least one event and one byte")
        array, schema = ffi.new("struct ArrowArray*"), ffi.new("struct ArrowSchema*")
        error_out = ffi.new("fh_error*")
        with self.plugin.calling() as library:
            if not self._handle:
                raise PluginError(library.label, "the source is closed", function="next_batch")
            outcome = lib.fh_source_next(
                self._handle,
                self.next_num,
                max_events,
                max_bytes,
                int(max_seconds * 1e9),
                array,
                schema,
                error_out,
            )
            error = library.refusal(error_out) if outcome == _FAILED else None
        if not array.release:
            self.ended = True
            assert error is not None
            raise error
        batch = _import(array, schema)
        self.next_num += batch.num_rows
        self.count += batch.num_rows
        if error and not batch.num_rows:
            self.ended = True
            raise error
        self._error = error
        if outcome == _ENDED:
            self.ended = True
            return batch if batch.num_rows else None
        return batch

    def batches(self, max_events: int = 16384, **limits: Any) -> Iterator[pa.RecordBatch]:
        """Batches until the end, also the empty ones: a chance to look up while nothing comes."""
        while (batch := self.next_batch(max_events, **limits)) is not None:
            yield batch

    def progress(self) -> Progress | None:
        """How far the source has read; None where the plugin does not tell."""
        text, error = ffi.new("fh_text*"), ffi.new("fh_error*")
        with self.plugin.calling() as library:
            if not self._handle:
                return None
            hundredths = lib.fh_source_progress(self._handle, text, error)
            if hundredths == -2:
                raise library.refusal(error)
        if hundredths < 0:
            return None
        return Progress(hundredths / 10000, clean(take_text(text) or ""))

    def close(self) -> None:
        """Closes the source. May be called again."""
        if self._handle and not self.plugin.closed:
            with self.plugin.calling():
                lib.fh_source_close(self._handle)
        self._handle = ffi.NULL
        self.ended = True

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _import(array: Any, schema: Any) -> pa.RecordBatch:
    batch = pa.RecordBatch._import_from_c(
        int(ffi.cast("uintptr_t", array)), int(ffi.cast("uintptr_t", schema))
    )
    return pa.RecordBatch.from_arrays(batch.columns, schema=PLUGIN_EVENTS)
