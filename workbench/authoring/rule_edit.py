"""Changes of rules files, made in their text: what is not changed stays as it is, to the letter.

Comments, order, blank lines and the way values are written survive, because nothing but the new
lines is written. What comes of it is read again and compared before it is handed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from capture.errors import FalcowbError, Place
from engine.yaml import Node, load_documents
from workbench.authoring.case_files import plain
from workbench.authoring.draft import scalar
from workbench.authoring.exception import ExceptionDraft


def with_exception(text: str, file: str, draft: ExceptionDraft) -> str:
    """The rules file with the exception in it: among those of the rule where the file defines it,
    else in an item of its own at the end, which appends to the rule.

    Raises FalcowbError where the file is not YAML, or the place for it cannot be found.
    """
    if (unix := unix_lines(text)) is not None:
        return with_exception(unix, file, draft).replace("\n", "\r\n")
    before = load_documents(text, file)
    rule = _rule(before, draft.rule)
    changed = _at_the_end(text, draft) if rule is None else _in_rule(text, rule, draft)
    after = load_documents(changed, file)
    if not _as_meant(before, after, draft, rule):
        raise FalcowbError(
            f"no place is found for the exception of rule '{draft.rule}'",
            place=Place(file) if rule is None else rule.place,
            hint="Write it by hand:\n" + exception_item(draft, "  "),
        )
    return changed


def unix_lines(text: str) -> str | None:
    """The text with plain ends of lines, where all of them are those of Windows; else None."""
    if "\r\n" not in text or text.count("\n") != text.count("\r\n"):
        return None
    return text.replace("\r\n", "\n")


def exception_item(draft: ExceptionDraft, indent: str) -> str:
    """The exception as lines of a rule's ``exceptions``. Of one that the rule has already, only
    what is added may be named."""
    lines = [f"- name: {scalar_in_flow(draft.name)}"]
    if not draft.existing and len(draft.fields) == 1:
        lines += [f"  fields: {draft.fields[0]}", "  comps: in"]
    elif not draft.existing:
        comps = ", ".join(["="] * len(draft.fields))
        lines += [f"  fields: [{', '.join(draft.fields)}]", f"  comps: [{comps}]"]
    lines += ["  values:", f"    - {_row(draft)}"]
    return "".join(f"{indent}{line}\n" for line in lines)


def _row(draft: ExceptionDraft) -> str:
    row = ", ".join(map(scalar_in_flow, draft.row))
    return f"[{row}]" if draft.many else row


def scalar_in_flow(text: str) -> str:
    """A text as YAML, bare where it is a plain word or path."""
    if (text and text[0] in "/._") or text[:1].isalpha():
        rest = text.replace("/", "").replace("_", "").replace("-", "").replace(".", "")
        if rest.isascii() and rest.isalnum() and scalar(rest) == rest:
            return text
    return scalar(text)


def _rule(documents: Sequence[Node], name: str) -> Node | None:
    """The last item that defines or appends to the rule."""
    found = None
    for document in documents:
        for item in document.items if document.is_sequence else ():
            if not item.is_map:
                continue
            named = item.get("rule")
            # An item that only turns a rule on or off has no place for exceptions.
            has_place = "condition" in item or "exceptions" in item
            if has_place and named is not None and named.is_scalar and named.text == name:
                found = item
    return found


def _at_the_end(text: str, draft: ExceptionDraft) -> str:
    text = text if not text or text.endswith("\n") else text + "\n"
    gap = "\n" if text.strip() else ""
    return (
        f"{text}{gap}- rule: {scalar(draft.rule)}\n"
        "  exceptions:\n"
        f"{exception_item(draft, '    ')}"
        "  override:\n"
        "    exceptions: append\n"
    )


def _in_rule(text: str, rule: Node, draft: ExceptionDraft) -> str:
    exceptions = rule.get("exceptions")
    if exceptions is None or exceptions.is_null:
        if exceptions is not None:  # "exceptions:" with nothing after it
            return _inserted(text, exceptions.index, exception_item(draft, _indent(rule, 2)))
        indent = _indent(rule, 0)
        return _inserted(
            text, _last(rule), f"{indent}exceptions:\n" + exception_item(draft, indent + "  ")
        )
    same = next((each for each in exceptions.items if _named(each, draft.name)), None)
    if same is not None and draft.existing:
        return _with_values(text, same, draft)
    if _is_flow(text, exceptions):
        return _in_flow(text, exceptions, _flow_item(draft))
    first = exceptions.items[0]
    dash = text.rfind("-", 0, first.index)
    indent = " " * (dash - (text.rfind("\n", 0, dash) + 1))
    return _inserted(text, _last(exceptions), exception_item(draft, indent))


def _with_values(text: str, exception: Node, draft: ExceptionDraft) -> str:
    values = exception.get("values")
    row = _row(draft)
    if values is None or values.is_null:
        if values is not None:
            return _inserted(text, values.index, f"{_indent(exception, 2)}- {row}\n")
        indent = _indent(exception, 0)
        return _inserted(text, _last(exception), f"{indent}values:\n{indent}  - {row}\n")
    if _is_flow(text, values):
        return _in_flow(text, values, row)
    dash = text.rfind("-", 0, values.items[0].index)
    indent = " " * (dash - (text.rfind("\n", 0, dash) + 1))
    return _inserted(text, _last(values), f"{indent}- {row}\n")


def _flow_item(draft: ExceptionDraft) -> str:
    parts = [f"name: {scalar_in_flow(draft.name)}"]
    if not draft.existing and len(draft.fields) == 1:
        parts += [f"fields: {draft.fields[0]}", "comps: in"]
    elif not draft.existing:
        comps = ", ".join(['"="'] * len(draft.fields))
        parts += [f"fields: [{', '.join(draft.fields)}]", f"comps: [{comps}]"]
    return "{" + ", ".join([*parts, f"values: [{_row(draft)}]"]) + "}"


def _is_flow(text: str, sequence: Node) -> bool:
    return text[sequence.index : sequence.index + 1] == "["


def _in_flow(text: str, sequence: Node, item: str) -> str:
    """One more item before the closing bracket."""
    if not sequence.items:
        return f"{text[: sequence.index + 1]}{item}{text[sequence.end - 1 :]}"
    at = sequence.items[-1].end
    return f"{text[:at]}, {item}{text[at:]}"


def _named(exception: Node, name: str) -> bool:
    found = exception.get("name") if exception.is_map else None
    return found is not None and found.is_scalar and found.text == name


def _indent(mapping: Node, more: int) -> str:
    """What stands before the keys of a mapping, and some blanks."""
    key = mapping.pairs[0][0]
    return " " * (key.column - 1 + more)


def _last(node: Node) -> int:
    """Where the last thing that was written of a node ends."""
    end = node.index
    stack = [node]
    while stack:
        current = stack.pop()
        if current.is_map or current.is_sequence:
            text = current.source.text
            if text[current.index : current.index + 1] in ("[", "{"):
                end = max(end, current.end)
            below = [each for pair in current.pairs for each in pair] if current.is_map else []
            stack += below or list(current.items if current.is_sequence else ())
        elif not current.is_null:
            text = current.source.text[: current.end]
            end = max(end, len(text.rstrip()) if current.style in ("|", ">") else current.end)
        else:
            end = max(end, current.index)
    return end


def _inserted(text: str, after: int, lines: str) -> str:
    """Whole lines, after the line in which a place stands."""
    end = text.find("\n", after)
    if end < 0:
        return f"{text}\n{lines}"
    return text[: end + 1] + lines + text[end + 1 :]


def _as_meant(
    before: Sequence[Node], after: Sequence[Node], draft: ExceptionDraft, rule: Node | None
) -> bool:
    """Whether the exception is there, and all else as it was."""
    old: list[Any] = [plain(each) for each in before if not each.is_null]
    new: list[Any] = [plain(each) for each in after if not each.is_null]
    if rule is None:
        if not old:
            return len(new) == 1 and len(new[0]) == 1
        return bool(new[:-1] == old[:-1] and new[-1][:-1] == old[-1])
    place = None
    for document, node in enumerate(each for each in before if not each.is_null):
        for index, item in enumerate(node.items if node.is_sequence else ()):
            if item is rule:
                place = document, index
    if place is None:
        return False
    document, index = place
    theirs, ours = old[document][index], new[document][index]
    without = {key: value for key, value in ours.items() if key != "exceptions"}
    if without != {key: value for key, value in theirs.items() if key != "exceptions"}:
        return False
    known, now = theirs.get("exceptions") or [], ours.get("exceptions") or []
    new[document][index] = old[document][index] = None
    if old != new:
        return False
    row: Any = list(draft.row)
    for each in now:
        if each.get("name") != draft.name:
            continue
        values = each.get("values") or []
        added = values[-1] if values else None
        single = draft.row[0] if len(draft.row) == 1 else None
        if added not in (row, single):
            return False
        was = next((one for one in known if one.get("name") == draft.name), None)
        if was is None:
            return [one for one in now if one is not each] == known
        rest = {key: value for key, value in each.items() if key != "values"}
        same = rest == {key: value for key, value in was.items() if key != "values"}
        return same and values[:-1] == (was.get("values") or [])
    return False
