"""Cases with the answers that the real Falco gives, read from outside this repository.

They lie in ``shared/`` beside the checkout, or where ``FALCOWB_SHARED`` points. Without them the
tests that need them skip and say so.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FALCOWB_SHARED") or ROOT.parent / "shared")
CONFORMANCE = SHARED / "conformance"
UPSTREAM = SHARED / "upstream"
KNOWN_DIFFERENCES = Path(__file__).with_name("known_differences.yaml")

needs_shared = pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason=f"no conformance data at {CONFORMANCE} (set FALCOWB_SHARED)"
)

Case = dict[str, Any]


@functools.cache
def read_jsonl(name: str) -> tuple[Case, ...]:
    path = CONFORMANCE / name
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def known_differences() -> dict[str, str]:
    """Case id to the reason why ours differs and must."""
    return yaml.safe_load(KNOWN_DIFFERENCES.read_text(encoding="utf-8")) or {}


def engine_cases(*kinds: str) -> list[Any]:
    """The cases of these kinds as pytest parameters, one test each, named by case id.

    Where the folder is absent there is one parameter that skips with the reason.
    """
    cases = [case for case in read_jsonl("engine_cases.jsonl") if case["kind"] in kinds]
    return parameters(cases)


def parameters(cases: list[Case]) -> list[Any]:
    if not cases:
        reason = f"no conformance data at {CONFORMANCE} (set FALCOWB_SHARED)"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    known = known_differences()
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=known[case["id"]], strict=True)]
            if case["id"] in known
            else [],
        )
        for case in cases
    ]
