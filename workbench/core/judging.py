"""A judge for the events at hand, who knows what was found when they were judged before."""

from __future__ import annotations

from dataclasses import dataclass

from engine.alerts import AlertOptions
from engine.fields.catalogue import SYSCALL
from engine.ruleset.selection import Matching, RuleSet
from workbench.core import kept
from workbench.core.events import Events
from workbench.core.judge import Judge
from workbench.core.session import Session


@dataclass(frozen=True, slots=True)
class Judging:
    """Events, and who judges them. To be closed."""

    events: Events
    judge: Judge
    keeping: kept.Keeping | None = None

    def close(self, *, complete: bool) -> None:
        """``complete``: all events were judged, and nothing went wrong."""
        try:
            if self.keeping is None:
                return
            tally = self.judge.tally
            if complete and set(tally.events) == {SYSCALL}:
                self.judge.end()
                self.keeping.done(
                    {
                        "events": tally.events[SYSCALL],
                        "first_time": tally.first_time,
                        "last_time": tally.last_time,
                        "notes": self.events.notes(),
                    }
                )
            else:
                self.keeping.abandon()
        finally:
            self.events.close()


def judge_capture(
    path: str,
    events: Events,
    ruleset: RuleSet,
    session: Session,
    matching: Matching,
    options: AlertOptions,
) -> Judging:
    """Judge all events of a capture. If it holds system calls alone, what is found is kept for the
    next time; kept before, rules are asked of that, and only events that match are read again."""
    if SYSCALL not in events.sources or not ruleset.enabled(SYSCALL):
        return Judging(events, Judge(ruleset, session.plugins, matching, options))
    opened = kept.find(path, session.plugins.surroundings.catalogue)
    hits = None if opened is None else kept.hits(opened, ruleset)
    if opened is None or hits is None:
        keeping = kept.Keeping.of(path)
        keeper = None if keeping is None else keeping.keeper
        judge = Judge(ruleset, session.plugins, matching, options, keeper=keeper)
        return Judging(events, judge, keeping)
    judge = Judge(ruleset, session.plugins, matching, options, hits=hits)
    if any(map(len, hits.values())):
        return Judging(events, judge)
    tally = judge.tally
    tally.events[SYSCALL] = opened.facts["events"]
    tally.first_time, tally.last_time = opened.facts["first_time"], opened.facts["last_time"]
    return Judging(kept.NothingMore(events, opened), judge)
