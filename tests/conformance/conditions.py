"""Conditions on captures: which events the real Falco matches, and which ours does.

``python -m tests.conformance.conditions`` prints the conditions that differ, with the first event
numbers on either side.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.language.parser import parse
from engine.plan import Plan
from engine.syscalls.segment import SyscallSegment
from tests.conformance.cases import UPSTREAM, Case, read_jsonl
from tests.conformance.fields import segments

CASES = "conditions_on_captures.jsonl"


@dataclass(frozen=True, slots=True)
class Difference:
    """A capture on which a condition matches other events than Falco's."""

    condition: str
    capture: str
    theirs: int
    ours: int
    their_first: list[int]
    our_first: list[int]

    def __str__(self) -> str:
        return (
            f"{self.condition}\n    {self.capture}: {self.ours} where Falco has {self.theirs};"
            f" from {self.our_first} where Falco has {self.their_first}"
        )


@functools.cache
def loaded(capture: str) -> tuple[SyscallSegment, ...]:
    """The segments of a capture, without the container plugin, as the answers were made."""
    return tuple(segments(UPSTREAM / "captures" / capture))


def differences(case: Case) -> Iterator[Difference]:
    """The captures on which ours differs. Raises ConditionError for a condition that we refuse."""
    catalogue = Catalogue.native()
    plan = Plan(catalogue, "syscall", [("rule", parse(case["condition"]))])
    for capture, theirs in case["hits"].items():
        found = matching(plan, loaded(capture))
        digest = hashlib.sha1(",".join(map(str, found.tolist())).encode()).hexdigest()
        if (len(found), digest) != (theirs["n"], theirs["sha1"]):
            yield Difference(
                case["condition"],
                capture,
                theirs["n"],
                len(found),
                theirs["first"],
                found[:8].tolist(),
            )


def matching(plan: Plan, of: tuple[SyscallSegment, ...]) -> npt.NDArray[np.uint64]:
    """Numbers of the events that the plan's only rule matches."""
    evaluator = Evaluator(plan)
    found = [segment.events.num[evaluator.judge(segment).rows[0]] for segment in of]
    return np.concatenate([np.zeros(0, np.uint64), *found])


def main() -> None:
    cases = read_jsonl(CASES)
    bad = 0
    for case in cases:
        try:
            wrong = list(differences(case))
        except Exception as error:  # the list shall be whole
            print(case["condition"], "\n   ", repr(error)[:300])
            bad += 1
            continue
        bad += bool(wrong)
        for difference in wrong[:3]:
            print(difference)
    print(f"{len(cases) - bad} of {len(cases)} conditions agree on every capture")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
