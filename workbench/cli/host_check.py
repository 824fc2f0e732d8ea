"""``falcowb capture --check``: what of a live recording works on this host."""

from __future__ import annotations


def print_check() -> int:
    """Says what works, and what to do where something does not; the exit code."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from capture.syscalls.check import check_host

    report = check_host()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column()
    table.add_column(overflow="fold")
    told: set[str] = set()
    for row in report.rows:
        bad = Text("no", "bold red") if row.needed else Text("-", "yellow")
        mark = Text("ok", "green") if row.ok else bad
        table.add_row(mark, Text(row.name), Text(row.meaning))
        if row.remedy and row.remedy not in told:
            told.add(row.remedy)
            table.add_row("", "", Text(row.remedy, "yellow"))
    console = Console(highlight=False)
    console.print(table)
    works = "System calls can be recorded." if report.ok else "System calls cannot be recorded."
    console.print(Text(works, "bold green" if report.ok else "bold red"))
    return 0 if report.ok else 1
