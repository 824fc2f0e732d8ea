"""Which events which rules look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.folding.asked import AskedRule

#: For each event type by code the number of its class, -1 for types that no rule looks at.
Classes = npt.NDArray[np.int16]

#: Event types, and the rules that look at them.
Class = tuple[list[int], list[AskedRule]]


def partition(
    rules: Iterable[AskedRule],
) -> tuple[list[tuple[list[int], list[AskedRule]]], Classes]:
    """Event types together that the same rules look at: codes and rules of each such class, and
    the class of each type by code, -1 where no rule looks."""
    every = list(rules)
    by_rules: dict[tuple[int, ...], list[int]] = {}
    for event in event_table().types:
        lookers = tuple(place for place, rule in enumerate(every) if event.code in rule.codes)
        if lookers:
            by_rules.setdefault(lookers, []).append(event.code)
    classes = np.full(len(event_table()), -1, np.int16)
    found = []
    for number, (lookers, codes) in enumerate(by_rules.items()):
        classes[codes] = number
        found.append((codes, [every[place] for place in lookers]))
    return found, classes
