"""From a condition's text to its tree: lists put in, parsed, macros put in, places kept."""

from __future__ import annotations

from collections.abc import Sequence

from capture.errors import Place
from engine.language.ast import Expr, Pos
from engine.language.errors import ConditionError
from engine.language.hints import hint_for
from engine.language.parser import Parser
from engine.language.walk import walk
from engine.ruleset.codes import ERR_COMPILE_CONDITION, ERR_VALIDATE
from engine.ruleset.context import Context
from engine.ruleset.errors import RuleError
from engine.ruleset.lists import ExpandedList, TooLarge, substitute
from engine.ruleset.text import Text

#: Upstream allows a rule's condition more depth than a filter's, and we as much as Python bears.
MAX_DEPTH = 300
#: Characters parsed in one load, lists put in, all conditions together.
MAX_PARSED = 16 << 20


class ConditionSource:
    """Parses conditions and remembers which text each tree came from.

    One may serve several loads, one after the other (``begin``): what stays as it was is not parsed
    again, and its checks are the same objects as before.
    """

    def __init__(self) -> None:
        self._parsed: dict[str, Expr] = {}
        self._before: dict[str, Expr] = {}
        self._total = 0
        # By identity; the trees are kept alive by _parsed. A tree that two conditions share
        # belongs to the one parsed last.
        self._text_of: dict[int, Text] = {}
        self._tree_of: dict[int, int] = {}
        self._unindexed: list[Expr] = []

    def begin(self) -> None:
        """Another load begins: of the one before, trees are kept, and nothing else."""
        self._before, self._parsed = self._parsed, {}
        self._total = 0
        self._text_of, self._tree_of, self._unindexed = {}, {}, []

    def parse(self, text: Text, lists: Sequence[ExpandedList], context: Context) -> Expr:
        """The tree of ``text``, lists put in. Raises :class:`RuleError`."""
        try:
            whole = substitute(text, lists)
        except TooLarge as error:
            raise RuleError(ERR_VALIDATE, str(error), context, place=text.place(0)) from None
        expr = self._parsed.get(whole.value)
        if expr is None:
            self._total += len(whole)
            if self._total > MAX_PARSED:
                raise RuleError(
                    ERR_VALIDATE,
                    f"the conditions together grow beyond {MAX_PARSED >> 20} million characters "
                    "when lists are put in",
                    context,
                    place=text.place(0),
                )
            expr = self._before.get(whole.value) or self._parse(whole, context)
            self._parsed[whole.value] = expr
            self._unindexed.append(expr)
        self._text_of[id(expr)] = whole
        return expr

    def _parse(self, whole: Text, context: Context) -> Expr:
        parser = Parser(whole.value, max_depth=MAX_DEPTH)
        try:
            return parser.parse()
        except ConditionError as error:
            pos = error.pos
            hint = hint_for(whole.value, pos.index, parser.lexer.token, error.expected)
            raise RuleError(
                ERR_COMPILE_CONDITION,
                error.message,
                context.in_condition(whole.value, pos.index, pos.line, pos.column),
                place=whole.place(pos.index),
                hint=hint,
            ) from None

    def place(self, pos: Pos) -> Place | None:
        """Where the node that holds this very ``pos`` was written, in a rule or in a macro."""
        for expr in self._unindexed:
            for node in walk(expr):
                self._tree_of[id(node.pos)] = id(expr)
        self._unindexed = []
        tree = self._tree_of.get(id(pos))
        text = self._text_of.get(tree) if tree is not None else None
        return text.place(pos.index) if text is not None else None
