"""Makes a large audit log by repeating real events with new ids and times.

The real events are the audit logs of the conformance data where that folder is present
(``FALCOWB_SHARED`` or ``shared/`` beside the checkout), else our own sample.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FALCOWB_SHARED") or ROOT.parent / "shared")

_START = 1_767_225_600  # 2026-01-01, in seconds


def real_events() -> tuple[list[dict[str, Any]], str]:
    """The events to repeat, and where they are from, in words."""
    events: list[dict[str, Any]] = []
    answers = SHARED / "conformance" / "k8saudit_fields.jsonl"
    if answers.is_file():
        with answers.open(encoding="utf-8") as lines:
            for line in lines:
                events += [json.loads(event["jevt.obj"]) for event in json.loads(line)["events"]]
        return events, "public audit logs of Falco's own tests"
    sample = ROOT / "samples" / "k8s_intrusion.jsonl"
    with sample.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines], "our own sample"


def _templates(events: list[dict[str, Any]]) -> list[tuple[bytes, ...]]:
    """Each event as the pieces of text between its id and its two times."""
    found = []
    for event in events:
        text = json.dumps(
            {
                **event,
                "auditID": "@ID@",
                "requestReceivedTimestamp": "@T0@",
                "stageTimestamp": "@T1@",
            },
            separators=(",", ":"),
        )
        found.append(text)
    return [tuple(part.encode() for part in _split(text)) for text in found]


def _split(text: str) -> list[str]:
    marks = sorted((text.index(mark), mark) for mark in ("@ID@", "@T0@", "@T1@"))
    parts, start = [], 0
    for index, mark in marks:
        parts += [text[start:index], mark]
        start = index + len(mark)
    return [*parts, text[start:]]


def lines(count: int) -> Iterator[bytes]:
    """``count`` audit events, one a line, in order of time, 137 microseconds apart."""
    templates = _templates(real_events()[0])
    for number in range(count):
        microseconds = number * 137
        second, micro = divmod(microseconds, 1_000_000)
        moment = _START + second
        minute_of_day, sec = divmod(moment % 86_400, 60)
        day = 1 + (moment - _START) // 86_400
        stamp = f"2026-01-{day:02d}T{minute_of_day // 60:02d}:{minute_of_day % 60:02d}:{sec:02d}"
        values = {
            b"@ID@": b"%08x-4b1d-4c7e-9f00-%012x" % (number * 2654435761 % 2**32, number),
            b"@T0@": f"{stamp}.{micro:06d}Z".encode(),
            b"@T1@": f"{stamp}.{micro:06d}Z".encode(),
        }
        yield b"".join(values.get(part, part) for part in templates[number % len(templates)])


def make(path: Path, count: int) -> int:
    """Writes the log and returns its size in bytes; a log of that count is kept as it is."""
    mark = path.with_suffix(".count")
    if path.is_file() and mark.is_file() and mark.read_text() == str(count):
        return path.stat().st_size
    with path.open("wb", buffering=1 << 20) as out:
        out.writelines(line + b"\n" for line in lines(count))
    mark.write_text(str(count))
    return path.stat().st_size
