"""Summaries over the other tables, and the table functions ``ancestors`` and ``descendants``."""

from __future__ import annotations

from workbench.sql.described import Column
from workbench.sql.summaries import ViewSpec

_BIG, _TEXT, _TIME, _FLAG = "BIGINT", "VARCHAR", "TIMESTAMP_NS", "BOOLEAN"

PROCESSES = ViewSpec(
    "processes",
    "one row a process: parent, command line, user, start, end, exit",
    (
        Column("pid", _BIG, "process id"),
        Column("ppid", _BIG, "the parent's process id when the process was first seen"),
        Column("parent", _TEXT, "the parent's name at that moment"),
        Column("name", _TEXT, "name, the last it had"),
        Column("exe", _TEXT, "first argument, as given"),
        Column("exepath", _TEXT, "path of the executable"),
        Column("cmdline", _TEXT, "name and arguments, the last they were"),
        Column("first_cmdline", _TEXT, "the same when the process was first seen"),
        Column("cwd", _TEXT, "working directory, the last it had"),
        Column("uid", _BIG, "user id, the last it had"),
        Column("user", _TEXT, "name of the user"),
        Column("login_user", _TEXT, "name of the user that logged in"),
        Column("container_id", _TEXT, "container; empty on the host"),
        Column("tty", _BIG, "controlling terminal; 0 for none"),
        Column("start_num", _BIG, "first event that tells of it; null: it ran before"),
        Column("start_time", _TIME, "when it was cloned, or first seen"),
        Column("end_num", _BIG, "event of its exit; null: it was alive at the end"),
        Column("end_time", _TIME, "time of its exit"),
        Column("exit_code", _BIG, "what it returned"),
        Column("exit_signal", _BIG, "signal that ended it; 0 for none"),
        Column("section", "INTEGER", "section of the capture"),
    ),
    """
WITH states AS (
  SELECT * FROM threads WHERE tid = pid AND pid >= 0
), lives AS (
  SELECT {c} section, pid, clone_time,
    struct_pack(f := coalesce(from_num, 0), s := serial) AS stamp, *
      EXCLUDE ({c} section, pid, clone_time)
  FROM states
), grouped AS (
  SELECT {c} section, pid,
    arg_min(ptid, stamp) AS ppid,
    arg_max(comm, stamp) AS name, arg_max(exe, stamp) AS exe, arg_max(exepath, stamp) AS exepath,
    arg_max(cmdline, stamp) AS cmdline, arg_min(cmdline, stamp) AS first_cmdline,
    arg_max(cwd, stamp) AS cwd, arg_max(uid, stamp) AS uid, arg_max("user", stamp) AS "user",
    arg_max(login_user, stamp) AS login_user, arg_max(container_id, stamp) AS container_id,
    arg_max(tty, stamp) AS tty,
    nullif(min(coalesce(from_num, 0)), 0) AS start_num,
    coalesce(clone_time, min(from_time)) AS start_time,
    min(from_num) FILTER (WHERE exited) AS end_num,
    min(from_time) FILTER (WHERE exited) AS end_time,
    any_value(exit_code) FILTER (WHERE exited) AS exit_code,
    any_value(exit_signal) FILTER (WHERE exited) AS exit_signal
  FROM lives GROUP BY {c} section, pid, clone_time
), parents AS (
  SELECT {c} section, tid, comm, coalesce(from_num, 0) AS since FROM threads
)
SELECT {c of g} g.pid, g.ppid, p.comm AS parent, g.name, g.exe, g.exepath, g.cmdline,
  g.first_cmdline, g.cwd, g.uid, g."user", g.login_user, g.container_id, g.tty, g.start_num,
  g.start_time, g.end_num, g.end_time, g.exit_code, g.exit_signal, g.section
FROM (SELECT *, coalesce(start_num, 0) AS since FROM grouped) g
ASOF LEFT JOIN parents p
  ON p.tid = g.ppid AND p.section = g.section{on p g} AND g.since >= p.since
""",
    tables=("threads",),
)

_CONNECTION_FIELDS = (
    "fd.type", "fd.name", "fd.l4proto", "fd.cip", "fd.cport", "fd.sip", "fd.sport", "fd.is_server",
    "fd.num", "proc.pid", "proc.name", "proc.cmdline", "user.name", "container.id", "evt.failed",
    "evt.buflen.net.in", "evt.buflen.net.out",
)  # fmt: skip

CONNECTIONS = ViewSpec(
    "connections",
    "one row a connection of a process: both ends, bytes, first and last event",
    (
        Column("pid", _BIG, "process id"),
        Column("process", _TEXT, "name of the process"),
        Column("cmdline", _TEXT, "its command line"),
        Column("user", _TEXT, "its user"),
        Column("container_id", _TEXT, "its container"),
        Column("fd", _BIG, "number of the file"),
        Column("l4proto", _TEXT, "tcp, udp, icmp or raw"),
        Column("client_ip", _TEXT, "the client's address"),
        Column("client_port", _BIG, "the client's port"),
        Column("server_ip", _TEXT, "the server's address"),
        Column("server_port", _BIG, "the server's port"),
        Column("is_server", _FLAG, "whether the process is the server"),
        Column("name", _TEXT, "fd.name"),
        Column("first_num", _BIG, "first event about it"),
        Column("first_time", _TIME, "time of that event"),
        Column("last_num", _BIG, "last event about it"),
        Column("last_time", _TIME, "time of that event"),
        Column("events", _BIG, "events about it"),
        Column("bytes_in", "UBIGINT", "bytes read, as far as calls say"),
        Column("bytes_out", "UBIGINT", "bytes written, as far as calls say"),
    ),
    """
SELECT {c} "proc.pid" AS pid, arg_max("proc.name", num) AS process,
  arg_max("proc.cmdline", num) AS cmdline, arg_max("user.name", num) AS "user",
  arg_max("container.id", num) AS container_id, "fd.num" AS fd, "fd.l4proto" AS l4proto,
  "fd.cip" AS client_ip, "fd.cport" AS client_port, "fd.sip" AS server_ip,
  "fd.sport" AS server_port, arg_max("fd.is_server", num) AS is_server, "fd.name" AS name,
  min(num) AS first_num, min(time) AS first_time, max(num) AS last_num, max(time) AS last_time,
  count(*) AS events,
  sum("evt.buflen.net.in")::UBIGINT AS bytes_in, sum("evt.buflen.net.out")::UBIGINT AS bytes_out
FROM events
WHERE "fd.type" IN ('ipv4', 'ipv6') AND "fd.cip" IS NOT NULL AND "fd.sip" IS NOT NULL
  AND "fd.name" <> ''
GROUP BY {c} "proc.pid", "fd.num", "fd.l4proto", "fd.cip", "fd.cport", "fd.sip", "fd.sport",
  "fd.name"
""",
    fields=_CONNECTION_FIELDS,
)

_FILE_FIELDS = (
    "fd.type", "fd.name", "fs.path.name", "evt.type", "evt.failed", "evt.is_open_read",
    "evt.is_open_write", "evt.is_open_create", "evt.buflen.file.in", "evt.buflen.file.out",
    "proc.pid", "proc.name", "proc.cmdline", "user.name", "container.id",
)  # fmt: skip

FILES_TOUCHED = ViewSpec(
    "files_touched",
    "one row a file and process: opened, read, written, renamed, removed, and when",
    (
        Column("path", _TEXT, "path of the file"),
        Column("pid", _BIG, "process id"),
        Column("process", _TEXT, "name of the process"),
        Column("cmdline", _TEXT, "its command line"),
        Column("user", _TEXT, "its user"),
        Column("container_id", _TEXT, "its container"),
        Column("first_num", _BIG, "first event about it"),
        Column("first_time", _TIME, "time of that event"),
        Column("last_num", _BIG, "last event about it"),
        Column("last_time", _TIME, "time of that event"),
        Column("events", _BIG, "events about it that did not fail"),
        Column("failed", _BIG, "events about it that failed"),
        Column("read", _FLAG, "opened for reading, or read"),
        Column("written", _FLAG, "opened for writing, or written"),
        Column("created", _FLAG, "created by an open"),
        Column("bytes_read", "UBIGINT", "bytes read, as far as calls say"),
        Column("bytes_written", "UBIGINT", "bytes written, as far as calls say"),
        Column("event_types", "VARCHAR[]", "the types of events about it"),
    ),
    """
SELECT {c} path, "proc.pid" AS pid, arg_max("proc.name", num) AS process,
  arg_max("proc.cmdline", num) AS cmdline, arg_max("user.name", num) AS "user",
  arg_max("container.id", num) AS container_id,
  min(num) AS first_num, min(time) AS first_time, max(num) AS last_num, max(time) AS last_time,
  count(*) FILTER (WHERE NOT coalesce("evt.failed", false)) AS events,
  count(*) FILTER (WHERE "evt.failed") AS failed,
  coalesce(bool_or("evt.is_open_read") OR sum("evt.buflen.file.in") > 0, false) AS read,
  coalesce(bool_or("evt.is_open_write") OR sum("evt.buflen.file.out") > 0, false) AS written,
  coalesce(bool_or("evt.is_open_create"), false) AS created,
  sum("evt.buflen.file.in")::UBIGINT AS bytes_read,
  sum("evt.buflen.file.out")::UBIGINT AS bytes_written,
  list_sort(list(DISTINCT "evt.type")) AS event_types
FROM (
  SELECT *, coalesce(nullif("fs.path.name", ''),
    CASE WHEN "fd.type" IN ('file', 'directory') THEN nullif("fd.name", '') END) AS path
  FROM events
)
WHERE path IS NOT NULL
GROUP BY {c} path, "proc.pid"
""",
    fields=_FILE_FIELDS,
)

VIEWS = (PROCESSES, CONNECTIONS, FILES_TOUCHED)

#: Table functions by name: what stands in ``CREATE MACRO``.
FUNCTIONS = {
    "ancestors": """
ancestors(of_tid, at_num) AS TABLE
WITH RECURSIVE alive AS MATERIALIZED (
  SELECT * FROM threads
  WHERE coalesce(from_num, 0) <= at_num AND (until_num IS NULL OR until_num > at_num)
    AND (NOT exited OR from_num = at_num)
    AND section = (SELECT coalesce(max(section), 0) FROM threads WHERE from_num <= at_num)
), up AS (
  SELECT 0 AS depth, * FROM alive WHERE tid = of_tid
  UNION ALL
  SELECT up.depth + 1, a.* FROM up JOIN alive a
    ON a.tid = up.ptid AND up.ptid <> up.tid AND up.depth < 100{on a up}
)
SELECT {c} depth, tid, pid, ptid, comm AS name, exepath, cmdline, "user", container_id, from_num
FROM up ORDER BY ALL
""",
    "descendants": """
descendants(of_tid, at_num) AS TABLE
WITH RECURSIVE alive AS MATERIALIZED (
  SELECT * FROM threads
  WHERE coalesce(from_num, 0) <= at_num AND (until_num IS NULL OR until_num > at_num)
    AND (NOT exited OR from_num = at_num)
    AND section = (SELECT coalesce(max(section), 0) FROM threads WHERE from_num <= at_num)
), down AS (
  SELECT 0 AS depth, [tid] AS path, * FROM alive WHERE tid = of_tid
  UNION ALL
  SELECT d.depth + 1, list_append(d.path, a.tid), a.* FROM down d JOIN alive a
    ON a.ptid = d.tid AND d.depth < 100 AND NOT list_contains(d.path, a.tid){on a d}
)
SELECT {c} depth, tid, pid, ptid, comm AS name, exepath, cmdline, "user", container_id, from_num,
  path
FROM down ORDER BY {c} path
""",
}

FUNCTION_HELP = {
    "matches": (
        "matches('condition')",
        "whether an event satisfies a condition; macros and lists of the loaded rules are known",
    ),
    "ancestors": ("ancestors(tid, num)", "a thread and its parents as they were at an event"),
    "descendants": ("descendants(tid, num)", "a thread and all below it as they were at an event"),
}
