"""The comparison operators: which types they fit, and how they are asked of many values at once.

An operator with its constants becomes a *test*: a function from distinct byte strings, or from
numbers, to booleans. Semantics are those of userspace/libsinsp/filter_compare.cpp,
sinsp_filtercheck.cpp and prefix_search.h in falcosecurity/libs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine import glob, regex
from engine.columns import Mask
from engine.constants import Constant, Network
from engine.fields.model import FieldType

Numbers = npt.NDArray[np.generic]
#: Distinct values (a pa.BinaryArray without nulls, or an array of numbers) to answers.
Test = Callable[[Any], Mask]

#: Kinds of types that take the same operators.
NUMBER, BOOL, TEXT, BYTES, ADDRESS = "numeric", "bool", "string", "buffer", "ip address and network"
ALL = frozenset({NUMBER, BOOL, TEXT, BYTES, ADDRESS})

KIND: dict[FieldType, str] = {
    **dict.fromkeys(FieldType, NUMBER),
    FieldType.BOOL: BOOL,
    FieldType.CHARBUF: TEXT,
    FieldType.FSPATH: TEXT,
    FieldType.FSRELPATH: TEXT,
    FieldType.BYTEBUF: BYTES,
    FieldType.IPADDR: ADDRESS,
    FieldType.IPNET: ADDRESS,
}
#: Types that a list field may have.
LIST_TYPES = frozenset(
    {
        FieldType.CHARBUF, FieldType.UINT64, FieldType.RELTIME, FieldType.ABSTIME, FieldType.BOOL,
        FieldType.IPADDR, FieldType.IPNET,
    }
)  # fmt: skip


class Operator(ABC):
    """``kinds``: what it compares; ``lists``: whether it takes list fields; ``takes_list``: whether
    a list stands on its right."""

    name: ClassVar[str]
    help: ClassVar[str]
    kinds: ClassVar[frozenset[str]]
    lists: ClassVar[bool] = False
    takes_list: ClassVar[bool] = False
    #: How long it takes beside a plain comparison.
    cost: ClassVar[float] = 1.0

    @abstractmethod
    def test(self, constants: Sequence[Constant]) -> Test:
        """The test against ``constants``: one, or for ``takes_list`` any number. They are bytes for
        tests of byte strings, numbers or booleans for tests of numbers."""


def _mask(answers: Any) -> Mask:
    """An Arrow or numpy result as a numpy mask."""
    if isinstance(answers, pa.ChunkedArray):
        answers = answers.combine_chunks()
    if isinstance(answers, pa.Array):
        answers = answers.to_numpy(zero_copy_only=False)
    return np.asarray(answers, np.bool_)


#: So few values are looked up faster than Arrow has set out to.
_HANDFUL = 64


def _nowhere(values: Any) -> Mask:
    return np.zeros(len(values), np.bool_)


def is_in(constants: Sequence[Constant]) -> Test:
    """Membership. Networks hold addresses."""
    if not constants:
        return _nowhere
    if isinstance(constants[0], Network):
        networks = [one for one in constants if isinstance(one, Network)]
        return lambda values: _inside(values, networks)
    if isinstance(constants[0], bytes):
        return _among_texts([one for one in constants if isinstance(one, bytes)])
    numbers = [one for one in dict.fromkeys(constants) if isinstance(one, int | float)]
    return lambda values: _among(values, numbers)


def _among_texts(constants: Sequence[bytes]) -> Test:
    wanted = frozenset(constants)
    array = pa.array(list(wanted), pa.binary())

    def test(values: pa.BinaryArray) -> Mask:
        if len(values) <= _HANDFUL:
            return np.array([value in wanted for value in values.to_pylist()], np.bool_)
        return _mask(pc.is_in(values, array))

    return test


def _inside(values: pa.BinaryArray, networks: Sequence[Network]) -> Mask:
    """Whether each address (4 or 16 bytes) lies in any of the networks; other lengths do not."""
    lengths = np.asarray(pc.binary_length(values))
    found = np.zeros(len(values), np.bool_)
    for width in (4, 16):
        ranges = [one for one in networks if len(one.address) == width]
        rows = np.flatnonzero(lengths == width)
        if not ranges or not len(rows):
            continue
        joined = b"".join(values.take(pa.array(rows)).to_pylist())
        addresses = np.frombuffer(joined, np.uint8).reshape(-1, width)
        hit = np.zeros(len(rows), np.bool_)
        for one in ranges:
            mask = np.frombuffer(one.mask, np.uint8)
            base = np.frombuffer(one.address, np.uint8) & mask
            hit |= ((addresses & mask) == base).all(axis=1)
        found[rows] = hit
    return found


def _among(values: Numbers, numbers: Sequence[int | float]) -> Mask:
    like = [_like(values, one) for one in numbers]
    # What does not fit the type of the values equals none of them.
    fitting = [one for one in like if isinstance(one, np.generic)]
    return np.isin(values, np.array(fitting, values.dtype))


def _like(values: Numbers, constant: Constant) -> Any:
    """``constant`` in the type of ``values``: numpy would compare uint64 with int through floats.
    Numbers out of the type's range are left as they are (they equal nothing)."""
    kind = values.dtype.kind
    if isinstance(constant, bool) or not isinstance(constant, int):
        return np.asarray(constant, values.dtype)[()] if kind in "bf" else constant
    if kind in "iu":
        info = np.iinfo(values.dtype.name)
        return values.dtype.type(constant) if info.min <= constant <= info.max else constant
    return values.dtype.type(constant) if kind == "f" else constant


class Equal(Operator):
    name = "="
    help = "is the same"
    kinds = ALL

    def test(self, constants: Sequence[Constant]) -> Test:
        return is_in(constants[:1])


class NotEqual(Operator):
    name = "!="
    help = "is another; false where there is no value"
    kinds = ALL

    def test(self, constants: Sequence[Constant]) -> Test:
        same = is_in(constants[:1])
        return lambda values: ~same(values)


class In(Operator):
    name = "in"
    help = "is one of a list; of a list field, every value is"
    kinds = ALL
    lists = True
    takes_list = True

    def test(self, constants: Sequence[Constant]) -> Test:
        return is_in(constants)


class Intersects(In):
    name = "intersects"
    help = "is one of a list; of a list field, any value is"


class Exists(Operator):
    name = "exists"
    help = "there is a value"
    kinds = ALL
    lists = True

    def test(self, constants: Sequence[Constant]) -> Test:
        return lambda values: np.ones(len(values), np.bool_)


class _Ordered(Operator):
    """Numbers by size, texts byte by byte."""

    kinds = frozenset({NUMBER, TEXT})
    on_bytes: ClassVar[Callable[..., Any]]
    on_numbers: ClassVar[Callable[..., Any]]

    def test(self, constants: Sequence[Constant]) -> Test:
        one = constants[0]
        cls = type(self)
        if isinstance(one, bytes):
            scalar = pa.scalar(one, pa.binary())
            return lambda values: _mask(cls.on_bytes(values, scalar))
        return lambda values: _mask(cls.on_numbers(values, _like(values, one)))


class Less(_Ordered):
    name = "<"
    help = "is smaller; of texts, comes before"
    on_bytes = staticmethod(pc.less)
    on_numbers = staticmethod(np.less)


class LessOrEqual(_Ordered):
    name = "<="
    help = "is smaller or the same; of texts, comes before or is the same"
    on_bytes = staticmethod(pc.less_equal)
    on_numbers = staticmethod(np.less_equal)


class Greater(_Ordered):
    name = ">"
    help = "is larger; of texts, comes after"
    on_bytes = staticmethod(pc.greater)
    on_numbers = staticmethod(np.greater)


class GreaterOrEqual(_Ordered):
    name = ">="
    help = "is larger or the same; of texts, comes after or is the same"
    on_bytes = staticmethod(pc.greater_equal)
    on_numbers = staticmethod(np.greater_equal)


class _Substring(Operator):
    """Asked of byte strings through one of Arrow's functions."""

    kinds = frozenset({TEXT, BYTES})
    cost = 3.0
    function: ClassVar[Callable[..., Any]]
    ignore_case: ClassVar[bool] = False

    def test(self, constants: Sequence[Constant]) -> Test:
        pattern = constants[0]
        function, ignore_case = type(self).function, self.ignore_case
        if pattern == b"":  # every text holds the empty one
            return lambda values: np.ones(len(values), np.bool_)
        return lambda values: _mask(function(values, pattern, ignore_case=ignore_case))


class Contains(_Substring):
    name = "contains"
    help = "holds a text"
    function = staticmethod(pc.match_substring)


class IContains(Operator):
    name = "icontains"
    help = "holds a text, ASCII letters in either case"
    kinds = frozenset({TEXT})
    cost = 4.0

    def test(self, constants: Sequence[Constant]) -> Test:
        pattern = constants[0]
        assert isinstance(pattern, bytes)
        if not pattern:
            return lambda values: np.ones(len(values), np.bool_)
        # As a folded shell pattern, so that only ASCII letters lose their case.
        escaped = b"".join(b"\\" + pattern[i : i + 1] for i in range(len(pattern)))
        expression = glob.translate(escaped, fold=True)
        return lambda values: _mask(pc.match_substring_regex(values, expression))


class BContains(_Substring):
    name = "bcontains"
    help = "holds bytes, written in hexadecimal"
    kinds = frozenset({BYTES})
    function = staticmethod(pc.match_substring)


class StartsWith(_Substring):
    name = "startswith"
    help = "begins with a text"
    function = staticmethod(pc.starts_with)


class BStartsWith(_Substring):
    name = "bstartswith"
    help = "begins with bytes, written in hexadecimal"
    kinds = frozenset({BYTES})
    function = staticmethod(pc.starts_with)


class EndsWith(_Substring):
    name = "endswith"
    help = "ends with a text"
    function = staticmethod(pc.ends_with)


class Glob(Operator):
    name = "glob"
    help = "fits a shell pattern as a whole; * and ? match / too"
    kinds = frozenset({TEXT})
    cost = 6.0
    fold: ClassVar[bool] = False

    def test(self, constants: Sequence[Constant]) -> Test:
        pattern = constants[0]
        assert isinstance(pattern, bytes)
        expression = rf"\A(?:{glob.translate(pattern, fold=self.fold)})\z"
        return lambda values: _mask(pc.match_substring_regex(values, expression))


class IGlob(Glob):
    name = "iglob"
    help = "fits a shell pattern as a whole, ASCII letters in either case"
    fold = True


class Regex(Operator):
    name = "regex"
    help = "fits a regular expression (RE2, POSIX syntax) as a whole"
    kinds = frozenset({TEXT})
    cost = 6.0

    def test(self, constants: Sequence[Constant]) -> Test:
        pattern = constants[0]
        assert isinstance(pattern, bytes)
        expression = regex.translate(pattern.decode("utf-8", "surrogateescape"))
        return lambda values: _mask(pc.match_substring_regex(as_text(values), expression))


def as_text(values: pa.BinaryArray) -> pa.StringArray:
    """UTF-8 for the regular expression engine; bytes that are none become U+FFFD."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([value.decode("utf-8", "replace") for value in values.to_pylist()])


class PMatch(Operator):
    name = "pmatch"
    help = "lies at or below one of some paths; their components may be shell patterns"
    kinds = frozenset({TEXT})
    takes_list = True
    cost = 6.0

    def test(self, constants: Sequence[Constant]) -> Test:
        expressions = path_expressions([one for one in constants if isinstance(one, bytes)])

        def below(values: pa.BinaryArray) -> Mask:
            found = np.zeros(len(values), np.bool_)
            for expression in expressions:
                found |= _mask(pc.match_substring_regex(values, expression))
            return found

        return below


#: Bytes of expression that one run of RE2 gets: more would exhaust its memory.
_EXPRESSION_ROOM = 16_384


def path_expressions(paths: Sequence[bytes]) -> list[str]:
    """Regular expressions (Latin-1) of which one matches a path at or below any of ``paths``."""
    expressions: list[str] = []
    room = 0
    for path in dict.fromkeys(paths):
        parts = [part for part in path.split(b"/") if part]
        if not parts:
            return [""]  # everything lies below the root
        one = "/+".join(
            # A component is never empty, so one that is all stars takes at least one byte.
            "[^/]+" if not part.strip(b"*") else glob.translate(part, within=True)
            for part in parts
        )
        if not expressions or len(one) > room:
            expressions.append(one)
            room = _EXPRESSION_ROOM
        else:
            expressions[-1] += "|" + one
        room -= len(one)
    return [rf"\A/*(?:{one})(?:/|\z)" for one in expressions]


OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Equal(), NotEqual(), Less(), LessOrEqual(), Greater(), GreaterOrEqual(),
        Contains(), IContains(), BContains(), StartsWith(), BStartsWith(), EndsWith(),
        Glob(), IGlob(), Regex(), PMatch(), In(), Intersects(), Exists(),
    )
}  # fmt: skip
OPERATORS["=="] = OPERATORS["="]

MODIFIERS: dict[str, str] = {
    "oneof": "holds for exactly one of a list",
    "anyof": "holds for any of a list",
    "allof": "holds for all of a list",
}


def with_modifier(operator: Operator, modifier: str, constants: Sequence[Constant]) -> Test:
    """``OP oneof (…)`` and kin. An empty list gives false."""
    if not constants:
        return _nowhere
    tests = [operator.test([one]) for one in constants]
    if modifier == "anyof" and isinstance(operator, Equal):
        return is_in(constants)
    enough = {"oneof": 1, "anyof": 1, "allof": len(tests)}[modifier]

    def counted(values: Any) -> Mask:
        count = np.zeros(len(values), np.int32)
        for test in tests:
            count += test(values)
        return np.asarray(count == enough if modifier == "oneof" else count >= enough)

    return counted


def refusal(name: str, modifier: str, type_: FieldType, is_list: bool) -> str:
    """Why the operator does not fit the type, in upstream's words, or nothing."""
    operator = OPERATORS[name]
    shown = "=" if name == "==" else name
    if isinstance(operator, Exists):
        return ""
    if is_list:
        if type_ not in LIST_TYPES:
            return f"list filters are not supported for type '{type_.value}'"
        return "" if operator.lists else f"'{shown}' operator not supported list filters"
    if type_ is FieldType.DYN:
        return f"'{shown}' operator not supported for type '{type_.value}'"
    kind = KIND[type_]
    if kind in operator.kinds:
        return ""
    if kind == ADDRESS and modifier:
        return f"'{shown}' with modifier not supported for ip address and network filters"
    named = NUMBER if kind == BOOL else kind
    return f"'{shown}' operator not supported for {named} filters"
