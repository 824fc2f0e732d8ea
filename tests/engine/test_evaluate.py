"""The columnar evaluator against the plain one, on random rules and random columns."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.columns import Segment
from engine.evaluate import Evaluator
from engine.fields.model import FieldRef, FieldType
from engine.language import ast
from engine.language.parser import parse
from engine.plan import Plan
from tests.engine.tables import CATALOGUE, SOURCE, ref, segment, several
from tests.reference import Reference, Scalar, Value

FIELDS = [
    *(
        ref(name)
        for name in (
            "t.a", "t.b", "t.path", "t.buf", "n.i", "n.j", "n.small", "n.u", "n.f", "n.bool",
            "n.port", "ip.a", "ip.net", "ip.either", "ip.both", "n.ports", "t.any", "n.any",
            "l.text", "l.more", "l.num", "l.net",
        )
    ),
    ref("doc.one"),
    ref("doc.many[*].x"),
    ref("doc.number"),
    ref("doc.numbers[*]"),
]  # fmt: skip
BY_TEXT = {field.text: field for field in FIELDS}

WORDS = [
    b"",
    b"a",
    b"A",
    b"ab",
    b"abc",
    b"/a/b",
    b"/a/b/c",
    b"a\xffb",
    b"\xc3\xa9",
    b"YWI=",
    b"a/b/",
]
ADDRESSES = [b"\x0a\x00\x00\x01", b"\x0a\x01\x00\x01", b"\x7f\x00\x00\x01", b"\0" * 15 + b"\x01"]
NUMERALS = [b"3", b"-1", b"10", b"2.5", b"1e2", b"true", b"x", b""]


def pool(field: FieldRef) -> list[Scalar]:
    if field.text in ("doc.number", "doc.numbers[*]"):
        return list(NUMERALS)
    match field.info.type:
        case FieldType.IPADDR | FieldType.IPNET:
            return list(ADDRESSES)
        case FieldType.BOOL:
            return [False, True]
        case FieldType.DOUBLE:
            return [0.0, 1.0, 2.5, -1.0]
        case FieldType.UINT64:
            return [0, 1, 2, 1 << 63, (1 << 64) - 1]
        case FieldType.PORT:
            return [0, 22, 443]
        case FieldType.INT16:
            return [-1, 0, 1, 300]
        case FieldType.INT64:
            return [-5, 0, 1, 2, 1 << 62]
    return list(WORDS)


def value(field: FieldRef) -> st.SearchStrategy[Value]:
    one = st.sampled_from(pool(field))
    if several(field):
        # What a plugin or the state engine gives is a list with values, or none.
        least = 0 if field.info.name == "l.text" else 1
        return st.none() | st.lists(one, min_size=least, max_size=3)
    return st.none() | one


EVENTS = st.lists(
    st.fixed_dictionaries({field.text: value(field) for field in FIELDS}), max_size=12
)


def quoted(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def constants(field: FieldRef) -> st.SearchStrategy[str]:
    match field.info.type:
        case FieldType.IPADDR:
            return st.sampled_from(["10.0.0.1", "127.0.0.1", '"::1"'])
        case FieldType.IPNET:
            return st.sampled_from(["10.0.0.0/8", "10.0.0.0/16", '"::1/128"', "0.0.0.0/0"])
        case FieldType.BOOL:
            return st.sampled_from(["true", "false"])
        case FieldType.PORT:
            return st.sampled_from(["0", "22", "443", "65536", "ssh"])
        case FieldType.CHARBUF | FieldType.FSPATH | FieldType.BYTEBUF:
            return st.sampled_from(pool(field)).map(lambda one: quoted(bytes(one)))  # type: ignore[arg-type]
    return st.sampled_from(["0", "1", "2", "-1", "300", "443", "9223372036854775808"])


TEXTS = [text for text, field in BY_TEXT.items() if field.info.type is FieldType.CHARBUF]
PLAIN_TEXTS = [text for text in TEXTS if not several(BY_TEXT[text])]
ORDERED = [
    text
    for text, field in BY_TEXT.items()
    if field.info.type.physical in "iuf" and not field.is_list
] + ["doc.number", "doc.numbers[*]"]
SAME = [text for text, field in BY_TEXT.items() if not several(field) or not field.is_list]
PATTERNS = ["*", "a*", "?b", "[a-b]*", "*/b*", "A*", "[!a]", "\\\\a", "*b*c"]
REGEXES = ["a.*", "^a$", "[ab]+", "(a|b)*", ".*", "/a/.*", "a?b", ""]


@st.composite
def check(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 15))
    if kind == 0:
        return f"{draw(st.sampled_from(list(BY_TEXT)))} exists"
    if kind in (1, 2):
        text = draw(st.sampled_from(SAME))
        return f"{text} {draw(st.sampled_from(['=', '!=']))} {draw(constants(BY_TEXT[text]))}"
    if kind in (3, 4):
        text = draw(st.sampled_from(list(BY_TEXT)))
        items = draw(st.lists(constants(BY_TEXT[text]), max_size=3))
        return f"{text} {draw(st.sampled_from(['in', 'intersects']))} ({', '.join(items)})"
    if kind == 5:
        text = draw(st.sampled_from(ORDERED))
        port = BY_TEXT[text].info.type is FieldType.PORT
        number = draw(st.sampled_from(["0", "1", "22"] if port else ["0", "1", "2", "-1", "10"]))
        return f"{text} {draw(st.sampled_from(['<', '<=', '>', '>=']))} {number}"
    if kind == 6:
        text = draw(st.sampled_from(["t.buf", *PLAIN_TEXTS]))
        operator = draw(st.sampled_from(["contains", "startswith", "endswith"]))
        return f"{text} {operator} {quoted(draw(st.sampled_from(WORDS)))}"
    if kind == 7:
        operator = draw(st.sampled_from(["bcontains", "bstartswith"]))
        return f"t.buf {operator} {draw(st.sampled_from(['61', '6162', 'ff', '2f61']))}"
    many = [text for text in TEXTS if not BY_TEXT[text].is_list or BY_TEXT[text].info.path]
    if kind == 8:
        operator = draw(st.sampled_from(["glob", "iglob"]))
        return f'{draw(st.sampled_from(many))} {operator} "{draw(st.sampled_from(PATTERNS))}"'
    if kind == 9:
        return f'{draw(st.sampled_from(many))} regex "{draw(st.sampled_from(REGEXES))}"'
    if kind == 10:
        paths = draw(st.lists(st.sampled_from(["/a", "/a/*", '"a/b"', "/", "/?/b"]), max_size=3))
        return f"t.path pmatch ({', '.join(paths)})"
    if kind == 11:
        text = draw(
            st.sampled_from(
                [
                    "t.a",
                    "n.i",
                    "n.u",
                    "ip.a",
                    "ip.net",
                    "ip.either",
                    "n.ports",
                    "doc.many[*].x",
                    "t.any",
                ]
            )
        )
        modifier = draw(st.sampled_from(["oneof", "anyof", "allof"]))
        operator = draw(st.sampled_from(["=", "!="]))
        items = draw(st.lists(constants(BY_TEXT[text]), max_size=3))
        return f"{text} {operator} {modifier} ({', '.join(items)})"
    if kind == 12:
        pairs = [("t.a", "t.b"), ("n.i", "n.j"), ("doc.many[*].x", "t.a"), ("doc.one", "doc.one")]
        left, right = draw(st.sampled_from(pairs))
        operators = (
            ["=", "!=", "in"] if left == "n.i" else ["=", "!=", "contains", "endswith", "in"]
        )
        return f"{left} {draw(st.sampled_from(operators))} val({right})"
    if kind == 13:
        return f"l.text {draw(st.sampled_from(['in', 'intersects']))} val(l.more)"
    if kind == 14:
        name = draw(st.sampled_from(["tolower", "toupper", "basename", "b64"]))
        text = draw(st.sampled_from([*PLAIN_TEXTS, "doc.many[*].x"]))
        inner = f"tolower({text})" if draw(st.booleans()) else text
        operator = draw(st.sampled_from(["=", "!=", "in", "contains"]))
        word = quoted(draw(st.sampled_from(WORDS)))
        return f"{name}({inner}) {operator} {f'({word})' if operator == 'in' else word}"
    return draw(
        st.sampled_from(
            [
                "len(t.a) > 1",
                "len(l.text) = 2",
                "len(l.num) >= 1",
                "toupper(l.text) intersects (AB, A)",
                "b64(l.text) in (ab)",
                'concat(t.a, "-", tolower(t.b)) = "a-a"',
                'join("/", (t.a, t.b)) startswith "a/"',
                'join(t.a, l.more) contains "ab"',
                'join(",", (t.a, l.text)) endswith ","',
                "tolower(t.a) = tolower(t.b)",
                'getopt(("-ab", t.a), "ab:")[b] = a',
                'getopt(l.text, "a:") intersects ("?", "a")',
                "len(concat(t.a, t.b)) < 3",
            ]
        )
    )


CONDITIONS = st.recursive(
    check(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' and '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' or '.join(parts)})"),
        inner.map(lambda one: f"not ({one})"),
    ),
    max_leaves=8,
)


def plain(expr: ast.Expr, events: list[dict[str, Value]]) -> list[int]:
    reference = Reference(CATALOGUE, SOURCE)
    return [row for row, event in enumerate(events) if reference.matches(expr, event)]


def judged(evaluator: Evaluator, part: Segment) -> list[list[int]]:
    return [rows.tolist() for rows in evaluator.judge(part).rows]


@settings(max_examples=500, deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=5), EVENTS, CONDITIONS)
def test_fast_is_plain(texts: list[str], events: list[dict[str, Value]], edited: str) -> None:
    exprs = [parse(text) for text in texts]
    plan = Plan(CATALOGUE, SOURCE, [(str(place), expr) for place, expr in enumerate(exprs)])
    part = segment(events, FIELDS)
    evaluator = Evaluator(plan, remember=True)
    expected = [plain(expr, events) for expr in exprs]
    assert judged(evaluator, part) == expected
    # A second look, and an edited rule, give the same as a fresh start.
    plan.replace("0", parse(edited))
    expected[0] = plain(parse(edited), events)
    assert judged(evaluator, part) == expected
    evaluator.forget_unused()
    assert judged(evaluator, part) == expected
    some = np.arange(0, len(events), 2)
    chosen = [[place for place, row in enumerate(some) if row in rows] for rows in expected]
    assert judged(Evaluator(plan), part.take(some)) == chosen


@settings(max_examples=60, deadline=None)
@given(st.lists(CONDITIONS, min_size=2, max_size=4), EVENTS, st.integers(2, 40))
def test_few_rows_of_many(texts: list[str], events: list[dict[str, Value]], times: int) -> None:
    """Many events of which few are left undecided: rows are then asked alone."""
    exprs = [parse(text) for text in texts]
    events = [{field.text: None for field in FIELDS}] * (10 * times) + events * times
    plan = Plan(CATALOGUE, SOURCE, [(str(place), expr) for place, expr in enumerate(exprs)])
    evaluator = Evaluator(plan)
    part = segment(events, FIELDS)
    for _ in range(2):  # the second time with what the first taught
        assert judged(evaluator, part) == [plain(expr, events) for expr in exprs]


def test_first_and_every() -> None:
    texts = ["n.i > 0", "n.i >= 0", "n.i = 1"]
    plan = Plan(CATALOGUE, SOURCE, [(text, parse(text)) for text in texts])
    events: list[dict[str, Value]] = [{"n.i": one} for one in (0, 1, None, 2)]
    verdicts = Evaluator(plan).judge(segment(events, [ref("n.i")]))
    rows, rules = verdicts.every()
    assert list(zip(rows.tolist(), rules.tolist(), strict=True)) == [
        (0, 1), (1, 0), (1, 1), (1, 2), (3, 0), (3, 1),
    ]  # fmt: skip
    rows, rules = verdicts.first()
    assert list(zip(rows.tolist(), rules.tolist(), strict=True)) == [(0, 1), (1, 0), (3, 0)]


class Counting:
    """A segment that notes what it is asked for."""

    def __init__(self, inner: Segment) -> None:
        self.inner = inner
        self.asked: list[list[str]] = []

    def __len__(self) -> int:
        return len(self.inner)

    def columns(self, refs):  # type: ignore[no-untyped-def]
        self.asked.append([one.text for one in refs])
        return self.inner.columns(refs)

    def take(self, rows):  # type: ignore[no-untyped-def]
        return self.inner.take(rows)


def test_an_edited_rule_asks_only_for_what_is_new() -> None:
    plan = Plan(
        CATALOGUE,
        SOURCE,
        [("one", parse("n.i > 0 and t.a = a")), ("two", parse("n.i > 0 and t.b = b"))],
    )
    counting = Counting(segment([{"n.i": 1, "t.a": b"a"}], FIELDS))
    evaluator = Evaluator(plan, remember=True)
    evaluator.judge(counting)
    assert counting.asked == [["n.i", "t.a", "t.b"]]
    counting.asked.clear()
    plan.replace("two", parse("n.i > 0 and n.u exists"))
    evaluator.judge(counting)
    assert counting.asked == [["n.u"]]


def test_a_check_in_many_rules_is_one_predicate() -> None:
    rules = [(str(n), parse(f"n.i > 0 and t.a = w{n}")) for n in range(40)]
    plan = Plan(CATALOGUE, SOURCE, rules)
    assert len(plan.predicates) == 41
    for key, _ in rules[1:]:
        plan.remove(key)
    plan.forget_unused()
    assert [one.key for one in plan.predicates] == ["n.i > 0", "t.a = w0"]
