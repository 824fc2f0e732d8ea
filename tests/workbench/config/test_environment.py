from __future__ import annotations

import pytest

from workbench.config import ConfigError, parse_config
from workbench.config.durations import parse_duration_ms
from workbench.config.environment import expand

ENVIRONMENT = {"V": "value", "E": "${V}", "EMPTY": "", "LOOP": "${LOOP}", "GROW": "x${GROW}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${V}", "value"),
        ("/a/${V}/${V}${V}", "/a/value/valuevalue"),
        ("${E}/x", "value/x"),
        ("${NONE}", ""),
        ("${}", ""),
        ("$V", "$V"),
        ("$$V", "$$V"),
        ("$${V}", "${V}"),
        ("$${V}$${V}", "${V}${V}"),
        ("$${${V}}", "${value}"),
        ("$${V}${V}", "${V}value"),
        ("$a ${V}", "$a ${V}"),
        ("${V} $a ${V}", "value $a ${V}"),
        ("${V", "${V"),
        ("$${V", "$${V"),
        ("${EMPTY}", ""),
        ("a$", "a$"),
    ],
)
def test_expand(text: str, expanded: str) -> None:
    assert expand(text, ENVIRONMENT) == expanded


@pytest.mark.parametrize("text", ["${LOOP}", "${GROW}", "${V}" * 100_000])
def test_endless_expansion_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="environment variables"):
        expand(text, ENVIRONMENT)


def test_values_from_the_environment_are_typed() -> None:
    text = "json_output: ${B}\npriority: '${P}'\nplugins: [{name: a, library_path: '/${V}.so'}]\n"
    config = parse_config(text, environment={"B": "true", "P": "alert", "V": "x"})
    assert config.json_output
    assert config.priority.title == "Alert"
    assert config.plugins[0].library_path == "/x.so"


def test_an_endless_variable_has_a_place() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("a: 1\nb: ${LOOP}\n", file="f.yaml", environment=ENVIRONMENT)
    assert str(caught.value.place) == "f.yaml:2:4"


@pytest.mark.parametrize(
    ("text", "ms"),
    [("5000", 0), ("010s", 8000), ("08s", 0), ("1m 1s", 61_000), ("", 0), ("1s1m", 0), ("0ms", 0)],
)
def test_durations(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


def test_a_duration_beyond_64_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_duration_ms("9" * 25 + "s")
    with pytest.raises(ConfigError, match="too large"):
        parse_config("metrics: {interval: 99999999999999999999999s}")
