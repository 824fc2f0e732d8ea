"""Falco's own cases of lost system calls, simulated: what is said, how often, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import cases
from tests.conformance.cases import Case
from tests.workbench.command import falcowb

#: What a case may expect; anything else would go unseen.
_KNOWN = {
    "exit", "exit_ok", "stderr_regex", "stdout_regex", "not_stderr_regex", "not_stdout_regex",
}  # fmt: skip


def drops() -> list[Any]:
    found = [
        case
        for case in cases.read_jsonl("regression_cases.jsonl")
        if (case.get("config") or "").startswith("configs/Drops")
    ]
    return cases.parameters(found)


@pytest.mark.parametrize("case", drops())
def test_lost_events(case: Case, tmp_path: Path) -> None:
    expect = case["expect"]
    assert set(expect) <= _KNOWN, "an expectation that this test does not look at"
    ran = falcowb(
        "replay",
        cases.UPSTREAM / case["capture"],
        *(word for name in case["rules"] for word in ("-r", cases.CONFORMANCE / name)),
        "-c",
        cases.CONFORMANCE / case["config"],
        env={"XDG_CACHE_HOME": str(tmp_path)},
    )
    assert ran.code == expect["exit"], ran.err
    for key, text in (("stderr_regex", ran.err), ("stdout_regex", ran.out)):
        for pattern in expect.get(key, ()):
            assert re.search(pattern, text, re.DOTALL), pattern
        for pattern in expect.get(f"not_{key}", ()):
            assert not re.search(pattern, text, re.DOTALL), pattern
