"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# In CI the same examples each time, so that a change is judged by what it changes.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

#: Characters of a parameter that stand in the name of a test.
_NAMED = 80


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Hostile inputs of a megabyte are not named in full: names go to logs and the environment."""
    if isinstance(val, str | bytes) and len(val) > _NAMED:
        text = val[:_NAMED].decode("latin-1") if isinstance(val, bytes) else val[:_NAMED]
        return f"{text.encode('unicode_escape').decode()}…{len(val)}"
    return None
