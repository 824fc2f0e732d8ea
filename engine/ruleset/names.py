"""Names of rules in places that allow fewer characters."""

from __future__ import annotations

import re

_NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9_:]")
_RUN = re.compile("_+")


def sanitize_rule_name(name: str) -> str:
    """The name as metrics label it: letters, digits, ``_`` and ``:``; every run of others is one
    ``_``, and none stands at the end."""
    return _RUN.sub("_", _NOT_ALLOWED.sub("_", name)).removesuffix("_")
