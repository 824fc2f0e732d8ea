"""The codes of a load: what each is called and what it means.

Names and short texts are those of Falco's validation output (a machine reads them); the longer
explanations are ours, for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """``ERROR`` refuses the file, ``WARNING`` is one of Falco's, ``NOTE`` is our own remark."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Code:
    """One code. ``short`` is the title beside the code, ``explanation`` says what to make of it."""

    name: str
    severity: Severity
    short: str
    explanation: str


def _error(name: str, short: str, explanation: str) -> Code:
    return Code(name, Severity.ERROR, short, explanation)


def _warning(name: str, short: str, explanation: str) -> Code:
    return Code(name, Severity.WARNING, short, explanation)


def _note(name: str, short: str, explanation: str) -> Code:
    return Code(name, Severity.NOTE, short, explanation)


ERR_FILE_READ = _error(
    "LOAD_ERR_FILE_READ",
    "File read error",
    "The file is absent or may not be read.",
)
ERR_YAML_PARSE = _error(
    "LOAD_ERR_YAML_PARSE",
    "YAML parse error",
    "The file is not YAML.",
)
ERR_YAML_VALIDATE = _error(
    "LOAD_ERR_YAML_VALIDATE",
    "Error validating internal structure of YAML file",
    "The YAML is not shaped as a rules file: a key is missing, empty or of the wrong kind.",
)
ERR_COMPILE_CONDITION = _error(
    "LOAD_ERR_COMPILE_CONDITION",
    "Error compiling condition",
    "The condition cannot be parsed, or asks for something that does not exist.",
)
ERR_COMPILE_OUTPUT = _error(
    "LOAD_ERR_COMPILE_OUTPUT",
    "Error compiling output",
    "The output names a field that does not exist, or is malformed.",
)
ERR_VALIDATE = _error(
    "LOAD_ERR_VALIDATE",
    "Error validating rule/macro/list/exception objects",
    "An item contradicts another: an undefined macro, an append to nothing, a version too new.",
)

WARN_UNKNOWN_SOURCE = _warning(
    "LOAD_UNKNOWN_SOURCE",
    "Unknown event source",
    "No loaded plugin provides the rule's event source; the rule is left out.",
)
WARN_UNSAFE_NA_CHECK = _warning(
    "LOAD_UNSAFE_NA_CHECK",
    "Unsafe <NA> comparison in condition",
    "Comparing with <NA> does not test for a missing value; use 'exists' or 'not … exists'.",
)
WARN_NO_EVTTYPE = _warning(
    "LOAD_NO_EVTTYPE",
    "Condition has no event-type restriction",
    "The rule looks at nearly every kind of event; restrict evt.type to make it cheap.",
)
WARN_UNKNOWN_FILTER = _warning(
    "LOAD_UNKNOWN_FILTER",
    "Unknown field or event-type in condition or output",
    "The rule names an unknown field or event type and says skip-if-unknown-filter: left out.",
)
WARN_UNUSED_MACRO = _warning(
    "LOAD_UNUSED_MACRO",
    "Unused macro",
    "No rule and no other macro refers to it.",
)
WARN_UNUSED_LIST = _warning(
    "LOAD_UNUSED_LIST",
    "Unused list",
    "No rule, macro or other list refers to it.",
)
WARN_UNKNOWN_ITEM = _warning(
    "LOAD_UNKNOWN_ITEM",
    "Unknown rules file item",
    "The item is no rule, macro, list or version requirement; it is left out.",
)
WARN_DEPRECATED_ITEM = _warning(
    "LOAD_DEPRECATED_ITEM",
    "Used deprecated item",
    "It still works but will go.",
)
WARN_APPEND_NO_VALUES = _warning(
    "LOAD_APPEND_NO_VALUES",
    "Overriding/appending with no values",
    "An exception is appended without values and so changes nothing.",
)
WARN_EXCEPTION_NAME_NOT_UNIQUE = _warning(
    "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
    "Multiple exceptions defined with the same name",
    "A later append reaches only the first of them.",
)
WARN_INVALID_MACRO_NAME = _warning(
    "LOAD_INVALID_MACRO_NAME",
    "Invalid macro name",
    "A condition cannot refer to a macro of this name.",
)
WARN_INVALID_LIST_NAME = _warning(
    "LOAD_INVALID_LIST_NAME",
    "Invalid list name",
    "A condition may fail to refer to a list of this name.",
)
WARN_COMPILE_CONDITION = _warning(
    "LOAD_COMPILE_CONDITION",
    "Warning in rule condition",
    "The condition is valid but may not mean what it seems to.",
)
WARN_UNKNOWN_KEY = _warning(
    "LOAD_UNKNOWN_KEY",
    "Unknown key in item definition",
    "The key is not one of the item's keys and is left out: perhaps a typing error.",
)

NOTE_DUPLICATE_KEY = _note(
    "NOTE_DUPLICATE_KEY",
    "Key written twice",
    "Only the first counts, as in Falco.",
)
NOTE_REDEFINED = _note(
    "NOTE_REDEFINED",
    "Name defined twice",
    "The later definition replaces the earlier one whole; 'override' changes only what it names.",
)
NOTE_LIST_NOT_EXPANDED = _note(
    "NOTE_LIST_NOT_EXPANDED",
    "List item stays a plain word",
    "Lists are expanded one level deep; the name of a list two levels down is compared as text.",
)

#: Fields that Falco calls deprecated, in its order, and why.
DEPRECATED_FIELDS: dict[str, str] = {
    "evt.dir": (
        "enter events are gone, so evt.dir = < always holds and evt.dir = > never does: leave the "
        "check of evt.dir out"
    ),
    **dict.fromkeys(
        (
            "evt.latency",
            "evt.latency.s",
            "evt.latency.ns",
            "evt.latency.human",
            "evt.wait_latency",
        ),
        "enter events are gone, so the field never has a value",
    ),
}
