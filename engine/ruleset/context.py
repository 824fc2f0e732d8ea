"""Where a message belongs: the chain of items that leads to it, as Falco prints it.

Two positions matter. The chain (:class:`Context`) is Falco's own: file, item, key, counted from 0,
in bytes. The :class:`~capture.errors.Place` is ours: the exact line and column of the file, also
for a word inside a folded condition or one that a list brought in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VALUE_FOR = "value for"
EXCEPTIONS = "exceptions"
EXCEPTION = "exception"
EXCEPTION_VALUES = "exception values"
EXCEPTION_VALUE = "exception value"
RULES_CONTENT = "rules content"
RULES_CONTENT_ITEM = "rules content item"
REQUIRED_ENGINE_VERSION = "required_engine_version"
REQUIRED_PLUGIN_VERSIONS = "required plugin versions"
REQUIRED_PLUGIN_VERSIONS_ENTRY = "required plugin versions entry"
REQUIRED_PLUGIN_VERSIONS_ALTERNATIVE = "required plugin versions alternative"
LIST = "list"
LIST_ITEM = "list item"
MACRO = "macro"
MACRO_CONDITION = "macro condition"
RULE = "rule"
RULE_CONDITION = "rule condition"
CONDITION_EXPRESSION = "condition expression"
RULE_OUTPUT = "rule output"
RULE_PRIORITY = "rule priority"
OVERRIDE = "overrides"

#: Items a person knows by name, the innermost of which a message is about.
_NAMED = frozenset({RULE, MACRO, LIST, EXCEPTION, REQUIRED_PLUGIN_VERSIONS_ENTRY})

SNIPPET_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Location:
    """One link of the chain. ``offset``, ``line``, ``column`` count from 0, in bytes of UTF-8."""

    name: str
    item_type: str
    item_name: str = ""
    offset: int = 0
    line: int = 0
    column: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "item_type": self.item_type,
            "item_name": self.item_name,
            "position": {
                "name": self.name,
                "line": self.line,
                "column": self.column,
                "offset": self.offset,
            },
        }


@dataclass(frozen=True, slots=True)
class Context:
    """Locations from the file down. ``text`` is a condition's own text when the last is in one,
    and ``at`` the offset in it, in characters."""

    locations: tuple[Location, ...]
    text: str = ""
    at: int = 0

    @staticmethod
    def of_file(name: str) -> Context:
        return Context((Location(name, RULES_CONTENT),))

    @property
    def file(self) -> str:
        return self.locations[0].name

    @property
    def item(self) -> tuple[str, str]:
        """Type and name of the innermost rule, macro, list or exception; else of the last link."""
        for location in reversed(self.locations):
            if location.item_type in _NAMED:
                return location.item_type, location.item_name
        last = self.locations[-1]
        return last.item_type, last.item_name

    def child(self, location: Location) -> Context:
        return Context((*self.locations, location))

    def in_condition(self, condition: str, offset: int, line: int, column: int) -> Context:
        """A place inside ``condition`` (offset from 0, line and column as the parser counts)."""
        short = condition[:17] + "..." if len(condition) > 20 else condition
        short = '"' + short.replace("\n", " ").replace("\r", " ") + '"'
        last = self.locations[-1]
        location = Location(
            short,
            CONDITION_EXPRESSION,
            "",
            offset + last.offset,
            line + last.line,
            column + last.column,
        )
        return Context((*self.locations, location), condition, offset)

    def as_text(self) -> str:
        lines = []
        for index, location in enumerate(self.locations):
            lead = "    " if index else "In "
            name = f" '{location.item_name}'" if location.item_name else ""
            where = f"({location.name}:{location.line}:{location.column})"
            lines.append(f"{lead}{location.item_type}{name}: {where}\n")
        return "".join(lines)

    def as_json(self, contents: Mapping[str, str]) -> dict[str, Any]:
        return {
            "locations": [location.as_json() for location in self.locations],
            "snippet": self.snippet(contents),
        }

    def snippet(self, contents: Mapping[str, str], width: int = SNIPPET_WIDTH) -> str:
        """The line at the last location, cut to ``width`` bytes, and a caret under the place.

        ``contents`` maps a file's name to its text.
        """
        last = self.locations[-1]
        if not self.text and last.name not in contents:
            return f"<No context for file + {last.name}>\n"
        content = (self.text or contents[last.name]).encode("utf-8", "surrogatepass")
        if not content:
            return "<No context available>\n"
        # Falco takes the offset in the file for that in the condition; we show the true place.
        at = (
            len(self.text[: self.at].encode("utf-8", "surrogatepass")) if self.text else last.offset
        )
        return _snippet(content, at, width)


def _snippet(content: bytes, at: int, width: int) -> str:
    newline = ord("\n")
    while at > 0 and (at >= len(content) or content[at] == newline):
        at -= 1
    half = width // 2
    start = at
    while start > 0 and content[start] != newline and at - start < half:
        start -= 1
    end = at
    while end < len(content) - 1 and content[end] != newline and end - at < half:
        end += 1
    if content[start] == newline:
        start += 1
    if end < len(content) and content[end] == newline:
        end -= 1
    shown = content[start : end + 1]
    if not shown:
        return "<No context available>\n"
    if at - start >= half:
        shown = b"..." + shown[3:]
    if end - at >= half:
        shown = shown[:-3] + b"..."
    text = shown.decode("utf-8", "replace") + "\n"
    if at - start <= len(shown):
        text += " " * (at - start) + "^\n"
    return text
