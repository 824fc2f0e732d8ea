"""What a table's columns are called, their types and what they tell: for people and completion."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` is DuckDB's name of it; ``also`` is another name of the same column, or empty."""

    name: str
    type: str
    description: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table or view: ``group`` says what kind of thing it is, for lists of tables."""

    name: str
    description: str
    group: str
    columns: tuple[Column, ...] = ()


CAPTURE = Column("capture", "VARCHAR", "name of the capture")
NUM = Column("num", "BIGINT", "number of the event in the capture")
TIME = Column("time", "TIMESTAMP_NS", "time of the event (UTC)")
