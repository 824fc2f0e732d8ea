"""What ``falcowb rules check`` tells a person."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from capture.errors import excerpt
from engine.ruleset.codes import Severity
from engine.ruleset.loader import FileResult, LoadResult, unique
from engine.ruleset.model import Message
from engine.ruleset.report import title
from engine.ruleset.schema import OK

_STYLE = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
}


def print_result(result: LoadResult, console: Console, *, notes: bool = True) -> None:
    """Every problem once, with its line and a caret, then a line for each file."""
    seen: set[tuple[str, str, str]] = set()
    for file in result.files:
        messages = file.messages if notes else [*file.errors, *file.further, *file.warnings]
        for message in unique(messages):
            key = (message.code.name, message.text, str(message.place))
            if key not in seen:
                seen.add(key)
                _print_message(message, console)
    for file in result.files:
        _print_verdict(file, result, console)


def printable(text: str) -> str:
    """``text`` with whatever would move a terminal's cursor made visible."""
    return "".join(char if char.isprintable() else _visible(char) for char in text)


def _visible(char: str) -> str:
    return " " if char in "\t\n\r" else "\N{REPLACEMENT CHARACTER}"


def _print_message(message: Message, console: Console) -> None:
    place = message.place
    text = message.text or message.code.explanation
    head = Text()
    head.append(f"{printable(str(place))}: ", "bold")
    head.append(message.severity.value, _STYLE[message.severity])
    head.append(f": {printable(text)}")
    console.print(head, soft_wrap=True)
    item_type, item_name = message.item_type, printable(message.item_name)
    about = f"{item_type} '{item_name}': " if item_name else ""
    console.print(Text(f"  {about}{title(message)}", "dim"), soft_wrap=True)
    if place.source_line and place.column:
        line, column = excerpt(place.source_line, place.column)
        line = printable(line)
        gutter = f"{place.line:>6} | "
        console.print(Text.assemble((gutter, "dim"), line), soft_wrap=True)
        indent = " " * (len(gutter) + cell_len(line[: column - 1]))
        console.print(Text(f"{indent}^", _STYLE[message.severity]), soft_wrap=True)
    if message.hint:
        console.print(Text(f"  {printable(message.hint)}", "green"), soft_wrap=True)
    console.print()


def _print_verdict(file: FileResult, result: LoadResult, console: Console) -> None:
    counts = [
        _count(len(file.errors) + len(file.further), "error"),
        _count(len(unique(file.warnings)), "warning"),
    ]
    said = ", ".join(count for count in counts if count)
    name = printable(file.name)
    if file.successful:
        line = Text.assemble((name, "bold"), ": ", ("ok", "green"), f", {said}" if said else "")
    else:
        line = Text.assemble((name, "bold"), ": ", ("refused", "bold red"), f", {said}")
    if schema := _schema_remark(file):
        line.append(f"; schema: {printable(schema)}", "dim")
    console.print(line, soft_wrap=True)
    if file is result.files[-1] and result.successful:
        defined = result.ruleset.definitions
        console.print(
            f"{_count(len(defined.rules), 'rule') or 'no rules'}, "
            f"{_count(len(defined.macros), 'macro') or 'no macros'}, "
            f"{_count(len(defined.lists), 'list') or 'no lists'}."
        )


def _schema_remark(file: FileResult) -> str:
    """What the schema finds amiss first, but for priorities in lower case, which all readers
    take."""
    remarks = [each for each in file.schema if each != OK and "[priority]:" not in each]
    return remarks[0] if remarks else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}" if number else ""


def print_lines(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
