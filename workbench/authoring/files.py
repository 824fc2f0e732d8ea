"""Rules and tests written to files, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.ruleset.loader import read_rule_files
from engine.ruleset.options import RuleFile
from engine.yaml import load_documents
from workbench.authoring.exception import ExceptionDraft
from workbench.authoring.rule_edit import unix_lines, with_exception
from workbench.core.session import Session
from workbench.core.texts import replace_text, text_to_edit

__all__ = ["append_item", "replace_text", "text_to_edit", "write_exception"]


def append_item(path: Path, item: str) -> None:
    """Add an item of a YAML list at the end of a file, which may not be there yet."""
    before = text_to_edit(path)
    gap = "" if not before.strip() else "\n" if before.endswith("\n") else "\n\n"
    after = f"{before}{gap}{item}"
    if unix_lines(before) is not None:
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    load_documents(after, str(path))
    replace_text(path, after)


def write_exception(
    path: Path, draft: ExceptionDraft, session: Session, rules: Sequence[str | Path]
) -> None:
    """Put an exception into a rules file. ``rules`` are those that are loaded, in order; the file
    counts as loaded after them where it is not among them.

    Raises FalcowbError, and writes nothing, where the rules would not load with it.
    """
    text = text_to_edit(path)
    changed = with_exception(text, str(path), draft)
    files = read_rule_files(rules)
    mine = [
        place for place, file in enumerate(files) if Path(file.name).resolve() == path.resolve()
    ]
    new = RuleFile(str(path), changed)
    if mine:
        files[mine[0]] = new
    else:
        files.append(new)
    session.read_rules(files).raise_for_errors()
    replace_text(path, changed)
