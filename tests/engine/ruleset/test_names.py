from __future__ import annotations

import pytest

from engine.ruleset.names import sanitize_rule_name


@pytest.mark.parametrize(
    ("name", "sanitized"),
    [("a b", "a_b"), ("a:b_", "a:b"), ("__a", "_a"), ("é!", ""), ("", ""), ("a (é) b", "a_b")],
)
def test_sanitize_rule_name(name: str, sanitized: str) -> None:
    assert sanitize_rule_name(name) == sanitized
