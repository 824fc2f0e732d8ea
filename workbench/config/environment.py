"""``${VAR}`` in the values of falco.yaml."""

from __future__ import annotations

from collections.abc import Mapping

_MOST = 1000
_LONGEST = 1 << 20


def expand(text: str, environment: Mapping[str, str]) -> str:
    """``text`` with every ``${NAME}`` replaced by the variable, or by nothing where it is not set.

    ``$${NAME}`` gives ``${NAME}``. As in Falco, what a variable brings in is expanded in turn, and
    the first ``$`` that begins neither form ends the search. Raises ValueError where that has no
    end or grows beyond a megabyte.
    """
    start = text.find("$")
    for _ in range(_MOST):
        if start < 0:
            return text
        escaped = text.startswith("$${", start)
        if not escaped and not text.startswith("${", start):
            return text
        end = text.find("}", start)
        if end < 0:
            return text
        if escaped:
            text = text[:start] + text[start + 1 :]
            start += 1
        else:
            name = text[start + 2 : end]
            text = text[:start] + environment.get(name, "") + text[end + 1 :]
            if len(text) > _LONGEST:
                raise ValueError("environment variables make this value longer than 1 MB")
        start = text.find("$", start)
    raise ValueError(f"more than {_MOST} environment variables; does one refer to itself?")
