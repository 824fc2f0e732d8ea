"""What can be named in conditions."""

from __future__ import annotations

from engine.fields.events import event_names
from engine.fields.model import FieldInfo
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Desk
from workbench.backend.lanes import Asking
from workbench.backend.questions.catalogue import FieldFacts, FieldList, Fields


@answers(Fields)
def fields(desk: Desk, question: Fields, asking: Asking) -> FieldList:
    catalogue = desk.session(asking.check).plugins.surroundings.catalogue
    found: dict[str, FieldInfo] = {}
    sources: dict[str, list[str]] = {}
    for source in catalogue.sources:
        for info in catalogue.fields(source):
            found.setdefault(info.name, info)
            sources.setdefault(info.name, []).append(source)
    return FieldList(
        tuple(
            FieldFacts(
                info.name,
                info.type.name,
                info.is_list,
                _argument(info),
                info.description,
                tuple(sources[info.name]),
            )
            for info in sorted(found.values(), key=lambda each: each.name)
        ),
        tuple(sorted(event_names() - {"NA"})),
    )


def _argument(info: FieldInfo) -> str:
    if info.argument is None:
        return ""
    return "required" if info.argument.required else "optional"
