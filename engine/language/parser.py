"""From a condition's text to its syntax tree.

A recursive descent over the grammar of userspace/libsinsp/filter/parser.h in falcosecurity/libs,
attempt by attempt in upstream's order, so that the same texts are accepted, the same trees come
out, and errors stand at the same place with the same words.

One thing is added: path fields. Where a field's bracket is followed by ``.name`` or by another
bracket, which no valid condition of upstream's has, the whole text belongs to the field's name:
``k8s.audit.response.spec.containers[*].securityContext.privileged``.
"""

from __future__ import annotations

from collections.abc import Callable

from capture.errors import Place
from engine.language import grammar
from engine.language.ast import (
    And,
    Binary,
    Expr,
    Field,
    Identifier,
    Not,
    Operand,
    OperandList,
    Or,
    Pos,
    Transformer,
    Unary,
    Value,
    ValueList,
)
from engine.language.errors import ConditionError
from engine.language.escape import quote_exactly
from engine.language.hints import hint_for
from engine.language.lexer import Lexer

_TRANSFORMERS_AND_VAL = grammar.quoted_names((grammar.VAL, *grammar.TRANSFORMERS))
_FIELD_OR_TRANSFORMER = ("a field", "a transformer")
_LONG = 256  # characters of a token that a message repeats


def parse(text: str, *, file: str = "", line: int = 1, column: int = 1) -> Expr:
    """The tree of a condition.

    ``file``, ``line`` and ``column`` say where ``text`` begins, for the place of an error.
    Raises :class:`ConditionError`, and nothing else, for whatever is no condition. Takes time
    linear in the length of ``text``; nesting is limited to 100 levels of the grammar.
    """
    parser = Parser(text)
    try:
        return parser.parse()
    except ConditionError as error:
        error.place = place_of(text, error.pos, file=file, line=line, column=column)
        error.hint = hint_for(text, error.pos.index, parser.lexer.token, error.expected)
        raise


def scan_field(text: str, index: int = 0, *, paths: bool = True) -> tuple[Field, int]:
    """The field whose name begins at ``index``, and where it ends.

    For texts in which a field stands among other things, such as output formats. With ``paths``
    false a name ends at its first closing bracket, as upstream has it. Raises
    :class:`ConditionError` where no field name stands or a bracket is broken.
    """
    parser = Parser(text, index, paths=paths)
    pos = parser.lexer.pos()
    if not parser.lexer.field_name():
        raise parser.error("expected a field name", "a field name")
    field = parser.field_rest(parser.lexer.token, pos)
    return field, parser.lexer.index


def place_of(text: str, pos: Pos, *, file: str = "", line: int = 1, column: int = 1) -> Place:
    """Where ``pos`` lies in a file in which ``text`` begins at ``line`` and ``column``."""
    before = pos.column - 1
    start = pos.index - before
    ends = [end for mark in "\r\n" if (end := text.find(mark, pos.index)) >= 0]
    source_line = text[start : min(ends, default=len(text))]
    if pos.line == 1:
        # What stands before the condition in its file is unknown here; the caret must still fit.
        return Place(file, line, column + before, " " * (column - 1) + source_line)
    return Place(file, line + pos.line - 1, pos.column, source_line)


class _Level:
    """Counts how deep the grammar's rules are nested: ``with level:`` is one rule.

    Like upstream's guard, a refused level stays counted: it is noticed at the end even where a
    list that may be empty swallows the refusal.
    """

    def __init__(self, parser: Parser, limit: int) -> None:
        self.depth = 0
        self._parser = parser
        self._limit = limit

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth >= self._limit:
            raise self.refusal()

    def __exit__(self, *_: object) -> None:
        self.depth -= 1

    def refusal(self) -> ConditionError:
        return self._parser.error(f"exceeded max depth limit of {self._limit}")


class Parser:
    """One parse of one text. Methods named ``_rest`` begin after their first token."""

    def __init__(
        self,
        text: str,
        index: int = 0,
        *,
        paths: bool = True,
        max_depth: int = grammar.MAX_DEPTH,
    ) -> None:
        self.lexer = Lexer(text, index)
        self._paths = paths
        self._level = _Level(self, max_depth)

    def error(self, message: str, *expected: str) -> ConditionError:
        return ConditionError(message, pos=self.lexer.pos(), expected=expected)

    def parse(self) -> Expr:
        lexer = self.lexer
        if not lexer.text:
            raise self.error("filter input string is empty", "a condition")
        expr = self._or()
        if self._level.depth > 0:
            raise self._level.refusal()
        if not lexer.at_end():
            token = lexer.token if len(lexer.token) <= _LONG else lexer.token[:_LONG] + "…"
            raise self.error(
                f"unexpected token after '{token}', expecting 'or', 'and'", "or", "and"
            )
        return expr

    def _or(self) -> Expr:
        with self._level:
            pos = self.lexer.pos()
            self.lexer.blank()
            children = self._joined("or", self._and)
            return children[0] if len(children) == 1 else Or(tuple(children), pos=pos)

    def _and(self) -> Expr:
        with self._level:
            pos = self.lexer.pos()
            self.lexer.blank()
            children = self._joined("and", self._not)
            return children[0] if len(children) == 1 else And(tuple(children), pos=pos)

    def _joined(self, keyword: str, operand: Callable[[], Expr]) -> list[Expr]:
        lexer = self.lexer
        children = [operand()]
        lexer.blank()
        while lexer.literal(keyword):
            if lexer.blank():
                children.append(operand())
            elif lexer.literal("("):
                children.append(self._bracket_rest())
            else:
                raise self.error(f"expected blank or '(' after '{keyword}'", "a blank", "(")
            lexer.blank()
        return children

    def _not(self) -> Expr:
        with self._level:
            lexer = self.lexer
            pos = lexer.pos()
            negated = False
            lexer.blank()
            while lexer.pattern(grammar.NOT_BLANK):
                negated = not negated
            if lexer.literal("not("):
                negated = not negated
                child = self._bracket_rest()
            else:
                child = self._check()
            return Not(child, pos=pos) if negated else child

    def _bracket_rest(self) -> Expr:
        with self._level:
            self.lexer.blank()
            child = self._or()
            self.lexer.blank()
            if not self.lexer.literal(")"):
                raise self.error("expected a ')' token", ")", "and", "or")
            return child

    def _check(self) -> Expr:
        with self._level:
            lexer = self.lexer
            pos = lexer.pos()
            lexer.blank()
            if lexer.literal("("):
                return self._bracket_rest()
            if lexer.field_name():
                return self._condition(self.field_rest(lexer.token, pos), pos)
            if lexer.transformer():
                name = lexer.token
                lexer.blank()
                return self._condition(self._transformer_rest(name, pos), pos)
            if lexer.identifier():
                return Identifier(lexer.token, pos=pos)
            raise self.error(
                "expected a '(' token, a field check, or an identifier",
                "(", "not", "a macro", *_FIELD_OR_TRANSFORMER,
            )  # fmt: skip

    def field_rest(self, name: str, pos: Pos) -> Field:
        """The field whose dotted name has just been taken, with its bracket or path."""
        with self._level:
            arg, written = self._argument()
            path = [name]
            while arg is not None and self._paths and self._path_goes_on():
                path.append(written)
                if self.lexer.pattern(grammar.PATH_SEGMENTS):
                    path.append(self.lexer.token)
                    arg, written = self._argument()
                    continue
                arg, written = self._argument()
            if len(path) == 1:
                return Field(name, arg, pos=pos)
            return Field("".join(path) + written, pos=pos)

    def _path_goes_on(self) -> bool:
        lexer = self.lexer
        return lexer.text.startswith("[", lexer.index) or bool(
            grammar.PATH_SEGMENTS.match(lexer.text, lexer.index)
        )

    def _argument(self) -> tuple[str | None, str]:
        """What stands in brackets here, if any; and as a path writes it, with its brackets."""
        lexer = self.lexer
        if not lexer.literal("["):
            return None, ""
        if self._quoted():
            written = quote_exactly(lexer.token)
        elif lexer.field_argument():
            written = lexer.token
        else:
            raise self.error(
                "expected a valid field argument: a quoted string or a bare string",
                "an argument",
            )
        arg = lexer.token
        if not lexer.literal("]"):
            raise self.error("expected a ']' token", "]")
        return arg, f"[{written}]"

    def _transformer_rest(self, name: str, pos: Pos) -> Transformer:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            args: list[Operand] = []
            while True:
                args.append(self._transformer_argument(lexer.pos()))
                lexer.blank()
                if not lexer.literal(","):
                    break
            if not lexer.literal(")"):
                raise self.error("expected a ')' token closing the transformer", ")", ",")
            arg, _ = self._argument()
            return Transformer(name, tuple(args), arg, pos=pos)

    def _transformer_argument(self, pos: Pos) -> Operand:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            if lexer.number() or self._quoted():
                return Value(lexer.token, pos=pos)
            if lexer.literal("("):
                return self._operand_list_rest(pos)
            if lexer.transformer():
                return self._transformer_rest(lexer.token, pos)
            if lexer.field_name():
                return self.field_rest(lexer.token, pos)
            raise self.error(
                "expected field transformer argument: "
                "field, transformer, quoted string, number, or transformer list",
                *_FIELD_OR_TRANSFORMER, "a quoted string", "a number", "(",
            )  # fmt: skip

    def _operand_list_rest(self, pos: Pos) -> OperandList:
        lexer = self.lexer
        lexer.blank()
        if lexer.literal(")"):
            return OperandList((), pos=pos)
        items = [self._operand_list_item(pos)]
        lexer.blank()
        while lexer.literal(","):
            lexer.blank()
            items.append(self._operand_list_item(pos))
            lexer.blank()
        if not lexer.literal(")"):
            raise self.error("expected ')'", ")", ",")
        return OperandList(tuple(items), pos=pos)

    def _operand_list_item(self, pos: Pos) -> Field | Transformer | Value:
        lexer = self.lexer
        if lexer.field_name():
            return self.field_rest(lexer.token, pos)
        if lexer.transformer():
            name = lexer.token
            lexer.blank()
            return self._transformer_rest(name, pos)
        if self._quoted() or lexer.number():
            return Value(lexer.token, pos=pos)
        raise self.error(
            "expected transformer list argument: field, transformer, quoted string, or number",
            *_FIELD_OR_TRANSFORMER, "a quoted string", "a number",
        )  # fmt: skip

    def _condition(self, left: Field | Transformer, pos: Pos) -> Expr:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            if lexer.operator(grammar.UNARY_OPERATORS):
                return Unary(left, lexer.token, pos=pos)
            right: Value | ValueList | Transformer
            if lexer.operator(grammar.NUMBER_OPERATORS):
                op = lexer.token
                right = self._number_or_transformer()
            elif lexer.operator(grammar.STRING_OPERATORS, blank_after=True):
                op = lexer.token
                had_blank = op.isalpha() or lexer.blank()
                before = lexer.index, lexer.token
                if (
                    had_blank
                    and lexer.operator(grammar.MODIFIERS, blank_after=True)
                    and lexer.list_follows()
                    and not lexer.keyword_follows()
                ):
                    op = f"{op} {lexer.token}"
                    right = self._list()
                else:
                    lexer.index, lexer.token = before
                    right = self._string_or_transformer()
            elif lexer.operator(grammar.LIST_OPERATORS):
                op = lexer.token
                right = self._list_or_transformer()
            else:
                raise self.error(
                    "expected a valid check operator: one of "
                    + grammar.quoted_names(grammar.OPERATORS),
                    *grammar.OPERATORS,
                )
            return Binary(left, op, right, pos=pos)

    def _number_or_transformer(self) -> Value | Transformer:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            pos = lexer.pos()
            if transformer := self._try_transformer():
                return transformer
            if lexer.number():
                return Value(lexer.token, pos=pos)
            raise self.error(
                "expected a number value or a field with a valid transformer: "
                + _TRANSFORMERS_AND_VAL,
                "a number", "a transformer",
            )  # fmt: skip

    def _string_or_transformer(self) -> Value | Transformer:
        with self._level:
            self.lexer.blank()
            pos = self.lexer.pos()
            if transformer := self._try_transformer():
                return transformer
            if self._quoted() or self.lexer.bare_string():
                return Value(self.lexer.token, pos=pos)
            raise self.error(
                "expected a string value or a field with a valid transformer: "
                + _TRANSFORMERS_AND_VAL,
                "a value", "a transformer",
            )  # fmt: skip

    def _string(self) -> str:
        with self._level:
            self.lexer.blank()
            if self._quoted() or self.lexer.bare_string():
                return self.lexer.token
            raise self.error("expected a string value", "a value")

    def _try_list(self) -> ValueList | None:
        lexer = self.lexer
        pos = lexer.pos()
        if not lexer.literal("("):
            return None
        items: list[str] = []
        lexer.blank()
        try:
            items.append(self._string())
        except ConditionError:
            pass  # then it must be empty: the bracket below says so
        else:
            lexer.blank()
            while lexer.literal(","):
                items.append(self._string())
                lexer.blank()
        if not lexer.literal(")"):
            raise self.error("expected a ')' token", ")", "," if items else "a value")
        return ValueList(tuple(items), pos=pos)

    def _list(self) -> ValueList | Value:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            pos = lexer.pos()
            if (values := self._try_list()) is not None:
                return values
            if lexer.identifier():
                return Value(lexer.token, pos=pos)
            raise self.error("expected a list or an identifier", "(", "a list")

    def _list_or_transformer(self) -> ValueList | Value | Transformer:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            pos = lexer.pos()
            if (values := self._try_list()) is not None:
                return values
            if transformer := self._try_transformer():
                return transformer
            if lexer.identifier():
                return Value(lexer.token, pos=pos)
            raise self.error(
                "expected a list, an identifier, or a field with a valid transformer: "
                + _TRANSFORMERS_AND_VAL,
                "(", "a list", "a transformer",
            )  # fmt: skip

    def _try_transformer(self) -> Transformer | None:
        with self._level:
            lexer = self.lexer
            lexer.blank()
            pos = lexer.pos()
            if lexer.literal(grammar.VAL + "("):
                lexer.blank()
                field_pos = lexer.pos()
                if not lexer.field_name():
                    raise self.error(f"expected a field within '{grammar.VAL}' transformer")
                field = self.field_rest(lexer.token, field_pos)
                lexer.blank()
                if not lexer.literal(")"):
                    raise self.error("expected a ')' token closing the transformer", ")")
                arg, _ = self._argument()
                return Transformer(grammar.VAL, (field,), arg, pos=pos)
            if lexer.transformer():
                name = lexer.token
                lexer.blank()
                return self._transformer_rest(name, pos)
            return None

    def _quoted(self) -> bool:
        try:
            return self.lexer.quoted()
        except ValueError as error:
            raise self.error(str(error), "a known escape") from None
