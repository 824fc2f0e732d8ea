"""Lists put into conditions.

Falco replaces a list's name wherever it stands between delimiters in the condition's text, before
parsing, so ``proc.name = some_list`` compares with the one item of a list as well as
``proc.name in (some_list)`` does with all. The order is that of definition, once for each list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.ruleset.text import BLANKS, Builder, Run, Text

_DELIMITERS = BLANKS + "(),="

#: A condition may not grow beyond this many characters when its lists are put in.
MAX_CONDITION = 4 << 20
#: Nor be made of more pieces than this; every item of a list is two, itself and its comma.
MAX_PIECES = 1 << 20
#: Lists may not grow beyond this many items when lists among their items are put in.
MAX_ITEMS = 1 << 20


class TooLarge(ValueError):
    """Lists multiply beyond what any real rule needs."""


@dataclass(slots=True)
class ExpandedList:
    """A list as conditions use it. ``replacement`` is made once, when first needed."""

    name: str
    items: tuple[Text, ...]
    used: bool = False
    _replacement: Text | None = field(default=None, repr=False)

    @property
    def replacement(self) -> Text:
        if self._replacement is None:
            self._replacement = comma_separated(self.items)
        return self._replacement


def quoted(item: Text) -> list[Text | str]:
    """``item`` in double quotes if it holds a space and does not begin with a quote."""
    if " " in item.value and item.value[0] not in "\"'":
        return ['"', item, '"']
    return [item]


def comma_separated(items: Iterable[Text]) -> Text:
    """The items as a condition writes them. Raises :class:`TooLarge`."""
    parts: list[Text | str] = []
    length = 0
    for item in items:
        if length:
            parts.append(", ")
            length += 2
        new = quoted(item)
        parts.extend(new)
        length += sum(map(len, new))
        if length > MAX_CONDITION:
            raise TooLarge(f"a list with more than {MAX_CONDITION} characters of items")
    return Text.join(parts)


def substitute(condition: Text, lists: Sequence[ExpandedList]) -> Text:
    """``condition`` with every list it names put in; marks those lists as used.

    Takes time linear in the text for each list named. Raises :class:`TooLarge`.
    """
    for each in lists:
        if each.name in condition.value:
            condition = _substitute_one(condition, each)
    return condition


def _substitute_one(condition: Text, each: ExpandedList) -> Text:
    text, name = condition.value, each.name
    out = Builder()
    copied = 0  # text[:copied] is in out already, or left out
    after_replacement = False
    found = text.find(name)
    while found >= 0:
        end = found + len(name)
        if found > copied:
            before_ok = text[found - 1] in _DELIMITERS
        else:
            before_ok = found == 0 or after_replacement
        if not before_ok or (end < len(text) and text[end] not in _DELIMITERS):
            found = text.find(name, found + 1)
            continue
        out.add(condition.cut(copied, found))
        out.strip_blanks()
        while end < len(text) and text[end] in BLANKS:
            end += 1
        replacement = each.replacement
        if not replacement.value:
            if out.last() == ",":
                out.drop_last()
            elif end < len(text) and text[end] == ",":
                end += 1
        at_start = out.length == 0
        if not at_start:
            out.add((Run(" "),))
        out.add(replacement.runs)
        out.add((Run(" "),))
        if out.length > MAX_CONDITION or out.run_count > MAX_PIECES:
            raise TooLarge(
                f"the condition grows beyond {MAX_CONDITION} characters or {MAX_PIECES // 2} "
                f"items when list '{name}' is put in"
            )
        each.used = True
        copied = end
        after_replacement = True
        # Upstream's search goes on one further where the name stood at the very start.
        found = text.find(name, end + at_start)
    if not copied:
        return condition
    out.add(condition.cut(copied, len(text)))
    return out.done()
