"""Secrets taken out of what a capture or a screen shows of a configuration."""

from __future__ import annotations

import json
import re

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?\b|passw|secret|token|credential|private|api[_-]?key|access[_-]?key"
    r"|auth(orization)?$|signature|cookie|session|^key$|[_-]key$|[a-z]Key$",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"(file|path|certificate|url)$", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(r"([?&;])([^=&;?\s]+)=([^&;\s]*)")
_ASSIGNMENT = re.compile(
    r"""(?<![\w.-])(["']?)([\w.-]++)\1(\s*+[:=]\s*+)("[^"]*"|'[^']*'|[^\s,;&}"']+)"""
)


def redact_text(text: str) -> str:
    """Passwords in URLs and the values of secret-looking names, hidden.

    ``text`` may be a JSON document (what plugins are usually configured with), a URL, or anything.
    """
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            return json.dumps(redact(json.loads(stripped)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    text = _USER_INFO.sub(HIDDEN, text)
    text = _QUERY.sub(
        lambda found: f"{found[1]}{found[2]}={HIDDEN if _is_secret(found[2]) else found[3]}",
        text,
    )
    return _ASSIGNMENT.sub(
        lambda found: (
            f"{found[1]}{found[2]}{found[1]}{found[3]}{HIDDEN}"
            if _is_secret(found[2])
            else found[0]
        ),
        text,
    )


def redact(value: object) -> object:
    """A configuration as parsed from JSON or YAML, secrets hidden at any depth."""
    if isinstance(value, dict):
        return {
            str(name): HIDDEN if _is_secret(str(name)) and inner else redact(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [redact(item) for item in value]
    return redact_text(value) if isinstance(value, str) else value


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)
