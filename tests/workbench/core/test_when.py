"""Moments as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import FalcowbError
from capture.times import format_time
from workbench.core.when import parse_moment


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1769903999.5", 1769903999_500000000),
        ("1769903999", 1769903999_000000000),
    ],
)
def test_moments(text: str, nanoseconds: int) -> None:
    assert parse_moment(text) == nanoseconds


@given(st.integers(0, 2**63 - 1))
def test_what_we_print_is_read_back(nanoseconds: int) -> None:
    assert parse_moment(format_time(nanoseconds)) == nanoseconds


@pytest.mark.parametrize("text", ["", "soon", "1969-12-31", "2026-13-01", "9999-01-01", "-1"])
def test_anything_else_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(FalcowbError, match="2026-01-31T23:59:59Z"):
        try:
            parse_moment(text)
        except FalcowbError as error:
            raise FalcowbError(str(error)) from None
