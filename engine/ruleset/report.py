"""The result of a load as Falco prints it: JSON for machines, text for logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.ruleset.loader import FileResult, LoadResult
from engine.ruleset.model import Message
from engine.ruleset.schema import OK, status


def as_json(result: LoadResult) -> dict[str, Any]:
    """``{"falco_load_results": […]}``, one entry a file, in Falco's shape.

    Ours besides, under ``notes`` and only where there are any: remarks that Falco does not make,
    and the errors it would make once the first is mended.
    """
    return {"falco_load_results": [file_as_json(file, result.contents) for file in result.files]}


def file_as_json(file: FileResult, contents: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": file.name,
        "successful": file.successful,
        "errors": [_message(message, contents) for message in file.errors],
        "warnings": [_message(message, contents) for message in file.warnings],
    }
    if file.schema:
        valid = status(file.schema) == OK
        out["schema_valid"] = valid
        out["schema_warnings"] = [] if valid else list(file.schema)
    ours = [*file.further, *file.notes]
    if ours:
        out["notes"] = [_message(message, contents) for message in ours]
    return out


def _message(message: Message, contents: Mapping[str, str]) -> dict[str, Any]:
    code = message.code
    out: dict[str, Any] = {
        "code": code.name,
        "codedesc": code.short if code.name.startswith("LOAD_ERR_") else code.explanation,
        "message": message.text,
        "context": message.context.as_json(contents),
    }
    if message.deprecated_field:
        out["deprecated_field"] = message.deprecated_field
    return out


def title(message: Message) -> str:
    """``LOAD_… (what it is called)``."""
    short = message.code.short
    if message.deprecated_field:
        short += f": field '{message.deprecated_field}'"
    return f"{message.code.name} ({short})"


def as_text(file: FileResult, contents: Mapping[str, str]) -> str:
    """One file's result as Falco's log has it, with the chain of items of each message."""
    verdict = "Ok" if file.successful else "Invalid"
    if file.successful and file.warnings:
        verdict += ", with warnings"
    lines = [f"{file.name}: {verdict}\n"]
    if file.schema and status(file.schema) != OK:
        lines.append(f"{len(file.schema)} Schema warnings:\n")
        lines += [f"------\n{each}\n" for each in file.schema]
        lines.append("------\n")
    for name, messages in (("Errors", file.errors), ("Warnings", file.warnings)):
        if messages:
            lines.append(f"{len(messages)} {name}:\n")
            lines += [_block(message, contents) for message in messages]
    return "".join(lines)


def _block(message: Message, contents: Mapping[str, str]) -> str:
    snippet = message.context.snippet(contents)
    return f"{message.context.as_text()}------\n{snippet}------\n{title(message)}: {message.text}\n"
