"""Transformers of several values: ``join``, ``concat``, ``getopt``.

Semantics are those of userspace/libsinsp/sinsp_filtercheck_multivalue_transformer.cpp in
falcosecurity/libs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import BytesColumn, Column, ListColumn
from engine.gather import distinct, offsets_of, plain


class MultiTransformer(ABC):
    """``arguments`` are columns of bytes or lists of bytes, as :meth:`refusal` lets through."""

    name: ClassVar[str]
    help: ClassVar[str]

    @abstractmethod
    def refusal(self, texts: Sequence[bool], lists: Sequence[bool]) -> str:
        """Why these arguments (which are texts, which are lists) are not taken, or nothing."""

    @abstractmethod
    def column(self, arguments: Sequence[Column], selector: str | None) -> Column: ...


class Join(MultiTransformer):
    name = "join"
    help = 'the values of a list with a text between: join("-", (proc.name, fd.name))'

    def refusal(self, texts: Sequence[bool], lists: Sequence[bool]) -> str:
        if len(lists) != 2:
            return "join() requires exactly 2 arguments: separator and list"
        if lists[0]:
            return "join() first argument (separator) must be a single value, not a list"
        return "" if lists[1] else "join() second argument must be a list"

    def column(self, arguments: Sequence[Column], selector: str | None) -> BytesColumn:
        separator, values = arguments
        assert isinstance(separator, BytesColumn) and isinstance(values, ListColumn)
        assert isinstance(values.items, BytesColumn)
        lists = pa.ListArray.from_arrays(
            pa.array(values.offsets.astype(np.int32)), plain(values.items)
        )
        joined = pc.binary_join(lists, plain(separator))
        return distinct(joined, values.valid)


class Concat(MultiTransformer):
    name = "concat"
    help = "two or more texts one after the other"

    def refusal(self, texts: Sequence[bool], lists: Sequence[bool]) -> str:
        if len(lists) < 2:
            return "concat() requires at least 2 arguments"
        if any(lists) or not all(texts):
            return "concat() arguments must be strings"
        return ""

    def column(self, arguments: Sequence[Column], selector: str | None) -> BytesColumn:
        parts = []
        for part in arguments:
            assert isinstance(part, BytesColumn)
            parts.append(plain(part))
        return distinct(pc.binary_join_element_wise(*parts, b"", null_handling="emit_null"))


class GetOpt(MultiTransformer):
    name = "getopt"
    help = 'options of a list of arguments as getopt(3) finds them: getopt(args, "nt:")[t]'

    def refusal(self, texts: Sequence[bool], lists: Sequence[bool]) -> str:
        if len(lists) != 2:
            return "getopt() requires exactly 2 arguments: args list and optstring"
        if not lists[0]:
            return "getopt() first argument must be a list"
        if lists[1]:
            return "getopt() second argument (optstring) must be a single value"
        return "" if all(texts) else "getopt() arguments must be strings"

    def column(self, arguments: Sequence[Column], selector: str | None) -> Column:
        values, options = arguments
        assert isinstance(values, ListColumn) and isinstance(options, BytesColumn)
        assert isinstance(values.items, BytesColumn)
        wanted = None if selector is None else selector.encode("utf-8", "surrogateescape")
        words = values.items.values.to_pylist()
        letters = [_letters(text) for text in options.values.to_pylist()]
        # One answer for each distinct pair of argument list and option text.
        answers: list[list[bytes] | None] = []
        known: dict[tuple[bytes, int], int] = {}
        rows = len(values)
        places = np.full(rows, -1, np.int64)
        codes, offsets = values.items.codes, values.offsets.tolist()
        for row, option in enumerate(options.codes.tolist()):
            if option < 0 or (values.valid is not None and not values.valid[row]):
                continue
            row_codes = codes[offsets[row] : offsets[row + 1]]
            key = (row_codes.tobytes(), option)
            place = known.get(key)
            if place is None:
                place = known[key] = len(answers)
                answers.append(getopt([words[code] for code in row_codes], letters[option], wanted))
            places[row] = place
        return _scalar(answers, places) if wanted is not None else _lists(answers, places)


Letters = tuple[frozenset[int], frozenset[int]]


def _letters(text: bytes) -> Letters:
    """The option letters in an option text, and those of them that take an argument."""
    letters: set[int] = set()
    with_argument: set[int] = set()
    text = text.removeprefix(b":")
    for place, letter in enumerate(text):
        if letter != ord(":"):
            letters.add(letter)
            if text[place + 1 : place + 2] == b":":
                with_argument.add(letter)
    return frozenset(letters), frozenset(with_argument)


def getopt(words: Sequence[bytes], options: Letters, wanted: bytes | None) -> list[bytes] | None:
    """Letters and arguments found, in order, ``?`` for a letter that is none; with ``wanted``, only
    the last value of that one letter (the letter itself where it takes no argument), None where it
    is absent. An argument that is missing is the empty text."""
    letters, with_argument = options
    found: list[bytes] = []
    value: bytes | None = None
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == b"--" or len(word) < 2 or not word.startswith(b"-"):
            break
        if word.startswith(b"--"):
            continue
        for place in range(1, len(word)):
            letter = word[place : place + 1]
            if letter[0] not in letters:
                found.append(b"?")
                continue
            if letter[0] not in with_argument:
                found.append(letter)
                value = letter if letter == wanted else value
                continue
            argument: bytes | None = word[place + 1 :] or None
            if argument is None and at < len(words):
                argument = words[at]
                at += 1
            found.extend((b"",) if argument is None else (letter, argument))
            value = argument or b"" if letter == wanted else value
            break
    if wanted is None:
        return found
    return None if value is None else [value]


def _scalar(answers: list[list[bytes] | None], places: np.ndarray) -> BytesColumn:
    codes = np.full(len(answers) + 1, -1, np.int32)
    values: dict[bytes, int] = {}
    for place, answer in enumerate(answers):
        if answer:
            codes[place] = values.setdefault(answer[0], len(values))
    return BytesColumn(codes[places], pa.array(list(values), pa.binary()))


def _lists(answers: list[list[bytes] | None], places: np.ndarray) -> ListColumn:
    values: dict[bytes, int] = {}
    coded = [[values.setdefault(item, len(values)) for item in answer or ()] for answer in answers]
    lengths = np.array([len(one) for one in coded] + [0], np.int64)
    starts = offsets_of(lengths)[:-1]
    flat = np.array([code for one in coded for code in one], np.int32)
    count = lengths[places]
    offsets = offsets_of(count)
    picked = np.repeat(starts[places] - offsets[:-1], count) + np.arange(offsets[-1])
    items = BytesColumn(flat[picked], pa.array(list(values), pa.binary()))
    return ListColumn(offsets, items, places >= 0)


MULTI_TRANSFORMERS: dict[str, MultiTransformer] = {
    transformer.name: transformer for transformer in (Join(), Concat(), GetOpt())
}
