"""From an event to the events that belong with it: conditions for what a person wants to follow."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.backend.questions.detail import EventDetail
from workbench.editing.words import quoted


@dataclass(frozen=True, slots=True)
class Following:
    """Something to follow: what it is called, and the condition of its events."""

    title: str
    about: str
    condition: str


def what_to_follow(event: EventDetail) -> list[Following]:
    """All that can be followed from an event, what is wanted most often first."""
    values = {each.name: each.text for _, family in event.families for each in family}
    found: list[Following] = []

    def add(title: str, about: str, condition: str) -> None:
        found.append(Following(title, about, condition))

    pid, name = values.get("proc.pid", ""), values.get("proc.name", "")
    if pid.isdigit():
        add(
            "process and its descendants",
            f"{name} ({pid}) and all that it starts",
            f"proc.pid = {pid} or proc.apid = {pid}",
        )
        add("process", f"{name} ({pid}) alone", f"proc.pid = {pid}")
    tid = values.get("thread.tid", "")
    if tid.isdigit() and tid != pid:
        add("thread", f"thread {tid} of {name}", f"thread.tid = {tid}")
    if values.get("proc.ppid", "").isdigit():
        parent = values["proc.ppid"]
        add(
            "parent and its descendants",
            f"{values.get('proc.pname', '')} ({parent}) and all that it starts",
            f"proc.pid = {parent} or proc.apid = {parent}",
        )
    fd = values.get("fd.name", "")
    if fd:
        kind = values.get("fd.type", "")
        title = "connection" if kind in ("ipv4", "ipv6", "unix") else "file"
        add(title, fd, f"fd.name = {quoted(fd)}")
    for field, title in (
        ("fd.directory", "directory"), ("fd.sip", "server address"), ("fd.cip", "client address"),
        ("proc.exepath", "executable"), ("container.id", "container"), ("user.name", "user"),
        ("proc.sid", "session"), ("ka.user.name", "user"), ("ka.sourceips", "source address"),
        ("ka.target.namespace", "namespace"), ("ka.target.name", "object"), ("ct.user", "user"),
        ("ct.srcip", "source address"), ("ct.src", "service"),
    ):  # fmt: skip
        value = values.get(field, "")
        if value and value not in ("<NA>", "-1"):
            operator = "in" if value.startswith("(") else "="
            wanted = value if operator == "in" else quoted(value)
            add(title, value, f"{field} {operator} {wanted}")
    add("events of this type", event.type, f"evt.type = {quoted(event.type)}")
    return found
