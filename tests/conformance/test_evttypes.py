"""Which event types a condition can match: kind ``evttypes``."""

from __future__ import annotations

from typing import Any

import pytest

from engine.evttypes import all_types, codes_of, event_types
from engine.language.errors import ConditionError
from engine.language.parser import parse
from tests.conformance.cases import Case, engine_cases


def expected(types: Any) -> frozenset[int]:
    if types == "all":
        return all_types()
    if isinstance(types, dict):
        return all_types() - codes_of(types["all_except"])
    return codes_of(types)


@pytest.mark.parametrize("case", engine_cases("evttypes"))
def test_evttypes(case: Case) -> None:
    if case.get("expect") == "error":
        with pytest.raises(ConditionError):
            event_types(parse(case["filter"]))
        return
    found = event_types(parse(case["filter"]))
    if "same_types_as" in case:
        assert found == event_types(parse(case["same_types_as"]))
    elif "expect_types" in case:
        assert found == expected(case["expect_types"])
