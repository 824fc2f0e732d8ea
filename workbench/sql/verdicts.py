"""``matches('condition')``: the numbers of the events of one source that satisfy a condition."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from capture.manifest import SYSCALL
from capture.reader import Capture
from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.folding.judge import FoldingJudge
from engine.folding.opened import NotKept
from engine.language import ast
from engine.language.format import format_condition
from engine.plan import Plan
from engine.segments import EventSource
from engine.syscalls.segment import SyscallSegment
from workbench.core import kept
from workbench.sql.walks import pieces

Numbers = npt.NDArray[np.int64]
_KEY = "matches"


def check(expr: ast.Expr, catalogue: Catalogue, source: str) -> None:
    """Raises ConditionError where the condition does not compile for a source."""
    Plan(catalogue, source, [(_KEY, expr)])


def verdict(
    capture: Capture,
    source: EventSource,
    catalogue: Catalogue,
    expr: ast.Expr,
    folder: Path,
    stopped: Callable[[], bool] = lambda: False,
) -> Numbers:
    """The numbers of the matching events, ascending; kept in ``folder`` for the next time.

    Raises KeyboardInterrupt once ``stopped`` says so.
    """
    said = f"{source.name}\n{format_condition(expr)}".encode("utf-8", "surrogateescape")
    path = folder / f"verdict-{hashlib.sha256(said).hexdigest()[:32]}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        known: Numbers = np.load(path, allow_pickle=False)
        if known.dtype == np.int64 and known.ndim == 1:
            return known
    found = _judged(capture, source, catalogue, expr, stopped)
    with contextlib.suppress(OSError):
        draft = path.with_name(f"new-{path.name}")
        np.save(draft, found)
        draft.rename(path)
    return found


def _judged(
    capture: Capture,
    source: EventSource,
    catalogue: Catalogue,
    expr: ast.Expr,
    stopped: Callable[[], bool],
) -> Numbers:
    if source.name != SYSCALL:
        evaluator = Evaluator(Plan(catalogue, source.name, [(_KEY, expr)]))
        parts = []
        for piece in pieces(capture, source.name):
            if stopped():
                raise KeyboardInterrupt
            rows = evaluator.judge(piece.segment(source)).rows[0]
            parts.append(piece.numbers[rows])
        return _joined(parts)
    opened = kept.find(capture.path, catalogue)
    if opened is not None:
        with contextlib.suppress(NotKept):
            return opened.rejudge(_KEY, expr).astype(np.int64)
    # What was kept for rules is worth more than what would be kept for this condition.
    keeping = kept.Keeping.of(capture.path) if opened is None else None
    judge = FoldingJudge(
        catalogue, source.name, [(_KEY, expr)], None if keeping is None else keeping.keeper
    )
    return _folded(capture, judge, keeping, stopped)


def _folded(
    capture: Capture,
    judge: FoldingJudge,
    keeping: kept.Keeping | None,
    stopped: Callable[[], bool],
) -> Numbers:
    parts: list[Numbers] = []
    events, first, last = 0, None, None
    try:
        for piece in pieces(capture, SYSCALL):
            if stopped():
                raise KeyboardInterrupt
            segment = piece.segment(EventSource(SYSCALL, ()))
            assert isinstance(segment, SyscallSegment)
            parts.append(piece.numbers[judge.judge(segment).rows[0]])
            events += len(piece)
            times = piece.times
            first = int(times.min()) if first is None else min(first, int(times.min()))
            last = int(times.max()) if last is None else max(last, int(times.max()))
        judge.end()
    except BaseException:
        if keeping is not None:
            keeping.abandon()
        raise
    if keeping is not None and events and capture.sources == (SYSCALL,):
        notes = list(capture.missing)
        keeping.done({"events": events, "first_time": first, "last_time": last, "notes": notes})
    elif keeping is not None:
        keeping.abandon()
    return _joined(parts)


def _joined(parts: list[Numbers]) -> Numbers:
    return np.concatenate([*parts, np.zeros(0, np.int64)])
