"""What may stand at the cursor of a rule file: keys, fields, macros, lists, operators, values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workbench.editing.conditions import Completion, Option, Vocabulary, complete, fitting
from workbench.editing.outline import Item, Outline, Value, outline

#: Of a condition only so much before the cursor is looked at.
_NEAR = 4000
_PRIORITIES = (
    "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFORMATIONAL", "DEBUG",
)  # fmt: skip
_TOP = {
    "rule": "a condition, and what is said where it holds",
    "macro": "a part of conditions, by name",
    "list": "values, by name",
    "required_engine_version": "the engine that the file needs at least",
    "required_plugin_versions": "the plugins that the file needs",
}
_RULE = {
    "desc": "what the rule finds", "condition": "when it fires",
    "output": "what the alert says, with %fields", "priority": "how grave it is",
    "tags": "to choose rules by", "source": "of which events it is asked (syscall)",
    "enabled": "false: off unless it is turned on",
    "exceptions": "what it is not to fire on", "append": "true: adds to a rule of this name",
    "override": "which keys are appended or replaced", "warn_evttypes": "false: say nothing "
    "of conditions without event types", "skip-if-unknown-filter": "true: a rule with unknown "
    "fields is left out", "capture": "true: record where it fires",
    "capture_duration": "for how long (milliseconds)",
}  # fmt: skip
_MACRO = {"condition": "what it stands for", "append": "true: adds to a macro",
          "override": "which keys are appended or replaced"}  # fmt: skip
_LIST = {"items": "the values", "append": "true: adds to a list",
         "override": "which keys are appended or replaced"}  # fmt: skip
_EXCEPTION = {
    "name": "of the exception",
    "fields": "one field, or several in brackets",
    "comps": "how each is compared; left out: = or in",
    "values": "rows of values",
}
_KEYS = {"rule": _RULE, "macro": _MACRO, "list": _LIST}
_TRUTH = ("enabled", "append", "warn_evttypes", "skip-if-unknown-filter", "capture")
_WORD_BEFORE = re.compile(r"(?:[\w.-]+(?:\[[^\]]*\]?)?)?$")
_FIELD_BEFORE = re.compile(r"%\d*\*?((?:[a-z]\w*\()*)([\w.\[\]]*)$")


@dataclass
class Names:
    """What can be named in a rule file, beside what a condition knows."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    sources: Sequence[str] = ("syscall",)
    tags: Sequence[str] = ()


def completions(
    lines: Sequence[str], line: int, column: int, names: Names, found: Outline | None = None
) -> Completion:
    """What may stand at a position: what is replaced is from ``start`` to ``end`` of its line.
    ``found``: the outline of the lines, where it is known."""
    found = found or outline(lines)
    item = found.at(line) or _item_above(found, line)
    before = lines[line][:column]
    if item is None or _begins_item(before, item):
        return _words(before, column, _options(_TOP, "key", ": "), after="- ")
    value = item.value_at(line)
    if value is None or (line == value.key_line and column <= value.key_column + len(value.key)):
        return _keys(before, column, item)
    if value.last < line and _indent(before) <= value.indent and not before.strip():
        return _keys(before, column, item)
    if value.key == "condition":
        return _condition(found, value, line, column, names.vocabulary)
    return _in_value(before, column, value, names)


def _item_above(found: Outline, line: int) -> Item | None:
    """The item that an empty line below it goes on with."""
    above = [item for item in found.items if item.first < line]
    return above[-1] if above else None


def _begins_item(before: str, item: Item) -> bool:
    bare = before.lstrip()
    return len(before) - len(bare) < item.values[0].indent and (not bare or bare[0] == "-")


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _keys(before: str, column: int, item: Item) -> Completion:
    known = _KEYS.get(item.kind, {})
    there = {value.key for value in item.values}
    typed = _WORD_BEFORE.search(before)
    typed_key = typed[0] if typed else ""
    return _words(
        before,
        column,
        [
            option
            for option in _options(known, "key", ": ")
            if option.text.rstrip(": ") not in there - {typed_key}
        ],
    )


def _condition(
    found: Outline, value: Value, line: int, column: int, known: Vocabulary
) -> Completion:
    parts = []
    for number, start, text in found.pieces(value):
        if number > line:
            break
        parts.append(text[: max(column - start, 0)] if number == line else text)
    text = "\n".join(parts)[-_NEAR:].lstrip("\"'")
    made = complete(text, len(text), known)
    shift = column - len(text)
    return Completion(made.start + shift, made.end + shift, made.options)


def _in_value(before: str, column: int, value: Value, names: Names) -> Completion:
    key, known = value.key, names.vocabulary
    if key == "output":
        return _output(before, column, known)
    options: Iterable[Option] = ()
    if key == "priority":
        options = [Option(each, "value", "priority") for each in _PRIORITIES]
    elif key == "source":
        options = [Option(each, "value", "source of events") for each in names.sources]
    elif key in _TRUTH:
        options = [Option("true", "value"), Option("false", "value")]
    elif key == "tags":
        options = [Option(each, "value", "tag of the rules") for each in names.tags]
    elif key == "items":
        options = [
            Option(each, "list", known.about.get(each, "list of the rules")) for each in known.lists
        ]
    elif key == "override":
        if ":" in before.rpartition("override:")[2]:
            options = [Option("append", "value", "adds"), Option("replace", "value", "replaces")]
        else:
            options = _options(_RULE, "key", ": ")
    elif key == "exceptions":
        options = _exception(before, known)
    return _words(before, column, options)


def _exception(before: str, known: Vocabulary) -> Iterable[Option]:
    inner = before.strip().lstrip("- ")
    if inner.startswith("fields:"):
        return [
            Option(each.name, "field", f"{each.type.lower()}  {each.description}")
            for each in known.fields
        ]
    if inner.startswith("comps:"):
        return [
            Option(each, "operator")
            for each in ("in", "startswith", "endswith", "contains", "pmatch", "intersects",
                         "glob", "regex", "=", "!=")
        ]  # fmt: skip
    if ":" not in inner:
        return _options(_EXCEPTION, "key", ": ")
    return ()


def _output(before: str, column: int, known: Vocabulary) -> Completion:
    match = _FIELD_BEFORE.search(before[-300:])
    if match is None:
        return Completion(column, column, ())
    typed = match[2]
    options = [
        Option(each.name, "field", f"{each.type.lower()}  {each.description}")
        for each in known.fields
    ]
    return Completion(column - len(typed), column, fitting(typed, options))


def _options(known: dict[str, str], kind: str, after: str) -> list[Option]:
    return [Option(f"{name}{after}", kind, about) for name, about in known.items()]


def _words(before: str, column: int, options: Iterable[Option], after: str = "") -> Completion:
    match = _WORD_BEFORE.search(before[-300:])
    typed = match[0] if match else ""
    if typed == "-":
        typed = ""
    if after and not before.strip():
        options = [Option(after + each.text, each.kind, each.about) for each in options]
    return Completion(column - len(typed), column, fitting(typed, options))
