"""Looking fields up by what a condition writes."""

from __future__ import annotations

import pytest

from capture.errors import FalcowbError
from engine.fields.catalogue import Catalogue, UnknownField
from engine.fields.model import Argument, FieldInfo, FieldType

NATIVE = Catalogue.native()
PLUGIN = frozenset({"plugin"})
AUDIT = NATIVE.with_fields(
    [
        FieldInfo(
            "k8s.audit",
            FieldType.CHARBUF,
            is_list=True,
            argument=Argument(required=True, key=True),
            path=True,
            properties=PLUGIN,
        ),
        FieldInfo("ka.verb", FieldType.CHARBUF, properties=PLUGIN),
        FieldInfo("ka.image", FieldType.CHARBUF, argument=Argument(index=True), properties=PLUGIN),
        FieldInfo(
            "jevt.value",
            FieldType.CHARBUF,
            argument=Argument(required=True, key=True),
            properties=PLUGIN,
        ),
    ],
    ["k8s_audit"],
)


@pytest.mark.parametrize(
    ("name", "arg", "field", "argument", "type_"),
    [
        ("proc.name", None, "proc.name", None, FieldType.CHARBUF),
        ("proc.aname", "2", "proc.aname", "2", FieldType.CHARBUF),
        ("proc.apid", None, "proc.apid", None, FieldType.INT64),
        ("evt.arg", "0", "evt.arg", "0", FieldType.CHARBUF),
        ("evt.arg.flags", None, "evt.arg", "flags", FieldType.CHARBUF),
        ("evt.rawarg.flags", None, "evt.rawarg", "flags", FieldType.UINT32),
        ("evt.rawarg.res", None, "evt.rawarg", "res", FieldType.INT64),
        ("evt.rawarg.addr", None, "evt.rawarg", "addr", FieldType.DYN),
        ("evt.type.is.open", None, "evt.type.is", "open", FieldType.UINT32),
        ("evt.type.is.3", None, "evt.type.is", "3", FieldType.UINT32),
        ("evt.abspath", None, "evt.abspath", None, FieldType.CHARBUF),
        ("evt.abspath.src", None, "evt.abspath", "src", FieldType.CHARBUF),
        ("thread.cgroup.cpuacct", None, "thread.cgroup", "cpuacct", FieldType.CHARBUF),
        ("proc.env", "HOME", "proc.env", "HOME", FieldType.CHARBUF),
        ("evt.dir", None, "evt.dir", None, FieldType.CHARBUF),
    ],
)
def test_syscall_fields(
    name: str, arg: str | None, field: str, argument: str | None, type_: FieldType
) -> None:
    ref = NATIVE.lookup(name, arg, "syscall")
    assert (ref.info.name, ref.arg, ref.info.type) == (field, argument, type_)
    assert ref.text == (name if arg is None else f"{name}[{arg}]")
    assert NATIVE.lookup(name, arg, "syscall") is ref


@pytest.mark.parametrize(
    ("name", "arg", "says"),
    [
        ("proc.nam", None, "Did you mean proc.name?"),
        ("proc.name.x", None, "nonexistent field proc.name.x"),
        ("proc.name", "1", "takes no argument"),
        ("evt.arg", None, "Write evt.arg.NAME."),
        ("evt.arg.flgs", None, "Did you mean evt.arg.flags?"),
        ("proc.aname", "x", "takes a number"),
        ("evt.type.is.nothing", None, "nonexistent field"),
        ("evt.abspath.other", None, "nonexistent field"),
        ("thread.cgroup.a1", None, "nonexistent field"),
        ("container.label", None, "requires an argument"),
        ("x" * 100_000, None, "nonexistent field"),
    ],
)
def test_refusals(name: str, arg: str | None, says: str) -> None:
    with pytest.raises(UnknownField) as caught:
        NATIVE.lookup(name, arg, "syscall")
    assert says in str(caught.value)


def test_a_source_has_its_own_fields_and_the_generic_ones() -> None:
    assert AUDIT.lookup("evt.num", None, "k8s_audit").info.type is FieldType.UINT64
    assert AUDIT.lookup("ka.verb", None, "k8s_audit")
    assert AUDIT.lookup("ka.verb")
    with pytest.raises(UnknownField, match="Source 'k8s_audit' has no such field"):
        AUDIT.lookup("proc.name", None, "k8s_audit")
    with pytest.raises(UnknownField):
        AUDIT.lookup("ka.verb", None, "syscall")
    with pytest.raises(FalcowbError, match="unknown event source 'nowhere'"):
        AUDIT.fields("nowhere")
    assert {info.name for info in AUDIT.fields("k8s_audit")} >= {"evt.num", "ka.verb"}
    assert NATIVE.sources == ("syscall",)


def test_an_index_of_a_plugin_field_has_no_leading_zero() -> None:
    assert AUDIT.lookup("ka.image", "10", "k8s_audit").arg == "10"
    for wrong in ("01", "-1", "a", ""):
        with pytest.raises(UnknownField):
            AUDIT.lookup("ka.image", wrong, "k8s_audit")


@pytest.mark.parametrize(
    ("name", "arg", "path", "many"),
    [
        ("k8s.audit.user.username", None, "user.username", False),
        ("k8s.audit", "user.username", "user.username", False),
        ("k8s.audit.spec.containers[*].image", None, "spec.containers[*].image", True),
        ("k8s.audit.spec.volumes", "0", "spec.volumes[0]", False),
        ("k8s.audit.spec.volumes", "*", "spec.volumes[*]", True),
        ("k8s.audit.annotations", "a.b/c", 'annotations["a.b/c"]', False),
        ("k8s.audit.annotations", 'a"b', 'annotations["a\\"b"]', False),
    ],
)
def test_paths(name: str, arg: str | None, path: str, many: bool) -> None:
    ref = AUDIT.lookup(name, arg, "k8s_audit")
    assert (ref.info.name, ref.arg, ref.is_list) == ("k8s.audit", path, many)


def test_a_namespace_alone_is_no_field() -> None:
    with pytest.raises(UnknownField, match="requires an argument"):
        AUDIT.lookup("k8s.audit", None, "k8s_audit")
    with pytest.raises(UnknownField, match="nonexistent"):
        AUDIT.lookup("k8s.auditor", None, "k8s_audit")


def test_what_falco_does_not_list_is_hidden() -> None:
    listed = {info.name for info in NATIVE.fields("syscall")}
    everything = {info.name for info in NATIVE.fields("syscall", hidden=True)}
    assert "evt.dir" not in listed and "evt.dir" in everything
