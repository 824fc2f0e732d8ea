"""Random syntax trees such as the parser makes."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.language import ast, grammar

identifiers = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in grammar.KEYWORDS
)
names = st.lists(identifiers, min_size=2, max_size=4).map(".".join)
# Bytes as the lexer decodes them: whatever is UTF-8 is characters.
texts = st.one_of(
    st.sampled_from(
        ["", "and", "oneof", "a b", "a,b", "(x)", "\\", 'a\\"', "'", "x=y", "\0", "5", "\v"]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
    st.binary(max_size=6).map(lambda data: data.decode("utf-8", "surrogateescape")),
)
numbers = st.from_regex(r"[+-]?[0-9]{1,5}(\.[0-9]{0,3})?|0x[0-9a-f]{1,4}", fullmatch=True)
path_steps = st.one_of(
    identifiers.map(lambda name: f".{name}"), st.sampled_from(["[*]", "[0]", '["a/b"]', '["]"]'])
)
paths = st.tuples(names, path_steps, identifiers).map(
    lambda parts: f"{parts[0]}[*]{parts[1]}.{parts[2]}"
)

fields = st.one_of(
    st.builds(ast.Field, names, st.one_of(st.none(), texts)), st.builds(ast.Field, paths)
)
operands = st.one_of(fields, st.builds(ast.Value, texts), st.builds(ast.Value, numbers))
transformers = st.recursive(
    st.builds(
        ast.Transformer,
        st.sampled_from(grammar.TRANSFORMERS),
        st.lists(operands, min_size=1, max_size=3).map(tuple),
        st.one_of(st.none(), texts),
    ),
    lambda inner: st.builds(
        ast.Transformer,
        st.sampled_from(grammar.TRANSFORMERS),
        st.lists(
            st.one_of(
                inner,
                operands,
                st.builds(
                    ast.OperandList, st.lists(st.one_of(inner, operands), max_size=3).map(tuple)
                ),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
        st.one_of(st.none(), texts),
    ),
    max_leaves=3,
)
lefts = st.one_of(fields, transformers)
vals = st.builds(lambda field: ast.Transformer(grammar.VAL, (field,)), fields)
others = st.one_of(transformers, vals)
value_lists = st.builds(ast.ValueList, st.lists(texts, max_size=4).map(tuple))
lists = st.one_of(value_lists, st.builds(ast.Value, identifiers))

checks = st.one_of(
    st.builds(ast.Identifier, identifiers),
    st.builds(ast.Unary, lefts, st.just("exists")),
    st.builds(
        ast.Binary,
        lefts,
        st.sampled_from(grammar.NUMBER_OPERATORS),
        st.one_of(st.builds(ast.Value, numbers), others),
    ),
    st.builds(
        ast.Binary,
        lefts,
        st.sampled_from(grammar.STRING_OPERATORS),
        st.one_of(st.builds(ast.Value, texts), others),
    ),
    st.builds(ast.Binary, lefts, st.sampled_from(grammar.LIST_OPERATORS), st.one_of(lists, others)),
    st.builds(
        ast.Binary,
        lefts,
        st.tuples(
            st.sampled_from(grammar.STRING_OPERATORS), st.sampled_from(grammar.MODIFIERS)
        ).map(" ".join),
        st.one_of(
            value_lists,
            st.builds(ast.Value, identifiers),
        ),
    ),
)
exprs = st.recursive(
    checks,
    lambda inner: st.one_of(
        st.builds(ast.Not, inner),
        st.builds(ast.And, st.lists(inner, min_size=2, max_size=4).map(tuple)),
        st.builds(ast.Or, st.lists(inner, min_size=2, max_size=4).map(tuple)),
    ),
    max_leaves=12,
)
