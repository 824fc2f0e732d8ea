"""What drafts look like: lines for a list, and the text that would be written."""

from __future__ import annotations

from rich.text import Text

from workbench.backend.questions.drafts import ExceptionChoice, ExceptionDrafts, RuleDraft
from workbench.tui.theme import word_colour
from workbench.tui.words import visible


def yaml(text: str, dark: bool) -> Text:
    """Coloured YAML."""
    shown = Text(text)
    shown.highlight_regex(r"(?m)^[ -]*([\w.]+):", word_colour("field", dark))
    shown.highlight_regex(r'"(?:[^"\\\n]|\\.)*"', word_colour("string", dark))
    shown.highlight_regex(r"(?m)^#.*$", word_colour("comment", dark))
    return shown


def events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def rule_heading(draft: RuleDraft, dark: bool) -> Text:
    """What the draft matches beside what was marked."""
    text = Text()
    text.append(draft.name, "bold")
    text.append(f" from {events(draft.marked)}: ")
    if draft.matches is None:
        text.append("counting what it matches …", "dim")
        return text
    others = draft.matches - draft.marked
    text.append(f"it matches {events(draft.matches)} of {draft.events:,}")
    if others > 0:
        text.append(f", {others:,} that you did not mark", word_colour("string", dark))
    else:
        text.append(", none that you did not mark", word_colour("macro", dark))
    if draft.measured < draft.events:
        text.append(f" (checks were chosen on {draft.measured:,})", "dim")
    return text


def rule_lines(draft: RuleDraft, dark: bool) -> list[Text]:
    """The checks, with what is left after each; then what the events also have in common."""
    lines = []
    for check, left in draft.steps:
        line = Text(no_wrap=True)
        line.append(f"{left:>11,}  ", word_colour("number", dark))
        line.append(visible(check))
        lines.append(line)
    for check in draft.further:
        line = Text(f"{'also':>11}  ", "dim", no_wrap=True)
        line.append(visible(check), "dim")
        lines.append(line)
    return lines


def exception_heading(drafts: ExceptionDrafts, dark: bool) -> Text:
    text = Text()
    text.append(drafts.rule, "bold")
    alarms = "false alarm" if len(drafts.false_alarms) == 1 else "false alarms"
    text.append(f" gives {drafts.alerts:,} alerts, {len(drafts.false_alarms):,} {alarms}")
    if drafts.keep:
        text.append(f", {len(drafts.keep):,} to keep", word_colour("macro", dark))
    text.append(". An exception silences, the narrowest first:", "dim")
    return text


def exception_line(choice: ExceptionChoice, drafts: ExceptionDrafts, dark: bool) -> Text:
    line = Text(no_wrap=True)
    line.append(f"{choice.silenced:>7,} ", f"bold {word_colour('number', dark)}")
    line.append(f"of {drafts.alerts:,}", "dim")
    others = f"{choice.others:,} not marked" if choice.others else "none else"
    word = word_colour("string" if choice.others else "macro", dark)
    line.append(f"  {others:<15}  ", word)
    line.append(visible(choice.condition))
    if choice.existing:
        line.append(f"  into {choice.existing}", "dim italic")
    return line
