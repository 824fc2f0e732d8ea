"""From a condition's syntax tree to predicates: the checks that Falco makes at load, and the tests.

Verdicts and messages are those of userspace/libsinsp/filter.cpp and sinsp_filtercheck.cpp in
falcosecurity/libs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from capture.errors import FalcowbError
from engine.constants import BITS, BadConstant, Constant, checked_length, convert, encode, from_hex
from engine.fields.catalogue import Catalogue, UnknownField
from engine.fields.events import known_type_names
from engine.fields.model import FieldType
from engine.language import ast
from engine.language.errors import ConditionError
from engine.language.printer import to_string
from engine.multivalue import MULTI_TRANSFORMERS
from engine.operands import (
    ConstantOperand,
    FieldOperand,
    ListOperand,
    MultiTransformed,
    Operand,
    Shape,
    Transformed,
)
from engine.operators import KIND, OPERATORS, TEXT, Test, refusal, with_modifier
from engine.predicate import Predicate, predicate
from engine.remarks import Remark, remarks_on_constant
from engine.special import around, compare_numbers, in_the_events_type, until_nul
from engine.transformers import TRANSFORMERS, Base64


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    predicate: Predicate


@dataclass(frozen=True, slots=True, eq=False)
class AllOf:
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf:
    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Negated:
    child: Condition


Condition = Leaf | AllOf | AnyOf | Negated


@dataclass(slots=True)
class Interner:
    """Predicates by their text, and what is built of them, so that one used in many rules (a macro,
    say) is one. For one source."""

    predicates: dict[str, Predicate] = field(default_factory=dict)
    nodes: dict[tuple[object, ...], Condition] = field(default_factory=dict)

    def node(self, kind: type[AllOf] | type[AnyOf], children: Iterable[Condition]) -> Condition:
        parts = tuple(dict.fromkeys(children))
        if len(parts) == 1:
            return parts[0]
        return self.nodes.setdefault((kind, *parts), kind(parts))

    def negated(self, child: Condition) -> Condition:
        if isinstance(child, Negated):
            return child.child
        return self.nodes.setdefault((Negated, child), Negated(child))

    def leaf(self, predicate: Predicate) -> Condition:
        return self.nodes.setdefault((Leaf, predicate), Leaf(predicate))


def compile_condition(
    expr: ast.Expr,
    catalogue: Catalogue,
    source: str,
    *,
    interner: Interner | None = None,
    remarks: list[Remark] | None = None,
) -> Condition:
    """The condition with every check made ready.

    Macros and lists must have been put in before. ``remarks`` receives what is valid but suspicious
    (a field's name as a constant, a regex that needs none). Raises ConditionError, whose ``pos`` is
    that of the node at fault.
    """
    return _Compiler(catalogue, source, interner or Interner(), remarks).condition(expr)


def compile_operand(node: ast.Operand, catalogue: Catalogue, source: str) -> Operand:
    """A field or transformer on its own, as outputs use it. Raises ConditionError."""
    return _Compiler(catalogue, source, Interner(), None).operand(node)


@dataclass(slots=True)
class _Compiler:
    catalogue: Catalogue
    source: str
    interner: Interner
    remarks: list[Remark] | None

    def condition(self, expr: ast.Expr) -> Condition:
        match expr:
            case ast.And(children):
                return self.interner.node(AllOf, [self.condition(child) for child in children])
            case ast.Or(children):
                return self.interner.node(AnyOf, [self.condition(child) for child in children])
            case ast.Not(child):
                return self.interner.negated(self.condition(child))
            case ast.Identifier(name):
                raise ConditionError(f"filter error: unexpected identifier '{name}'", pos=expr.pos)
            case ast.Unary() | ast.Binary():
                return self.interner.leaf(self.check(expr))

    def check(self, check: ast.Unary | ast.Binary) -> Predicate:
        key = to_string(check)
        known = self.interner.predicates.get(key)
        if known is None or self.remarks is not None:
            known = self.interner.predicates.setdefault(key, self.make(check, key))
        return known

    def make(self, check: ast.Unary | ast.Binary, key: str) -> Predicate:
        left = self.operand(check.left)
        if isinstance(check, ast.Unary):
            return predicate(key, left, check.op, OPERATORS[check.op].test(()), None, 0.5)
        name, _, modifier = check.op.partition(" ")
        name = "=" if name == "==" else name
        self.fits(left, name, modifier, check)
        if isinstance(check.right, ast.Value | ast.ValueList):
            return self.against_constants(left, name, modifier, check.right, key)
        right = self.operand(check.right)
        self.comparable(left, name, right, check)
        return predicate(key, left, name, OPERATORS["exists"].test(()), right, 8.0)

    # Left and right sides

    def operand(self, node: ast.Operand) -> Operand:
        match node:
            case ast.Field(name, arg):
                try:
                    return FieldOperand(self.catalogue.lookup(name, arg, self.source))
                except UnknownField as error:
                    raise ConditionError(error.message, pos=node.pos, hint=error.hint) from None
            case ast.Value(text):
                return ConstantOperand(encode(text))
            case ast.OperandList(items):
                if not items:
                    raise ConditionError(
                        "filter error: unexpected empty transformer list element", pos=node.pos
                    )
                return ListOperand(tuple(self.operand(item) for item in items))
            case ast.Transformer():
                return self.transformed(node)

    def transformed(self, node: ast.Transformer) -> Operand:
        arguments = tuple(self.operand(argument) for argument in node.args)
        if node.name == "val":
            if node.arg is not None:
                raise _no_argument(node)
            if len(arguments) != 1:
                raise ConditionError("val() takes exactly one field", pos=node.pos)
            return arguments[0]
        if len(arguments) == 1 and node.name in TRANSFORMERS:
            if node.arg is not None:
                raise _no_argument(node)
            return self.single(node, arguments[0])
        multi = MULTI_TRANSFORMERS.get(node.name)
        if multi is None:
            if node.name in TRANSFORMERS:
                message = f"{node.name}() takes exactly one argument"
            else:
                message = f"transformer '{node.name}' is not supported"
            raise ConditionError(
                message, pos=node.pos, expected=(*TRANSFORMERS, *MULTI_TRANSFORMERS)
            )
        shapes = [_declared(argument) for argument in arguments]
        why = multi.refusal(
            [KIND[shape.type] == TEXT for shape in shapes], [shape.is_list for shape in shapes]
        )
        if why:
            raise ConditionError(why, pos=node.pos)
        is_list = node.name == "getopt" and node.arg is None
        if node.arg is not None:
            if node.name != "getopt":
                raise _no_argument(node)
            if len(encode(node.arg)) != 1:
                raise ConditionError(
                    "getopt() field argument must be a single option character", pos=node.pos
                )
        shape = Shape(FieldType.CHARBUF, is_list)
        return MultiTransformed(multi, arguments, node.arg, shape)

    def single(self, node: ast.Transformer, inner: Operand) -> Operand:
        transformer = TRANSFORMERS[node.name]
        if "no_transformer" in _marks(inner):
            raise ConditionError(
                f"field '{inner.name}' does not support transformers", pos=node.pos
            )
        shape = inner.shape
        result = transformer.result(shape.type, shape.is_list)
        if result is None:
            raise ConditionError(
                f"can't add field transformer: type '{shape.type.value}' is not supported by"
                f" '{node.name}' transformer applied on {'list ' if shape.is_list else ''}field"
                f" '{inner.name}'",
                pos=node.pos,
            )
        return Transformed(transformer, inner, Shape(*result, many=shape.many, either=shape.either))

    # Checks

    def fits(self, left: Operand, name: str, modifier: str, check: ast.Binary) -> None:
        shape = left.shape
        if isinstance(left, FieldOperand) and left.ref.info.name == "evt.around" and name != "=":
            raise ConditionError("evt.around supports only '=' comparison operator", pos=check.pos)
        why = refusal(name, modifier, shape.type, shape.is_list)
        if why:
            special = [mark for mark in _marks(left) if mark.startswith("type ")]
            if special:
                why = why.replace("'DYN'", f"'{special[0].removeprefix('type ')}'")
            raise ConditionError(f"filter error: {why}", pos=check.pos, hint=_operators_for(shape))

    def against_constants(
        self, left: Operand, name: str, modifier: str, right: ast.Value | ast.ValueList, key: str
    ) -> Predicate:
        texts: Sequence[str] = (right.text,) if isinstance(right, ast.Value) else right.items
        constants: list[Constant] = []
        for text in texts:
            if self.remarks is not None:
                self.remarks.extend(
                    remarks_on_constant(name, text, right.pos, self.catalogue, self.source)
                )
            try:
                constants.append(self.constant(left, name, text))
            except FalcowbError as error:
                raise ConditionError(error.message, pos=right.pos, hint=error.hint) from None
        try:
            test = _test(left, name, modifier, constants)
            if KIND[left.shape.type] == TEXT:
                test(pa.array([], pa.binary()))  # what RE2 will not run is refused now
        except (FalcowbError, pa.ArrowInvalid) as error:
            message = error.message if isinstance(error, FalcowbError) else str(error)
            hint = error.hint if isinstance(error, FalcowbError) else ""
            raise ConditionError(message, pos=right.pos, hint=hint) from None
        cost = OPERATORS[name].cost * (len(constants) if modifier else 1)
        if not isinstance(left, FieldOperand):
            cost += 5.0
        return predicate(key, left, name, test, None, cost)

    def constant(self, left: Operand, name: str, text: str) -> Constant:
        if name in ("bcontains", "bstartswith"):
            return checked_length(from_hex(text))
        value = convert(text, left.shape.type)
        if _innermost_name(left) == "evt.type" and text not in known_type_names():
            raise BadConstant(f"unknown event type {text}")
        return value

    def comparable(self, left: Operand, name: str, right: Operand, check: ast.Binary) -> None:
        """Whether ``left`` may be compared with the field ``right``."""
        if name in ("pmatch", "regex"):
            raise ConditionError(
                f"operator '{name.upper()}' doesn't support right-hand side fields", pos=check.pos
            )
        ours, theirs = left.shape, right.shape
        if ours.type is FieldType.IPNET:
            raise ConditionError(
                "field type 'IPNET' doesn't support right-hand side fields", pos=check.pos
            )
        if "no_rhs" in _marks(left):
            raise ConditionError(
                f"field '{left.name}' doesn't support right-hand side fields", pos=check.pos
            )
        if "no_rhs" in _marks(right) or theirs.many:
            raise ConditionError(
                f"field '{right.name}' can't be used as a right-hand side field",
                pos=check.right.pos,
            )
        if (ours.type, ours.is_list) != (theirs.type, theirs.is_list):
            raise ConditionError(
                f"field '{left.name}' has type '{_typed(ours)}' while the right-hand side field"
                f" '{right.name}' has incompatible type '{_typed(theirs)}'",
                pos=check.right.pos,
            )


#: Fields that conditions compare with every ancestor (compare_nocache of
#: sinsp_filtercheck_thread.cpp in falcosecurity/libs).
_ANCESTORS = frozenset(
    {"proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.aenv", "proc.apid"}
)


def _test(left: Operand, name: str, modifier: str, constants: Sequence[Constant]) -> Test:
    shape = left.shape
    operator = OPERATORS[name]
    if isinstance(left, FieldOperand):
        info = left.ref.info
        if info.name == "evt.around":
            return around(int(left.ref.arg or "0"), constants[0])
        if info.path and name in ("<", "<=", ">", ">="):
            test = compare_numbers(name, constants[0])
            if test is not None:
                return test
        if info.name == "evt.rawarg" and constants and isinstance(constants[0], int):
            bits = BITS.get(shape.type, 64)
            return in_the_events_type(operator, modifier, constants, bits)
    constants, modifier, test = _as_libs_compares(left, name, modifier, constants)
    if test is None:
        test = (
            with_modifier(operator, modifier, constants) if modifier else operator.test(constants)
        )
    if KIND[shape.type] == TEXT and _decodes(left):
        return until_nul(test, whole=operator.takes_list or name == "regex")
    return test


def _as_libs_compares(
    left: Operand, name: str, modifier: str, constants: Sequence[Constant]
) -> tuple[Sequence[Constant], str, Test | None]:
    """What libs makes of lists of constants in cases that nobody would expect: replaying a rule
    must show what Falco does, so they are kept.

    ``fd.ip``, ``fd.port`` and kin with a modifier, and ``fd.net`` with any list, are compared with
    the first constant only. ``= anyof`` of networks looks for an address among networks and never
    finds it; ``!= allof`` is its opposite. Fields of every ancestor (``proc.aname`` without an
    index) leave a modifier out and compare with the first constant; ``proc.apid in`` never holds.
    """
    shape = left.shape
    if isinstance(left, FieldOperand) and left.ref.arg is None and left.ref.info.name in _ANCESTORS:
        if left.ref.info.name == "proc.apid" and name in ("in", "intersects"):
            return constants, "", OPERATORS["in"].test(())
        if modifier and constants:
            return constants[:1], "", None
    if shape.either and (modifier or shape.type is FieldType.IPNET):
        return constants[:1], "", None if constants else with_modifier(OPERATORS[name], "anyof", ())
    if shape.type is FieldType.IPNET and constants:
        if (name, modifier) == ("=", "anyof"):
            return constants, modifier, OPERATORS["in"].test(())
        if (name, modifier) == ("!=", "allof"):
            return constants, modifier, OPERATORS["exists"].test(())
    return constants, modifier, None


def _declared(operand: Operand) -> Shape:
    """The shape that a transformer of several values sees: that of the field before any change."""
    while isinstance(operand, Transformed):
        operand = operand.inner
    if isinstance(operand, MultiTransformed):
        return Shape(FieldType.CHARBUF, False)
    return operand.shape


def _decodes(operand: Operand) -> bool:
    while isinstance(operand, Transformed):
        if isinstance(operand.transformer, Base64):
            return True
        operand = operand.inner
    return isinstance(operand, MultiTransformed) and any(map(_decodes, operand.arguments))


def _innermost(operand: Operand) -> Operand:
    while isinstance(operand, Transformed):
        operand = operand.inner
    return operand


def _innermost_name(operand: Operand) -> str:
    inner = _innermost(operand)
    return inner.ref.info.name if isinstance(inner, FieldOperand) else ""


def _marks(operand: Operand) -> frozenset[str]:
    """The marks of the field that an operand is made of."""
    inner = _innermost(operand)
    return inner.ref.info.properties if isinstance(inner, FieldOperand) else frozenset()


def _typed(shape: Shape) -> str:
    return shape.type.value + (" (list)" if shape.is_list else "")


def _no_argument(node: ast.Transformer) -> ConditionError:
    return ConditionError(
        f"filter error: transformer '{node.name}' does not support field arguments", pos=node.pos
    )


def _operators_for(shape: Shape) -> str:
    if shape.type is FieldType.DYN:
        return "Its type depends on the event; only exists can be asked of it."
    names = [
        name
        for name in OPERATORS
        if name != "==" and not refusal(name, "", shape.type, shape.is_list)
    ]
    return f"Operators for type {_typed(shape)}: {', '.join(names)}."
