"""Opening a capture: session, import, index."""

from __future__ import annotations

from pathlib import Path

from capture.errors import FalcowbError
from capture.reader import Capture
from engine.fields.catalogue import SYSCALL
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.index.event_index import EventIndex
from workbench.backend.keeping import Kept
from workbench.backend.lanes import Asking, Outdated
from workbench.backend.questions.opening import (
    Indexed,
    Indexing,
    Open,
    Opened,
    Opening,
    SourceFacts,
)
from workbench.backend.throttle import Throttle
from workbench.core.captures import open_any
from workbench.core.events import is_capture
from workbench.core.logged import capture_of_log
from workbench.core.session import Session


@answers(Open)
def open_(desk: Desk, question: Open, asking: Asking) -> Indexed:
    """Open the session and the capture, then index it."""
    desk.begin()
    try:
        asking.tell(Opening("configuration and plugins"))
        config = None if question.config is None else Path(question.config)
        session = Session.open(config, question.options, question.plugins)
        desk.took_session(session)
        capture = _capture(session, question.path, asking)
        asking.check()
    except FalcowbError as error:
        desk.refuse(error)
        raise
    index = EventIndex(capture, session.plugins.event_source)
    catalogue = session.plugins.surroundings.catalogue
    strangers = [name for name in capture.sources if name not in catalogue.sources]
    case = Case(
        question.path or str(capture.path),
        capture,
        index,
        catalogue.with_fields([], strangers) if strangers else catalogue,
        Kept(str(capture.path), catalogue, capture.sources),
    )
    desk.took_case(case)
    asking.tell(_opened(case, session))
    throttle = Throttle(0.25)

    def grown() -> None:
        if throttle.due():
            total = capture.count
            asking.tell(Indexing(index.count, min(index.count / total, 1.0) if total else None))

    index.build(asking.check, grown)
    first, last = _span(index)
    return Indexed(index.count, first, last, tuple(_notes(capture, index)))


def _capture(session: Session, path: str | None, asking: Asking) -> Capture:
    throttle = Throttle()

    def progress(events: int, fraction: float | None) -> None:
        if asking.outdated:
            raise Outdated
        if throttle.due():
            asking.tell(Opening("import", events, fraction))

    if path is not None and (is_capture(path) or Path(path).is_dir()):
        return open_any(path, progress)
    return capture_of_log(session, path, progress)


def _opened(case: Case, session: Session) -> Opened:
    manifest = case.capture.manifest
    known = session.plugins.surroundings.catalogue.sources
    spans = [source.span for source in manifest.sources if source.span]
    sources = tuple(
        SourceFacts(each.name, each.events, each.plugin.name, each.name in known)
        for each in manifest.sources
    )
    strangers = [
        f"No loaded plugin knows the events of source {each.name}: only number, time and payload "
        "are shown. Name its plugin in a falco.yaml (-c) or with --plugin."
        for each in sources
        if not each.known and each.name != SYSCALL
    ]
    return Opened(
        case.path,
        sources,
        case.capture.count,
        min((span.min_time for span in spans), default=None),
        max((span.max_time for span in spans), default=None),
        # A log says nothing of the host that it is read on.
        manifest.host.name if any(each.name == SYSCALL for each in sources) else "",
        (*strangers, *case.capture.missing),
        case.capture.recording,
    )


def _span(index: EventIndex) -> tuple[int | None, int | None]:
    times = index.times[: index.count]
    if not len(times):
        return None, None
    return int(times.min()), int(times.max())


def _notes(capture: Capture, index: EventIndex) -> list[str]:
    drops = [
        f"Source {info.name}: {info.drops:,} events were dropped at recording."
        for info in capture.manifest.sources
        if info.drops
    ]
    return [*dict.fromkeys([*index.notes, *capture.missing]), *drops]
