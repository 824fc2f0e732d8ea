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
from workbench.authoring.rule_edit import unix_lines, with_exception
from workbench.core.session import Session


def replace_text(path: Path, text: str) -> None:
    """Write a file anew, keeping its mode. Raises FalcowbError where that cannot be done."""
    target = path.resolve() if path.is_symlink() else path
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=target.parent,
            prefix=f".{target.name}.",
            delete=False,
        ) as file:
            file.write(text)
        made = Path(file.name)
        made.chmod(mode)
        made.replace(target)
    except OSError as error:
        raise FalcowbError(
            f"the file cannot be written: {error.strerror}", place=Place(str(path))
        ) from error


def text_to_edit(path: Path) -> str:
    """A file's text, empty where there is none. Raises FalcowbError for what would not be written
    back as it is."""
    if not path.exists():
        return ""
    text = read_text(path)
    if path.read_bytes() != text.encode("utf-8", "replace"):
        raise FalcowbError(
            "the file is not plain UTF-8, so it is not changed",
            place=Place(str(path)),
            hint="Save it as UTF-8 without a byte order mark.",
        )
    return text


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
