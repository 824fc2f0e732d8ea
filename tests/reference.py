"""The specification of conditions: one event, one check at a time, as plainly as possible.

The columnar evaluator is compared with this. Nothing here is shared with it but the syntax tree,
the catalogue and the reading of constants.

An event maps a field as written (``proc.name``, ``evt.arg[0]``) to its value: bytes for
texts, buffers and addresses, int, float or bool for numbers, a list of them for list fields and for
fields that have several values at once; None or absence is "no value".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from engine.constants import Network, convert, from_hex
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef, FieldType
from engine.language import ast

Scalar = bytes | int | float | bool
Value = Scalar | list[Scalar] | None
Event = Mapping[str, Value]

_TEXT = (FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH)


class Reference:
    def __init__(self, catalogue: Catalogue, source: str) -> None:
        self.catalogue = catalogue
        self.source = source

    def matches(self, expr: ast.Expr, event: Event) -> bool:
        match expr:
            case ast.And(children):
                return all(self.matches(child, event) for child in children)
            case ast.Or(children):
                return any(self.matches(child, event) for child in children)
            case ast.Not(child):
                return not self.matches(child, event)
            case ast.Unary(left):
                return self.value(left, event) is not None
            case ast.Binary(left, op, right):
                value = self.value(left, event)
                return value is not None and self.compare(left, op, right, value, event)
        raise AssertionError(f"a macro is left: {expr}")

    # Values

    def ref(self, operand: ast.Operand) -> FieldRef | None:
        """The field that an operand is made of, where it is made of one."""
        while isinstance(operand, ast.Transformer):
            if operand.name in ("join", "concat", "getopt"):
                return None
            operand = operand.args[0]
        if isinstance(operand, ast.Field):
            return self.catalogue.lookup(operand.name, operand.arg, self.source)
        return None

    def value(self, operand: ast.Operand, event: Event) -> Value:
        match operand:
            case ast.Field(name, arg):
                return event.get(self.catalogue.lookup(name, arg, self.source).text)
            case ast.Value(text):
                return text.encode("utf-8", "surrogateescape")
            case ast.OperandList(items):
                return self.spliced(items, event)
            case ast.Transformer("val", (inner,)):
                return self.value(inner, event)
            case ast.Transformer(name, (inner,)) if name not in ("join", "concat", "getopt"):
                return self.transformed(name, inner, self.value(inner, event))
            case ast.Transformer(name, args, selector):
                values = [self.value(arg, event) for arg in args]
                if any(value is None for value in values):
                    return None
                return combined(name, values, selector)
        raise AssertionError(operand)

    def spliced(self, items: tuple[ast.Operand, ...], event: Event) -> Value:
        whole: list[Scalar] = []
        for item in items:
            value = self.value(item, event)
            if value is None:
                return None
            whole.extend(value if isinstance(value, list) else [printed(value)])
        return whole

    def transformed(self, name: str, inner: ast.Operand, value: Value) -> Value:
        if value is None:
            return None
        if name == "len" and isinstance(value, list) and self.is_list(inner):
            return len(value)
        if isinstance(value, list):
            changed = [changed_by(name, one) for one in value]
            return None if None in changed else [one for one in changed if one is not None]
        return changed_by(name, value)

    def is_list(self, operand: ast.Operand) -> bool:
        """Whether an operand is a list, rather than one value or several of which any may do."""
        match operand:
            case ast.OperandList():
                return True
            case ast.Transformer("getopt", _, selector):
                return selector is None
            case ast.Transformer("len" | "join" | "concat"):
                return False
            case ast.Transformer(_, (inner,)):
                return self.is_list(inner)
        ref = self.ref(operand)
        return ref is not None and ref.is_list and not ref.info.path

    def type_of(self, operand: ast.Operand) -> FieldType:
        if isinstance(operand, ast.Transformer):
            if operand.name == "len":
                return FieldType.UINT64
            if operand.name in ("join", "concat", "getopt"):
                return FieldType.CHARBUF
            return self.type_of(operand.args[0])
        ref = self.ref(operand)
        return FieldType.CHARBUF if ref is None else ref.info.type

    # Comparisons

    def compare(
        self,
        left: ast.Operand,
        op: str,
        right: ast.Operand | ast.ValueList,
        value: Value,
        event: Event,
    ) -> bool:
        name, _, modifier = op.partition(" ")
        type_ = self.type_of(left)
        if not isinstance(right, ast.Value | ast.ValueList):
            other = self.value(right, event)
            if other is None:
                return False
            constants = other if isinstance(other, list) else [other]
        else:
            texts = right.items if isinstance(right, ast.ValueList) else (right.text,)
            constants = [constant(text, name, type_) for text in texts]
        ref = self.ref(left)
        path = ref is not None and ref.info.path and isinstance(left, ast.Field)
        values = value if isinstance(value, list) else [value]
        # Oddities of libs: see engine/compile.py, _as_libs_compares.
        either = ref is not None and "either" in ref.info.properties
        if either and (modifier or type_ is FieldType.IPNET):
            constants, modifier = constants[:1], ""
            if not constants:
                return False
        elif type_ is FieldType.IPNET and constants and (name, modifier) == ("=", "anyof"):
            return False
        elif type_ is FieldType.IPNET and constants and (name, modifier) == ("!=", "allof"):
            return True

        def one(single: Scalar) -> bool:
            if path and name in ("<", "<=", ">", ">=") and as_number(constants[0]) is not None:
                number = as_number(single)
                wanted = as_number(constants[0])
                return number is not None and ordered(name, number, wanted)
            if modifier:
                held = [compare_scalar(name, single, c, type_) for c in constants]
                wanted_count = {"oneof": sum(held) == 1, "anyof": any(held), "allof": all(held)}
                return bool(held) and wanted_count[modifier]
            if name in ("in", "intersects"):
                return any(compare_scalar("=", single, c, type_) for c in constants)
            if name == "pmatch":
                return any(below(single, c) for c in constants)
            return compare_scalar(name, single, constants[0], type_)

        answers = [one(single) for single in values]
        if self.is_list(left) and name == "in":
            return all(answers)
        if either and name == "!=":
            return bool(answers) and all(answers)
        return any(answers)


def constant(text: str, name: str, type_: FieldType) -> Scalar | Network:
    return from_hex(text) if name in ("bcontains", "bstartswith") else convert(text, type_)


def printed(value: Scalar) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def as_number(value: object) -> float | int | None:
    text = value.decode("latin-1") if isinstance(value, bytes) else ""
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text):
        return float(text)
    return None


def changed_by(name: str, value: Scalar) -> Scalar | None:
    assert isinstance(value, bytes)
    match name:
        case "tolower":
            return bytes(c + 32 if 65 <= c <= 90 else c for c in value)
        case "toupper":
            return bytes(c - 32 if 97 <= c <= 122 else c for c in value)
        case "basename":
            return value.split(b"/")[-1]
        case "len":
            return len(value)
        case "b64":
            return decoded(value)
    raise AssertionError(name)


def decoded(text: bytes) -> bytes | None:
    body = re.sub(rb"={1,2}$", b"", text)
    if not text:
        return b""
    if not re.fullmatch(rb"[A-Za-z0-9+/]+", body) or len(body) % 4 == 1:
        return None
    raw = base64.b64decode(body + b"==="[: -len(body) % 4])
    return raw if base64.b64encode(raw).rstrip(b"=") == body else None


def combined(name: str, values: list[Value], selector: str | None) -> Value:
    if name == "concat":
        return b"".join(printed(value) for value in values)  # type: ignore[arg-type]
    if name == "join":
        separator, items = values
        return separator.join(items)  # type: ignore[union-attr,arg-type,return-value]
    return options(values[0], values[1], selector)  # type: ignore[arg-type]


def options(words: list[bytes], letters: bytes, selector: str | None) -> Value:
    letters = letters.removeprefix(b":")
    found: list[bytes] = []
    chosen: bytes | None = None
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == b"--" or len(word) < 2 or word[:1] != b"-":
            break
        if word[:2] == b"--":
            continue
        rest = word[1:]
        while rest:
            letter, rest = rest[:1], rest[1:]
            place = letters.find(letter)
            if letter == b":" or place < 0:
                found.append(b"?")
                continue
            result: list[bytes] = [letter]
            if letters[place + 1 : place + 2] == b":":
                if rest:
                    result.append(rest)
                elif queue:
                    result.append(queue.pop(0))
                else:
                    result = [b""]
                rest = b""
            found.extend(result)
            if letter.decode("latin-1") == selector:
                chosen = result[-1]
    if selector is None:
        return list(found)
    return chosen


def ordered(name: str, a: object, b: object) -> bool:
    match name:
        case "<":
            return a < b  # type: ignore[operator,no-any-return]
        case "<=":
            return a <= b  # type: ignore[operator,no-any-return]
        case ">":
            return a > b  # type: ignore[operator,no-any-return]
    return a >= b  # type: ignore[operator,no-any-return]


def compare_scalar(name: str, value: Scalar, other: Scalar | Network, type_: FieldType) -> bool:
    if isinstance(other, Network):
        assert isinstance(value, bytes)
        inside = value in other
        return inside is not (name == "!=")
    match name:
        case "=" | "==" | "in" | "intersects":
            return value == other
        case "!=":
            return value != other
        case "<" | "<=" | ">" | ">=":
            return ordered(name, value, other)
    assert isinstance(value, bytes) and isinstance(other, bytes)
    match name:
        case "contains" | "bcontains":
            return other in value
        case "icontains":
            return other.lower() in value.lower()
        case "startswith" | "bstartswith":
            return value.startswith(other)
        case "endswith":
            return value.endswith(other)
        case "glob":
            return fits(other, value)
        case "iglob":
            return fits(other.lower(), value.lower())
        case "regex":
            text = value.decode("utf-8", "replace")
            return re.fullmatch(other.decode(), text, re.MULTILINE) is not None
    raise AssertionError(name)


def fits(pattern: bytes, text: bytes) -> bool:
    """A shell pattern without classes in its sets."""
    if not pattern:
        return not text
    head, rest = pattern[:1], pattern[1:]
    if head == b"*":
        return any(fits(rest, text[at:]) for at in range(len(text) + 1))
    if head == b"[" and b"]" in rest[1:]:
        end = rest.index(b"]", 1)
        members, negated = rest[:end], rest[:1] in (b"!", b"^")
        listed: set[int] = set()
        for found in re.finditer(rb"(?s)(.)-(.)|(.)", members[negated:]):
            low, high, single = found.groups()
            listed.update(range(low[0], high[0] + 1) if low else single)
        return bool(text) and (text[0] in listed) is not negated and fits(rest[end + 1 :], text[1:])
    if head == b"\\" and rest:
        head, rest = rest[:1], rest[1:]
    elif head == b"?" and text:
        return fits(rest, text[1:])
    return text[:1] == head and fits(rest, text[1:])


def below(path: Scalar, wanted: Scalar | Network) -> bool:
    assert isinstance(path, bytes) and isinstance(wanted, bytes)
    parts = [part for part in path.split(b"/") if part]
    patterns = [part for part in wanted.split(b"/") if part]
    return len(parts) >= len(patterns) and all(map(fits, patterns, parts))
