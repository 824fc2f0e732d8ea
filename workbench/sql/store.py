"""What queries made of a capture, kept for the next: one DuckDB file a table.

``$XDG_CACHE_HOME/falcowb/sql`` (``~/.cache/…``) holds a folder a capture; its name is made of the
capture and of the code that reads it. ``KIND-TOKEN.duckdb`` has one table, ``rows``, and
``KIND-TOKEN.json`` beside it tells its columns. A file is written under another name and never
changed: several processes may use and add to a folder at once. All of it may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from capture.errors import FalcowbError
from workbench.core.fingerprint import fingerprint

#: Raised when the same question would be answered with other tables.
FORMAT = 1
#: Most bytes of all captures together; what was used last stays.
MAX_BYTES = 20 << 30
#: Seconds after which what a killed process left is thrown out.
_LEFT_OVER = 24 * 3600.0
#: Seconds that who found a table may take to open it.
_LEFT_OPEN = 300.0
_UNFINISHED = "new-"
#: Of DuckDB while it writes, beside what makes the columns.
_MEMORY = "400MB"
_TABLE = "rows"


@dataclass(frozen=True, slots=True)
class Kept:
    """A table in a file: its columns (names to DuckDB's types) and how many rows it has."""

    kind: str
    path: Path
    columns: Mapping[str, str]
    rows: int


def sql_root() -> Path:
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "falcowb" / "sql"


class Store:
    """The folder of one capture. ``more`` are words that tell apart what plugins make of it.

    Raises FalcowbError where the cache cannot be written.
    """

    def __init__(self, capture: str | os.PathLike[str], more: Sequence[str] = ()) -> None:
        of_capture = fingerprint(capture)
        if of_capture is None:
            raise FalcowbError(f"{capture}: the capture cannot be read")
        said = [of_capture, str(FORMAT), duckdb.__version__, *more]
        name = hashlib.sha256("\n".join(said).encode()).hexdigest()[:40]
        self.folder = sql_root() / name
        with _writing():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(self.folder)

    def find(self, kind: str) -> Kept | None:
        """The table of this kind with the most columns; None where there is none."""
        found = [kept for path in self.folder.glob(f"{kind}-*.json") if (kept := _read(kind, path))]
        return max(found, key=lambda each: len(each.columns), default=None)

    def write(
        self,
        kind: str,
        schema: pa.Schema,
        batches: Iterator[pa.RecordBatch],
        before: Kept | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Kept:
        """Write a table. ``before`` has columns of the same rows in the same order, which are taken
        along. What ``batches`` raises is raised, KeyboardInterrupt once ``stopped`` says so; then
        nothing is kept. Raises FalcowbError where the disk refuses."""
        name = f"{kind}-{secrets.token_hex(6)}"
        path = self.folder / f"{_UNFINISHED}{name}.duckdb"
        feed = _Feed(batches, stopped)
        try:
            with _writing():
                columns, rows = _fill(path, schema, feed, before)
                final = self.folder / f"{name}.duckdb"
                path.rename(final)
                draft = path.with_suffix(".json")
                draft.write_text(json.dumps({"columns": columns, "rows": rows}), encoding="utf-8")
                draft.rename(self.folder / f"{name}.json")
        except duckdb.Error as error:
            if feed.failure is not None:
                raise feed.failure from None
            raise FalcowbError(
                f"what the query needs cannot be kept: {str(error).splitlines()[0]}",
                hint="It is written under XDG_CACHE_HOME (~/.cache/falcowb); is there room?",
            ) from None
        finally:
            for left in self.folder.glob(f"{_UNFINISHED}{name}.*"):
                left.unlink(missing_ok=True)
        made = Kept(kind, final, columns, rows)
        self._drop_covered(made)
        shrink(self.folder.parent, MAX_BYTES)
        return made

    def _drop_covered(self, made: Kept) -> None:
        """Other tables of the kind that have no column beyond those of this one, and that nobody
        can be about to open. A process that has one open keeps it."""
        for path in self.folder.glob(f"{made.kind}-*.json"):
            other = _read(made.kind, path)
            if other is None or other.path == made.path:
                continue
            old = time.time() - path.stat().st_mtime > _LEFT_OPEN
            if old and set(other.columns) <= set(made.columns):
                path.unlink(missing_ok=True)
                other.path.unlink(missing_ok=True)


class _Feed:
    """Batches as DuckDB takes them, with what went wrong while they were made."""

    def __init__(self, batches: Iterator[pa.RecordBatch], stopped: Callable[[], bool]) -> None:
        self.failure: BaseException | None = None
        self._batches = batches
        self._stopped = stopped

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                if self._stopped():
                    raise KeyboardInterrupt
                if batch.num_rows:
                    yield batch
        except BaseException as error:
            self.failure = error
            raise RuntimeError("what makes the columns has failed") from None


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FalcowbError(
            f"the cache of queries cannot be written: {error.strerror}",
            hint="It is kept under XDG_CACHE_HOME (~/.cache/falcowb); make room there.",
        ) from None


def _fill(
    path: Path, schema: pa.Schema, feed: _Feed, before: Kept | None
) -> tuple[dict[str, str], int]:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    with duckdb.connect(str(path), config=options) as made:
        reader = pa.RecordBatchReader.from_batches(schema, iter(feed))
        made.register("incoming", reader)
        source = "SELECT * FROM incoming"
        if before is not None:
            made.execute(
                f"ATTACH '{str(before.path).replace(chr(39), chr(39) * 2)}' AS kept (READ_ONLY)"
            )
            source = f"SELECT o.*, n.* FROM kept.{_TABLE} o POSITIONAL JOIN incoming n"
        made.execute(f"CREATE TABLE {_TABLE} AS {source}")
        if feed.failure is not None:
            raise feed.failure
        told = made.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_name = '{_TABLE}' AND table_catalog = current_database() "
            "ORDER BY ordinal_position"
        ).fetchall()
        counted = made.execute(f"SELECT count(*) FROM {_TABLE}").fetchall()
        made.unregister("incoming")
    return dict(told), int(counted[0][0])


def _read(kind: str, path: Path) -> Kept | None:
    table = path.with_suffix(".duckdb")
    # A log beside a table is none of ours, and DuckDB would play it back.
    if path.name.startswith(_UNFINISHED) or table.with_name(f"{table.name}.wal").exists():
        return None
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        if not table.is_file():
            return None
        return Kept(kind, table, dict(told["columns"]), int(told["rows"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shrink(root: Path, most: int) -> None:
    """Throw out what was used longest ago, and what killed processes left behind."""
    entries = []
    now = time.time()
    for folder in root.iterdir():
        with contextlib.suppress(OSError):
            size = 0
            for path in folder.iterdir():
                status = path.lstat()
                if path.name.startswith(_UNFINISHED) and now - status.st_mtime > _LEFT_OVER:
                    path.unlink(missing_ok=True)
                size += status.st_size
            entries.append((folder.stat().st_mtime, folder, size))
    total = sum(size for _, _, size in entries)
    for _, folder, size in sorted(entries)[:-1]:
        if total <= most:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= size
