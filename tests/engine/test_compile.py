"""What the compiler says of a condition that cannot be used, and where."""

from __future__ import annotations

import pytest

from engine.compile import compile_condition
from engine.fields.catalogue import Catalogue
from engine.language.errors import ConditionError
from engine.language.parser import parse
from engine.remarks import Remark
from tests.engine.tables import CATALOGUE, SOURCE

NATIVE = Catalogue.native()


def refused(
    condition: str, catalogue: Catalogue = NATIVE, source: str = "syscall"
) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        compile_condition(parse(condition), catalogue, source)
    return caught.value


@pytest.mark.parametrize(
    ("condition", "message", "hint", "column"),
    [
        ("proc.nmae = x", "nonexistent field proc.nmae", "Did you mean proc.name?", 1),
        ("proc.pid > 1 and fd.nme = x", "nonexistent field fd.nme", "Did you mean fd.name?", 18),
        ("proc.pid contains 1", "not supported for numeric filters", "Operators for type INT64", 1),
        ("proc.pid = one", "one is not a valid number", "", 12),
        ("evt.failed = yes", "unrecognized boolean value yes", "Use true or false.", 14),
        ("fd.snet = 10.0.0.0", "unrecognized IP network 10.0.0.0", "10.0.0.0/8", 11),
        ("fd.sip = 10.0.0", "unrecognized IPv4 address", "", 10),
        ("fd.sip = localhost", "unrecognized IPv6 address", "", 10),
        ("fd.snet = 10.0.0.0/33", "invalid netmask 33", "", 11),
        ("fd.sport = nothing", "unrecognized protocol nothing", "service name", 12),
        (r'proc.name regex "\\d+"', "invalid escape sequence: \\d", "Write [0-9]", 17),
        ('proc.name regex "(a"', "missing )", "", 17),
        ("evt.type = opne", "unknown event type opne", "", 12),
        ("evt.buffer bcontains xyz", "hex strings only", "two hexadecimal digits", 22),
        ("tolower(proc.pid) = x", "type 'INT64' is not supported by 'tolower'", "", 1),
        ("tolower(fd.net) = x", "does not support transformers", "", 1),
        ("proc.name = val(proc.pid)", "incompatible type 'INT64'", "", 13),
        ("fd.net = val(fd.snet)", "field type 'IPNET' doesn't support", "", 1),
        ("proc.aname = val(proc.name)", "doesn't support right-hand side", "", 1),
        ("proc.name = val(proc.aname)", "can't be used as a right-hand", "", 13),
        ("fd.types = file", "'=' operator not supported list filters", "in, intersects, exists", 1),
        ("evt.around[1] > 2", "supports only '='", "", 1),
        ('join("-", proc.name) = x', "join() second argument must be a list", "", 1),
    ],
)
def test_refusals(condition: str, message: str, hint: str, column: int) -> None:
    error = refused(condition)
    assert message in error.message
    assert hint in error.hint
    assert error.pos.column == column


def test_patterns_that_would_take_for_ever_or_all_memory() -> None:
    error = refused('proc.name regex "((((a{99}){99}){99}){99})"')
    assert "invalid regex pattern" in error.message
    sets = "[!a]" * 60
    compile_condition(parse(f'proc.name glob "{sets}*{sets[:4]}"'), NATIVE, "syscall")
    paths = ", ".join(f'"/a{n}/*/{sets[:200]}"' for n in range(300))
    compile_condition(parse(f"fd.name pmatch ({paths})"), NATIVE, "syscall")


def test_a_constant_must_fit_in_256_bytes() -> None:
    assert "too long" in refused(f"proc.name = {'a' * 256}").message
    compile_condition(parse(f"proc.name = {'a' * 255}"), NATIVE, "syscall")


def test_a_path_takes_every_operator() -> None:
    for condition in (
        "doc.a[*].b = true",
        "doc.a > 3",
        "doc.a in (x, y)",
        "doc.a[*] startswith x",
        "doc.a[*] = val(t.a)",
        "tolower(doc.a[*]) contains x",
        "not doc.a exists",
        "doc.a pmatch (/x)",
    ):
        compile_condition(parse(condition), CATALOGUE, SOURCE)
    error = refused("t.a = val(doc.a[*])", CATALOGUE, SOURCE)
    assert "can't be used as a right-hand side field" in error.message


def test_remarks() -> None:
    remarks: list[Remark] = []
    compile_condition(
        parse("proc.name = proc.pname and proc.name regex abc.*"),
        NATIVE,
        "syscall",
        remarks=remarks,
    )
    assert [remark.pos.column for remark in remarks] == [13, 44]
    assert "misused as a const string" in remarks[0].text
    assert "simpler operators" in remarks[1].text
