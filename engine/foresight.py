"""Which fields the alerts will want of most events, learnt from the events before.

Asking a plugin for fields has a price for each event (it parses the event) beside the one for each
field. What alerts need of few events is asked of those alone; what they need of many is asked along
with the fields of the conditions.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.fields.model import FieldRef
from engine.segments import ColumnKey, column_key

#: From this share of the events on, a field is asked of all of them: reading one event again costs
#: about as much as looking for one more field in a hundred and more.
_SHARE = 1 / 128
_NONE = None, 0.0


class Foresight:
    """Counts of one source, in which the latest segments weigh most."""

    def __init__(self) -> None:
        self._used: dict[ColumnKey, tuple[FieldRef, float]] = {}
        self._judged = 0.0

    def wanted(self) -> list[FieldRef]:
        """The fields to ask along with those of the conditions."""
        return [ref for ref, count in self._used.values() if count > _SHARE * self._judged]

    def used(self, refs: Iterable[FieldRef], events: int) -> None:
        """Alerts needed these fields of ``events`` events of the present segment."""
        for ref in refs:
            key = column_key(ref)
            self._used[key] = ref, self._used.get(key, _NONE)[1] + events

    def judged(self, events: int) -> None:
        """The present segment, of ``events`` events, is done."""
        self._judged = (self._judged + events) / 2
        self._used = {
            key: (ref, count / 2) for key, (ref, count) in self._used.items() if count >= 1
        }
