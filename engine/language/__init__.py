"""The Falco filter language: text to tree and back."""

from engine.language.errors import ConditionError
from engine.language.escape import escape, unescape
from engine.language.format import format_condition
from engine.language.parser import parse, scan_field
from engine.language.printer import to_string

__all__ = [
    "ConditionError",
    "escape",
    "format_condition",
    "parse",
    "scan_field",
    "to_string",
    "unescape",
]
