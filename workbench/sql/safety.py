"""What a query may not do. DuckDB is set up so that it cannot; what it would refuse in its own
words, or would let pass though it is of no use here, is refused in ours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import duckdb

from workbench.sql.errors import SqlError, place_in
from workbench.sql.limits import Limits
from workbench.sql.tokens import Statement

#: Longest statement, in characters.
LONGEST = 1 << 20
_ALLOWED = frozenset(
    {"SELECT", "EXPLAIN", "CREATE", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "MULTI",
     "MERGE_INTO"}
)  # fmt: skip
_SAVE = "Write a result to a file with --csv, --json, --parquet, or .save FILE in the console."
_SETTINGS = "Limits are set when falcowb starts: --memory, --timeout."
#: What to say of kinds of statements that are refused, and the way out.
_REFUSED = {
    "COPY": ("a query may not read or write files", _SAVE),
    "COPY_DATABASE": ("a query may not read or write files", _SAVE),
    "EXPORT": ("a query may not write files", _SAVE),
    "ATTACH": (
        "a query may not open other databases",
        "Name several captures on the command line: falcowb sql A.fcap B.fcap.",
    ),
    "DETACH": ("the captures stay open while the session lasts", ""),
    "LOAD": ("extensions of DuckDB are neither installed nor loaded here", ""),
    "UPDATE_EXTENSIONS": ("extensions of DuckDB are neither installed nor loaded here", ""),
    "SET": ("settings are locked: a capture may be a stranger's", _SETTINGS),
    "VARIABLE_SET": ("settings are locked: a capture may be a stranger's", _SETTINGS),
    "PRAGMA": (
        "settings are locked: PRAGMA is of no use here",
        "DESCRIBE TABLE shows columns, .tables and .schema in the console as well.",
    ),
    "CALL": ("procedures are not called here", "Ask with SELECT … FROM."),
    "PREPARE": ("statements are not prepared here", "Ask directly."),
    "EXECUTE": ("statements are not prepared here", "Ask directly."),
    "TRANSACTION": ("there is nothing to be committed or rolled back: a capture is read", ""),
    "VACUUM": ("there is nothing to be vacuumed: a capture is read", ""),
}  # fmt: skip
#: What may be created besides views, tables and macros has no use here.
_CREATES = ("TABLE", "VIEW", "MACRO", "FUNCTION")
_BETWEEN = ("CREATE", "OR", "REPLACE", "TEMP", "TEMPORARY", "RECURSIVE", "MATERIALIZED")
#: Functions that ask tables whose names stand in a text.
_HIDING = ("query", "query_table")
_EXPLAINS = ("SELECT", "FROM", "WITH", "VALUES", "(", "DESCRIBE", "SUMMARIZE", "PIVOT", "UNPIVOT")


def connect(limits: Limits, folders: Sequence[Path], aside: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB that answers and does nothing else. ``folders`` hold the files it is given; what
    does not fit in memory is put ``aside``."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
            "python_scan_all_frames": "false",
            "memory_limit": f"{limits.memory >> 10}KiB",
            "temp_directory": str(aside),
            "max_temp_directory_size": f"{limits.disk >> 10}KiB",
            "threads": str(limits.workers),
            "errors_as_json": "true",
        },
    )
    connection.execute("SET allowed_directories = ?", [[f"{folder}/" for folder in folders]])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def check(statement: Statement, parser: duckdb.DuckDBPyConnection) -> str:
    """The kind of statement, as DuckDB calls it. Raises SqlError for what is not allowed, and what
    DuckDB raises for what is no SQL."""
    if len(statement.text) > LONGEST:
        raise SqlError(f"the query is longer than {LONGEST:,} characters")
    parsed = parser.extract_statements(statement.text)
    if len(parsed) != 1:
        raise SqlError("that is not one statement", hint="Put a semicolon between statements.")
    kind = str(parsed[0].type).rpartition(".")[2]
    first = place_in(statement.text, 0)
    words = [word.text.upper() for word in statement.words]
    if kind not in _ALLOWED:
        reason, hint = _REFUSED.get(kind, (f"{statement.first} is not allowed here", ""))
        raise SqlError(reason, place=first, hint=hint)
    for word, after in itertools.pairwise(statement.words):
        if after.text == "(" and (word.name or "").lower() in _HIDING:
            raise SqlError(
                f"{word.text} is not available: a query says which tables it asks",
                place=place_in(statement.text, word.start),
                hint="Name the table after FROM.",
            )
    if kind == "EXPLAIN":
        inner = next((word for word in words[1:] if word not in ("ANALYZE", "VERBOSE")), "")
        if inner == "(" and "FORMAT" in words[:4]:
            inner = words[words.index(")") + 1] if ")" in words[:-1] else ""
        if inner not in _EXPLAINS:
            raise SqlError("only queries are explained", place=first)
    if kind == "CREATE":
        what = next((word for word in words if word not in _BETWEEN), "")
        if what not in _CREATES:
            raise SqlError(
                f"CREATE {what} is not allowed here",
                place=first,
                hint="Views, tables and macros of your own last as long as the session.",
            )
    return kind
