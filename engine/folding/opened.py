"""A capture of system calls whose folded events were kept: rules are asked of it without a walk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.errors import FalcowbError, Place
from capture.events.table import event_table
from engine.columns import BytesColumn, Codes, Column, ListColumn, Mask, NumberColumn, Rows, Segment
from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef
from engine.folding.asked import AskedRule, asked_rule
from engine.folding.keep import FORMAT, NUM, ROW, THREAD, TYPE, name_of
from engine.gather import as_binary, from_arrow, take
from engine.language import ast
from engine.plan import Plan
from engine.segments import ColumnKey, TableSegment, column_key

Numbers = npt.NDArray[np.uint64]


class NotKept(FalcowbError):
    """A rule asks for fields or event types that were not kept of a capture."""


@dataclass(frozen=True, slots=True)
class KeptClass:
    """Event types that were kept together, and their fields."""

    codes: frozenset[int]
    fields: tuple[ColumnKey, ...]
    threads: tuple[ColumnKey, ...]
    apart: tuple[ColumnKey, ...]

    @property
    def kept(self) -> frozenset[ColumnKey]:
        return frozenset((*self.fields, *self.threads, *self.apart))


def _keys(named: Iterable[Sequence[Any]]) -> tuple[ColumnKey, ...]:
    return tuple((name, arg) for name, arg in named)


class FoldedRows:
    """Distinct rows as a segment, their columns made when they are first asked for."""

    #: See ``engine.evaluate``.
    one_by_one = True

    def __init__(
        self, rows: pa.RecordBatch, threads: pa.RecordBatch, values: pa.RecordBatch
    ) -> None:
        self._rows = rows
        self._threads = threads
        self._values = values
        self._columns: dict[ColumnKey, Column] = {}
        self.types = _codes(rows, TYPE)

    def __len__(self) -> int:
        return len(self.types)

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        return [self.column(column_key(ref)) for ref in refs]

    def column(self, key: ColumnKey) -> Column:
        column = self._columns.get(key)
        if column is None:
            name = name_of(key)
            if name in self._rows.schema.names:
                codes = _codes(self._rows, name)
            else:
                codes = _codes(self._threads, name)[_codes(self._rows, THREAD)]
            column = self._columns[key] = _column(codes, name, self._values)
        return column

    def take(self, rows: Rows) -> Segment:
        return TableSegment(
            len(rows), {key: take(column, rows) for key, column in self._columns.items()}
        )


class KeptPart:
    """A class in one generation."""

    def __init__(self, class_: KeptClass, rows: FoldedRows, events: pa.Table) -> None:
        self.class_ = class_
        self.rows = rows
        self._events = events

    def batches(self) -> Iterator[tuple[Codes, Numbers, pa.RecordBatch]]:
        """The events in order: the row and the number of each, and what they have apart."""
        for batch in self._events.to_batches():
            yield _codes(batch, ROW), batch.column(NUM).to_numpy(), batch

    def numbers(self, held: Mask) -> Iterator[Numbers]:
        """The events whose rows are in ``held``."""
        for batch in self._events.to_batches():
            which = np.flatnonzero(held[_codes(batch, ROW)])
            if len(which):
                yield batch.column(NUM).to_numpy()[which]

    def maybe(self, held: Mask, rule: AskedRule, evaluator: Evaluator) -> Iterator[Numbers]:
        """The events among those for which the rule holds, with what they have apart."""
        for batch in self._events.to_batches():
            ids = _codes(batch, ROW)
            which = np.flatnonzero(held[ids])
            if not len(which):
                continue
            columns = {
                column_key(ref): take(
                    self.rows.column(column_key(ref)), ids[which].astype(np.int64)
                )
                for ref in rule.folded
            }
            for ref in rule.apart:
                array = batch.column(name_of(column_key(ref)))
                columns[column_key(ref)] = take(from_arrow(array), which)
            segment = TableSegment(len(which), columns)
            which = which[evaluator.matching(segment, rule.condition)]
            yield batch.column(NUM).to_numpy()[which]


class OpenedCapture:
    """A folder that a ``Keeper`` completed, mapped into memory.

    Rules are compiled against ``catalogue``. What they were found to be is remembered: to judge an
    edited rule only what is new in it is asked. Raises FalcowbError where there is no such folder,
    or it is damaged.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, source: str) -> None:
        try:
            self._open(folder)
        except (OSError, ValueError, KeyError, TypeError, IndexError, pa.ArrowException) as error:
            raise FalcowbError(
                "what was kept of the capture cannot be read", place=Place(str(folder))
            ) from error
        self._plan = Plan(catalogue, source)
        self._evaluator = Evaluator(self._plan, remember=True)

    def _open(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        if manifest["format"] != FORMAT:
            raise ValueError("another format")
        self.facts: Mapping[str, Any] = manifest["facts"]
        by_key = event_table().by_key
        self._seen = frozenset(by_key[key].code for key in manifest["seen"])
        self.counts: dict[int, int] = {by_key[k].code: n for k, n in manifest["seen"].items()}
        threads = _keys(manifest["threads"])
        classes = [
            KeptClass(
                frozenset(by_key[key].code for key in one["types"]),
                _keys(one["fields"]),
                threads,
                _keys(one["apart"]),
            )
            for one in manifest["classes"]
        ]
        self._classes = classes
        self._parts = [
            part
            for number in range(manifest["generations"])
            for part in _parts(folder / f"{number:04}", classes)
        ]

    @property
    def parts(self) -> Sequence[KeptPart]:
        """What was kept, by class and generation."""
        return self._parts

    @property
    def events(self) -> int:
        """How many events were judged when the capture was opened first."""
        return sum(self.counts.values())

    def judge(self, rules: Iterable[tuple[str, ast.Expr]]) -> dict[str, Numbers]:
        """The numbers of the events that match each rule, ascending; rules by their keys.

        Raises ConditionError for a rule that does not compile, NotKept where the events themselves
        are needed.
        """
        asked = [self._asked(key, expr) for key, expr in rules]
        found: dict[str, list[Numbers]] = {rule.key: [] for rule in asked}
        for part in self._parts:
            mine = [rule for rule in asked if rule.codes & part.class_.codes]
            for rule, numbers in self._in_part(part, mine):
                found[rule.key].append(numbers)
        return {key: _ascending(numbers) for key, numbers in found.items()}

    def rejudge(self, key: str, expr: ast.Expr) -> Numbers:
        """The same for one rule, edited or new."""
        return self.judge([(key, expr)])[key]

    def missing(self, rule: AskedRule) -> list[str]:
        """What was not kept that the rule needs: fields, event types."""
        need = {column_key(ref) for ref in (*rule.folded, *rule.apart)}
        lacking: dict[str, None] = {}
        left = set(rule.codes & self._seen)
        for one in self._classes:
            if rule.codes & one.codes & self._seen:
                left -= one.codes
                lacking.update(
                    dict.fromkeys(name_of(key) for key in sorted(need - one.kept, key=str))
                )
        return [*lacking, *sorted({event_table()[code].name for code in left})]

    def _asked(self, key: str, expr: ast.Expr) -> AskedRule:
        rule = asked_rule(self._plan, key, expr)
        lacking = self.missing(rule)
        if lacking:
            raise NotKept(
                f"rule '{key}' asks for what was not kept of the capture: {', '.join(lacking)}",
                hint="Open the capture again with this rule.",
            )
        return rule

    def _in_part(
        self, part: KeptPart, rules: Sequence[AskedRule]
    ) -> Iterator[tuple[AskedRule, Numbers]]:
        rows = part.rows
        sides = [rule.upper for rule in rules]
        sides += [rule.lower for rule in rules if rule.is_loose]
        found = self._evaluator.ask(rows, sides)
        lower = iter(found[len(rules) :])
        for rule, upper in zip(rules, found, strict=False):
            sure = next(lower) if rule.is_loose else upper
            allowed = np.isin(rows.types, sorted(rule.codes))
            if len(sure):
                for numbers in part.numbers(_mask(len(rows), sure) & allowed):
                    yield rule, numbers
            if len(upper) > len(sure):
                maybe = _mask(len(rows), upper) & ~_mask(len(rows), sure) & allowed
                for numbers in part.maybe(maybe, rule, self._evaluator):
                    yield rule, numbers


def _parts(folder: Path, classes: Sequence[KeptClass]) -> Iterator[KeptPart]:
    values = _one_batch(folder / "values.arrow")
    threads = _one_batch(folder / "threads.arrow")
    for key in classes[0].threads if classes else ():
        _check(threads, name_of(key), values)
    for number, class_ in enumerate(classes):
        path = folder / f"rows-{number:02}.arrow"
        if path.exists():
            codes = _one_batch(path)
            _within(_codes(codes, TYPE), 0, len(event_table()))
            _within(_codes(codes, THREAD), 0, len(threads) if class_.threads else 1)
            for key in class_.fields:
                _check(codes, name_of(key), values)
            rows = FoldedRows(codes, threads, values)
            with pa.ipc.open_stream(
                pa.memory_map(str(folder / f"events-{number:02}.arrow"))
            ) as stream:
                events = stream.read_all()
            events.validate(full=True)
            for batch in events.to_batches():
                _within(_codes(batch, ROW), 0, len(rows))
            yield KeptPart(class_, rows, events)


def _one_batch(path: Path) -> pa.RecordBatch:
    with pa.ipc.open_file(pa.memory_map(str(path))) as file:
        batch: pa.RecordBatch = file.get_batch(0)
    batch.validate(full=True)
    return batch


def _within(codes: Codes, low: int, end: int) -> None:
    if len(codes) and (codes.dtype != np.int32 or codes.min() < low or codes.max() >= end):
        raise ValueError("a code is beyond its table")


def _codes(batch: pa.RecordBatch, name: str) -> Codes:
    codes: Codes = batch.column(name).to_numpy()
    return codes


def _check(batch: pa.RecordBatch, name: str, values: pa.RecordBatch) -> None:
    """Raises KeyError or ValueError where a column is not there or not as it should be."""
    table = values.column(name)[0].values
    _within(_codes(batch, name), -1, len(table))
    if pa.types.is_list(table.type):
        items = values.column(f"{name} items")[0].values
        _within(table.values.to_numpy(), -1, len(items))


def _column(codes: Codes, name: str, values: pa.RecordBatch) -> Column:
    table = values.column(name)[0].values
    if pa.types.is_binary(table.type):
        return BytesColumn(codes, as_binary(table))
    valid = codes >= 0
    known = None if valid.all() else valid
    if pa.types.is_list(table.type):
        lists = from_arrow(table)
        assert isinstance(lists, ListColumn) and isinstance(lists.items, NumberColumn)
        items = _column(lists.items.values.astype(np.int32), f"{name} items", values)
        assert not isinstance(items, ListColumn)
        # What has no value takes the empty list at the end.
        offsets = np.append(lists.offsets, lists.offsets[-1])
        taken = take(ListColumn(offsets, items, None), codes.astype(np.int64))
        assert isinstance(taken, ListColumn)
        return ListColumn(taken.offsets, taken.items, known)
    plain = np.append(table.to_numpy(zero_copy_only=False), table.type.to_pandas_dtype()(0))
    return NumberColumn(plain[codes], known)


def _mask(length: int, rows: Rows) -> Mask:
    mask = np.zeros(length, np.bool_)
    mask[rows] = True
    return mask


def _ascending(numbers: list[Numbers]) -> Numbers:
    if len(numbers) == 1:
        return numbers[0]
    return np.sort(np.concatenate([*numbers, np.zeros(0, np.uint64)]))
