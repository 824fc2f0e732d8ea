"""The native catalogue against Falco's own list of fields: names, types, lists, arguments."""

from __future__ import annotations

import json
from typing import Any

from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldType
from tests.conformance.cases import CONFORMANCE, needs_shared


def official() -> dict[str, dict[str, Any]]:
    listed = json.loads((CONFORMANCE / "field_catalogue.json").read_text(encoding="utf-8"))
    return {field["name"]: field for group in listed["fieldclasses"] for field in group["fields"]}


@needs_shared
def test_every_field_that_falco_lists() -> None:
    ours = {info.name: info for info in Catalogue.native().fields("syscall")}
    theirs = official()
    # util.cnt is in upstream's tables but not in Falco's list.
    assert set(ours) - {"util.cnt"} == set(theirs)
    for name, field in theirs.items():
        info = ours[name]
        type_ = "DYN" if field["type"] == "DYNAMIC" else field["type"]
        assert info.type is FieldType[type_], name
        assert info.is_list == field["is_list"], name
        if name == "evt.abspath":  # listed as required, but evt.abspath alone is a field too
            continue
        argument = field["argument"]
        assert (info.argument is None) == (argument is None), name
        if argument is not None and info.argument is not None:
            assert info.argument.required == argument["required"], name
            if argument["type"]:  # native fields do not say
                assert info.argument.index == ("INDEX" in argument["type"]), name
                assert info.argument.key == ("KEY" in argument["type"]), name


@needs_shared
def test_descriptions_are_our_own() -> None:
    ours = {info.name: info for info in Catalogue.native().fields("syscall")}
    for name, field in official().items():
        description = ours[name].description
        assert description, name
        assert description.casefold() != field["desc"].strip(" .").casefold(), name
