"""Times as text, for whole columns: only distinct seconds are converted to a calendar's date."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.gather import from_buffers

#: Parts of a time, as places in ``2026-01-31T23:59:59.000000001``.
DAY, CLOCK, CLOCK_SECONDS = slice(0, 10), slice(11, 29), slice(11, 19)

_SECOND = 1_000_000_000
_SECONDS_END = 19
_LENGTH = 29
_THREE_DIGITS = np.frombuffer(b"".join(b"%03d" % n for n in range(1000)), np.uint8).reshape(-1, 3)


def written(times: npt.NDArray[np.int64], *parts: slice | bytes) -> pa.BinaryArray:
    """A text for each time (nanoseconds since the epoch), made of parts of the written time and of
    fixed bytes."""
    seconds = times // _SECOND
    rest = (times - seconds * _SECOND).astype(np.uint32)
    whole, place = np.unique(seconds, return_inverse=True)
    whole_text = np.datetime_as_string(whole.astype("M8[s]"), unit="s").astype(f"S{_SECONDS_END}")
    letters = np.empty((len(times), _LENGTH), np.uint8)
    letters[:, :_SECONDS_END] = whole_text.view(np.uint8).reshape(-1, _SECONDS_END)[place]
    letters[:, _SECONDS_END] = ord(".")
    for end, unit in ((23, 1_000_000), (26, 1_000), (29, 1)):
        letters[:, end - 3 : end] = _THREE_DIGITS[rest // np.uint32(unit) % np.uint32(1000)]
    chosen = [
        letters[:, part]
        if isinstance(part, slice)
        else np.broadcast_to(np.frombuffer(part, np.uint8), (len(times), len(part)))
        for part in parts
    ]
    text = np.concatenate(chosen, axis=1)
    offsets = np.arange(0, text.size + 1, text.shape[1], dtype=np.int32)
    return from_buffers(offsets, text.reshape(-1))
