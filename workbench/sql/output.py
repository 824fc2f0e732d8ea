"""Results as CSV, JSON lines and Parquet, to a stream or a new file."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from capture.errors import FalcowbError, Place
from workbench.sql.result import Result

#: What a file's name must end in, and the form it then gets.
ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
_SLICE = 10_000


def write(result: Result, form: str, out: BinaryIO) -> int:
    """Write all rows of a result as ``csv``, ``json`` (an object a line) or ``parquet``; how many
    that was. Raises what the query raises."""
    return _WRITERS[form](result, out)


def save(result: Result, path: Path) -> int:
    """Write a result to a new file, in the form that its name says.

    Raises FalcowbError where the name says none, the file is there, or it cannot be written;
    nothing is left of it then.
    """
    return save_as(result, path, form_of(path))


def save_as(result: Result, path: Path, form: str) -> int:
    """The same in a form of one's choice."""
    place = Place(str(path))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise FalcowbError("the file exists", place=place, hint="Choose another name.") from None
    except OSError as error:
        raise FalcowbError(os.strerror(error.errno or 0), place=place) from None
    try:
        with os.fdopen(fd, "wb") as file:
            return write(result, form, file)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise FalcowbError(os.strerror(error.errno or 0), place=place) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def form_of(path: Path) -> str:
    """The form that a file's name asks for. Raises FalcowbError."""
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise FalcowbError(
            f"the name {path.name} does not say what to write",
            hint=f"It ends in one of: {', '.join(ENDINGS)}.",
        )
    return form


def cells(array: pa.Array) -> list[Any]:
    """The values of a column as JSON has them: moments and spans as text, decimals without a
    fraction as numbers, bytes with what is not ASCII written ``\\xNN``."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    type_ = array.type
    if pa.types.is_dictionary(type_):
        return cells(array.cast(type_.value_type))
    if pa.types.is_interval(type_):
        return [None if value is None else _span(value) for value in array.to_pylist()]
    if pa.types.is_duration(type_):
        nanoseconds = array.cast(pa.duration("ns")).cast(pa.int64()).to_pylist()
        return [None if value is None else _span((0, 0, value)) for value in nanoseconds]
    if pa.types.is_temporal(type_):
        return _list(array.cast(pa.string()))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return [None if value is None else _bytes(value) for value in array.to_pylist()]
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_map(type_):
        return _list_cells(array)
    if pa.types.is_struct(type_):
        columns = [cells(array.field(place)) for place in range(type_.num_fields)]
        names = [field.name for field in type_]
        rows: list[Any] = [
            dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)
        ]
        valid = array.is_valid().to_pylist()
        return [row if there else None for row, there in zip(rows, valid, strict=True)]
    if pa.types.is_decimal(type_):
        whole = type_.scale == 0
        convert: Callable[[Any], Any] = int if whole else str
        return [None if value is None else convert(value) for value in array.to_pylist()]
    try:
        return _list(array)
    except (ValueError, pa.ArrowException):
        return _list(array.cast(pa.string()))


def _list(array: pa.Array) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return values


def _span(value: Sequence[int]) -> str:
    """Months, days and nanoseconds: ``1 month 2 days 3:04:05.006``."""
    months, days, nanoseconds = value
    parts = [f"{months} months"] if months else []
    parts += [f"{days} days"] if days else []
    if nanoseconds or not parts:
        seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
        sign = "-" if nanoseconds < 0 else ""
        text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        parts.append(f"{text}.{rest:09}".rstrip("0") if rest else text)
    return " ".join(parts)


def _list_cells(array: pa.Array) -> list[Any]:
    if pa.types.is_map(array.type):
        return [None if value is None else dict(value) for value in array.to_pylist()]
    offsets = array.offsets.to_pylist()
    inner = cells(array.values)
    valid = array.is_valid().to_pylist()
    return [
        inner[start:end] if there else None
        for start, end, there in zip(offsets[:-1], offsets[1:], valid, strict=True)
    ]


def _bytes(value: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in value
    )


def rows_of(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """The rows of a batch, values as :func:`cells` has them."""
    return list(zip(*(cells(column) for column in batch.columns), strict=True))


def _parts(result: Result) -> Any:
    for batch in result.batches:
        for start in range(0, batch.num_rows, _SLICE):
            yield batch.slice(start, _SLICE)


def as_text(value: Any) -> str:
    """A value as text: lists and structs as JSON; none is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _csv(result: Result, out: BinaryIO) -> int:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(result.columns)
    count = 0
    for batch in _parts(result):
        writer.writerows([as_text(value) for value in row] for row in rows_of(batch))
        count += batch.num_rows
        out.write(text.getvalue().encode("utf-8", "replace"))
        text.seek(0)
        text.truncate()
    out.write(text.getvalue().encode("utf-8", "replace"))
    out.flush()
    return count


def _json(result: Result, out: BinaryIO) -> int:
    names = unique(result.columns)
    count = 0
    for batch in _parts(result):
        lines = [
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str) + "\n"
            for row in rows_of(batch)
        ]
        out.write("".join(lines).encode("utf-8", "replace"))
        count += batch.num_rows
    out.flush()
    return count


def _parquet(result: Result, out: BinaryIO) -> int:
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            field.with_name(name).with_type(_plain(field.type))
            for field, name in zip(result.schema, unique(result.columns), strict=True)
        ]
    )
    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in result.batches:
            arrays = [
                column.storage if isinstance(column, pa.ExtensionArray) else column
                for column in batch.columns
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += batch.num_rows
    return count


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_


def unique(names: Sequence[str]) -> list[str]:
    """The names, later ones of the same name with a number behind."""
    found: list[str] = []
    taken = set(names)
    for name in names:
        made, number = name, 1
        while made in found:
            number += 1
            made = f"{name}_{number}"
            if made in taken:
                continue
        found.append(made)
    return found


_WRITERS: dict[str, Callable[[Result, BinaryIO], int]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
