"""Rules and tests written to files, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from capture.errors import FalcowbError, Place
from engine.ruleset.loader import read_rule_files
from engine.ruleset.options import RuleFile
from engine.yaml import load_documents, read_text
from workbench.authoring.exception import ExceptionDraft
from workbench.authoring.rule_edit import with_exception
from workbench.core.session import Session


def replace_text(path: Path, text: str) -> None:
    """Write a file anew, keeping its mode. Raises FalcowbError where that cannot be done."""
    target = path.resolve() if path.is_symlink() else path
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            file.write(text)
        made = Path(file.name)
        made.chmod(mode)
        made.replace(target)
    except OSError as error:
        raise FalcowbError(
            f"the file cannot be written: {error.strerror}", place=Place(str(path))
        ) from error


def append_item(path: Path, item: str) -> None:
    """Add an item of a YAML list at the end of a file, which may not be there yet."""
    before = read_text(path) if path.exists() else ""
    gap = "" if not before.strip() else "\n" if before.endswith("\n") else "\n\n"
    after = f"{before}{gap}{item}"
    load_documents(after, str(path))
    replace_text(path, after)


def write_exception(
    path: Path, draft: ExceptionDraft, session: Session, rules: Sequence[str | Path]
) -> None:
    """Put an exception into a rules file. ``rules`` are those that are loaded, in order; the file
    counts as loaded after them where it is not among them.

    Raises FalcowbError, and writes nothing, where the rules would not load with it.
    """
    text = read_text(path) if path.exists() else ""
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
