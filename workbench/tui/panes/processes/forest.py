"""Processes as trees: who is below whom, and what deserves to be open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench.backend.questions.processes import ProcessAlerts, ProcessFacts, ProcessTree

#: So few processes are all shown.
_FEW = 24


@dataclass(eq=False)
class Branch:
    """A process with those below it, by process id. ``below``: alerts of all below it."""

    facts: ProcessFacts
    alerts: list[ProcessAlerts] = field(default_factory=list)
    children: list[Branch] = field(default_factory=list)
    below: int = 0
    is_open: bool = False
    is_now: bool = False

    @property
    def key(self) -> tuple[int, int]:
        return self.facts.pid, self.facts.start

    @property
    def count(self) -> int:
        return sum(each.count for each in self.alerts)

    @property
    def gravest(self) -> int:
        return min((each.priority for each in self.alerts), default=8)


def forest(tree: ProcessTree, *, only_alerting: bool) -> list[Branch]:
    """The trees of processes; parents that lead in a circle are cut. ``only_alerting``: what
    neither alerted nor has anything below that did is left out, but for the event's process."""
    branches = [Branch(facts) for facts in tree.processes or ()]
    by_key = {branch.key: branch for branch in branches}
    for alert in tree.alerts:
        branch = by_key.get((alert.pid, alert.start))
        if branch is not None:
            branch.alerts.append(alert)
    alive = {branch.facts.pid: branch for branch in branches if not branch.facts.exited}
    gone = {branch.facts.pid: branch for branch in branches if branch.facts.exited}
    parents: dict[Branch, Branch] = {}
    for branch in branches:
        pid = branch.facts.parent
        parent = alive.get(pid) or (gone.get(pid) if branch.facts.exited else None)
        if parent is not None and not _leads_to(parents, parent, branch):
            parents[branch] = parent
    now = alive.get(tree.pid) or gone.get(tree.pid)
    if now is not None:
        now.is_now = True
    for branch in branches:
        above = parents.get(branch)
        if above is not None:
            above.children.append(branch)
        for each in _above(parents, branch):
            each.below += branch.count
            each.is_open = each.is_open or bool(branch.count) or branch is now
    few = len(branches) <= _FEW
    wanted = {branch for branch in branches if branch.count or branch.below or branch is now}
    wanted |= {each for branch in list(wanted) for each in _above(parents, branch)}
    for branch in branches:
        branch.children.sort(key=lambda each: each.facts.pid)
        branch.is_open = branch.is_open or few
        if only_alerting:
            branch.children = [each for each in branch.children if each in wanted]
    roots = [branch for branch in branches if branch not in parents]
    if only_alerting:
        roots = [branch for branch in roots if branch in wanted]
    return sorted(roots, key=lambda each: (each.facts.exited, each.facts.pid))


def _above(parents: dict[Branch, Branch], branch: Branch) -> Iterator[Branch]:
    at = parents.get(branch)
    while at is not None:
        yield at
        at = parents.get(at)


def _leads_to(parents: dict[Branch, Branch], start: Branch, branch: Branch) -> bool:
    """Whether a process is another one, or below it."""
    return start is branch or any(each is branch for each in _above(parents, start))
