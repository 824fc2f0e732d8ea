"""Which items differ between two texts of a rule file."""

from __future__ import annotations

from workbench.editing.outline import Outline, outline

Key = tuple[str, str]


def changed_items(before: str, after: str) -> set[Key]:
    """Kind and name of the items that are written otherwise in ``after``, new ones included, and
    of those that are gone."""
    if before == after:
        return set()
    old, new = (_items(outline(text.splitlines())) for text in (before, after))
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _items(found: Outline) -> dict[Key, list[str]]:
    items: dict[Key, list[str]] = {}
    for item in found.items:
        items.setdefault((item.kind, item.name), []).append(found.text_of_item(item))
    return items
