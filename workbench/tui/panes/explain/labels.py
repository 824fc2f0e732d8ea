"""The parts of an explanation as lines of text."""

from __future__ import annotations

from rich.text import Text

from capture.errors import Place
from engine.explain.tree import Explained, Explanation, Kind, Saw, Verdict
from workbench.tui.theme import word_colour
from workbench.tui.words import visible

_MARK = {Verdict.TRUE: "✔", Verdict.FALSE: "✘", Verdict.NO_VALUE: "∅"}
_COLOUR = {Verdict.TRUE: "string", Verdict.FALSE: "error", Verdict.NO_VALUE: "number"}
_LONGEST = 200
#: Of a check, so that what it saw is in sight.
_LONGEST_CHECK = 76


def heading(found: Explanation, dark: bool) -> Text:
    """What came of it, in a sentence."""
    text = Text(no_wrap=False)
    if found.fires:
        text.append("✔ ", f"bold {word_colour('macro', dark)}")
        text.append(found.rule, "bold")
        text.append(" fires.", word_colour("macro", dark))
        return text
    text.append("✘ ", f"bold {word_colour('error', dark)}")
    text.append(found.rule, "bold")
    text.append(" does not fire.", word_colour("error", dark))
    if found.suppressed_by:
        names = ", ".join(found.suppressed_by)
        several = "s" if len(found.suppressed_by) > 1 else ""
        text.append(f" Its exception{several} {names} held it back.", "bold")
    elif not found.asked:
        text.append(" Its condition leaves out events of this type, so it is never asked.", "dim")
    else:
        count = len(found.failing)
        words = "One part stands" if count == 1 else f"{count} parts stand"
        text.append(f" {words} in the way.", "dim")
    return text


def label(part: Explained, dark: bool, negated: Explained | None = None) -> Text:
    """One line. ``negated``: the "not" that the part stands under, which the line speaks for."""
    shown = part if negated is None else negated
    colour = word_colour("macro" if shown.holds else _COLOUR[shown.verdict], dark)
    line = Text(no_wrap=True, overflow="ellipsis", end="")
    line.append(f"{_MARK[shown.verdict]} ", f"bold {colour}" if part.decides else f"dim {colour}")
    words = ("not " if negated is not None else "") + short(
        part.text or part.kind.value, _LONGEST_CHECK
    )
    if part.kind is Kind.EXCEPTION:
        words = f"exception {words}"
    line.append(words, ("bold" if part.kind is not Kind.CHECK else "") if part.decides else "dim")
    if part.kind is Kind.CHECK:
        _values(line, part, f"bold {colour}" if part.decides else "dim", dark)
    place = part.place if part.kind is Kind.CHECK else part.defined
    if place is not None:
        line.append(f"  {at(place)}", "dim")
    return line


def _values(line: Text, part: Explained, style: str, dark: bool) -> None:
    if part.saw is not None:
        line.append("  saw ", "dim")
        line.append(_value(part.saw), style)
    if part.right is not None:
        line.append(f", {part.right.name} is ", "dim")
        line.append(_value(part.right), style)
    for given in part.inputs:
        line.append(f" of {given.name} ", "dim")
        line.append(_value(given), "dim")
    holder = next((use for use in part.lists if use.holds_it), None)
    if holder is not None:
        line.append(f"  in {holder.name}", word_colour("macro", dark))
        line.append(f" {at(holder.place)}", "dim")
    elif part.matched is not None and part.saw is not None and part.matched != part.saw.text:
        line.append(f"  by {short(part.matched)}", "dim")


def _value(saw: Saw) -> str:
    if saw.text is None:
        return "no value"
    if len(saw.items) > 1:
        return short(", ".join(saw.items))
    return short(saw.text) or "the empty text"


def at(place: Place) -> str:
    """File and line, without the folder."""
    return f"{place.file.rpartition('/')[2]}:{place.line}"


def short(text: str, length: int = _LONGEST) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= length else text[: length - 1] + "…"
