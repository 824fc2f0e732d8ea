"""Questions that are often asked, ready to be asked: ``falcowb sql --recipes``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """``source``: what kind of capture it is for, ``syscall`` or a plugin's source."""

    name: str
    title: str
    sql: str
    source: str = "syscall"


RECIPES = (
    Recipe(
        "top-talkers",
        "which connections move the most bytes",
        """SELECT process, user, l4proto, client_ip, server_ip, server_port,
  count(*) AS connections, sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out
FROM connections
GROUP BY ALL
ORDER BY coalesce(sum(bytes_in), 0) + coalesce(sum(bytes_out), 0) DESC, connections DESC
LIMIT 20""",
    ),
    Recipe(
        "first-seen-binaries",
        "each executable, when it first ran, and who ran it",
        """SELECT exepath, min(time) AS first_time, min(num) AS first_num, count(*) AS runs,
  arg_min("proc.cmdline", num) AS first_cmdline, arg_min("proc.pname", num) AS first_parent,
  arg_min("user.name", num) AS first_user
FROM (SELECT *, "proc.exepath" AS exepath FROM events
  WHERE "evt.type" IN ('execve', 'execveat') AND "evt.rawres" = 0)
GROUP BY exepath
ORDER BY first_num""",
    ),
    Recipe(
        "long-lived-shells",
        "shells by how long they ran",
        """SELECT pid, name, cmdline, parent, "user", tty, start_time, end_time,
  coalesce(end_time, (SELECT max(time) FROM events)) - start_time AS lasted
FROM processes
WHERE name IN ('sh', 'bash', 'dash', 'zsh', 'ash', 'ksh', 'fish', 'tcsh', 'csh')
ORDER BY lasted DESC NULLS LAST
LIMIT 20""",
    ),
    Recipe(
        "rare-parents",
        "pairs of parent and child that occur least",
        """SELECT parent, name AS child, count(*) AS times, min(start_time) AS first_time,
  arg_min(cmdline, start_time) AS first_cmdline
FROM processes
WHERE parent IS NOT NULL
GROUP BY ALL
ORDER BY times, first_time
LIMIT 20""",
    ),
    Recipe(
        "process-tree",
        "all processes, children under their parents",
        """WITH RECURSIVE alive AS (
  SELECT DISTINCT ON (pid) * FROM processes ORDER BY pid, coalesce(start_num, 0)
), tree AS (
  SELECT pid, name, cmdline, "user", start_time, end_time, 0 AS depth, [pid] AS path
  FROM alive p WHERE NOT EXISTS (SELECT 1 FROM alive q WHERE q.pid = p.ppid AND q.pid <> p.pid)
  UNION ALL
  SELECT c.pid, c.name, c.cmdline, c."user", c.start_time, c.end_time, t.depth + 1,
    list_append(t.path, c.pid)
  FROM alive c JOIN tree t
    ON c.ppid = t.pid AND t.depth < 60 AND NOT list_contains(t.path, c.pid)
)
SELECT repeat('  ', depth) || name AS process, pid, "user", start_time, end_time, cmdline
FROM tree ORDER BY path""",
    ),
    Recipe(
        "file-timeline",
        "what happened to files, in order",
        """SELECT num, time, "proc.name" AS process, "user.name" AS "user", "evt.type" AS event,
  coalesce(nullif("fs.path.name", ''), "fd.name") AS path, "evt.res" AS result
FROM events
WHERE coalesce(nullif("fs.path.name", ''), CASE WHEN "fd.type" = 'file' THEN "fd.name" END) <> ''
  AND ("evt.is_open_write" OR "evt.type" IN ('unlink', 'unlinkat', 'rename', 'renameat',
    'renameat2', 'mkdir', 'mkdirat', 'rmdir', 'link', 'linkat', 'symlink', 'symlinkat', 'chmod',
    'fchmod', 'fchmodat', 'chown', 'fchown', 'lchown', 'fchownat', 'creat'))
ORDER BY num""",
    ),
    Recipe(
        "alerts-by-minute",
        "alerts of the loaded rules (-r), minute by minute",
        """SELECT date_trunc('minute', time) AS minute, rule, priority, count(*) AS alerts
FROM alerts
GROUP BY ALL
ORDER BY minute, alerts DESC""",
        "any",
    ),
    Recipe(
        "busiest",
        "events by process and type",
        """SELECT "proc.name" AS process, "evt.type" AS event, count(*) AS events,
  count(*) FILTER (WHERE "evt.failed") AS failed
FROM events
GROUP BY ALL
ORDER BY events DESC
LIMIT 20""",
    ),
    Recipe(
        "kubernetes-users",
        "who did what to which kind of object, in a Kubernetes audit log",
        """SELECT "ka.user.name" AS "user", "ka.verb" AS verb, "ka.target.resource" AS resource,
  count(*) AS requests, min(time) AS first_time
FROM k8s_audit
GROUP BY ALL
ORDER BY requests DESC
LIMIT 20""",
        "k8s_audit",
    ),
)


def recipe(name: str) -> Recipe | None:
    """The recipe called so."""
    return next((each for each in RECIPES if each.name == name), None)


def cheat_sheet() -> str:
    """All recipes as SQL with comments: can be cut apart and asked with ``-f``."""
    return "\n\n".join(f"-- {each.name}: {each.title}\n{each.sql};" for each in RECIPES) + "\n"
