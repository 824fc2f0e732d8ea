"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# In CI the same examples each time, so that a change is judged by what it changes.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
