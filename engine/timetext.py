"""Times as text, for whole columns: a second is converted to a calendar's date once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.gather import from_buffers

#: Parts of a time, as places in ``2026-01-31T23:59:59.000000001``.
DAY, CLOCK, CLOCK_SECONDS = slice(0, 10), slice(11, 29), slice(11, 19)

_SECOND = 1_000_000_000
_SECONDS_TEXT = "V19"
_WRITTEN = np.dtype(
    [("seconds", _SECONDS_TEXT), ("point", "S1"), ("milli", "V3"), ("micro", "V3"), ("nano", "V3")]
)
_THREE_DIGITS = np.array([b"%03d" % n for n in range(1000)], "S3").view("V3")


def written(times: npt.NDArray[np.int64], *parts: slice | bytes) -> pa.BinaryArray:
    """A text for each time (nanoseconds since the epoch), made of parts of the written time and of
    fixed bytes."""
    seconds = times // _SECOND
    rest = times - seconds * _SECOND
    # Events come in order: of a run of times within one second the first is enough.
    begins = np.ones(len(times), np.bool_)
    begins[1:] = seconds[1:] != seconds[:-1]
    whole = np.datetime_as_string(seconds[begins].astype("M8[s]"), unit="s").astype("S19")
    text = np.empty(len(times), _WRITTEN)
    text["seconds"] = whole.view(_SECONDS_TEXT)[np.cumsum(begins) - 1]
    text["point"] = b"."
    text["milli"] = _THREE_DIGITS[rest // 1_000_000]
    text["micro"] = _THREE_DIGITS[rest // 1_000 % 1_000]
    text["nano"] = _THREE_DIGITS[rest % 1_000]
    letters = text.view(np.uint8).reshape(len(times), _WRITTEN.itemsize)
    chosen = [
        letters[:, part]
        if isinstance(part, slice)
        else np.broadcast_to(np.frombuffer(part, np.uint8), (len(times), len(part)))
        for part in parts
    ]
    lines = np.concatenate(chosen, axis=1)
    offsets = np.arange(0, lines.size + 1, lines.shape[1], dtype=np.int32)
    return from_buffers(offsets, lines.reshape(-1))
