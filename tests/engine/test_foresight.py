"""Which fields are asked along: those that alerts lately needed of many events."""

from __future__ import annotations

from engine.fields.model import FieldInfo, FieldRef, FieldType
from engine.foresight import Foresight

A, B = (FieldRef(FieldInfo(name, FieldType.CHARBUF), None, name, False) for name in ("a.a", "a.b"))


def test_nothing_is_wanted_at_first() -> None:
    assert Foresight().wanted() == []


def test_fields_of_many_events_are_wanted() -> None:
    foresight = Foresight()
    foresight.used([A, B], 5)
    foresight.used([A], 5)
    foresight.judged(1000)
    assert foresight.wanted() == [A]


def test_what_is_long_past_counts_little() -> None:
    foresight = Foresight()
    foresight.used([A], 1000)
    foresight.judged(1000)
    assert foresight.wanted() == [A]
    for _ in range(8):
        foresight.judged(1000)
    assert foresight.wanted() == []
    foresight.used([B], 1000)
    foresight.judged(1000)
    assert foresight.wanted() == [B]
