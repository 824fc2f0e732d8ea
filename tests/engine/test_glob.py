"""Shell patterns against the C library's own fnmatch."""

from __future__ import annotations

import ctypes
import ctypes.util

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.glob import translate

FNM_CASEFOLD = 16
LETTERS = b"abAB[]!^-*?\\.:/=x\xff"
PIECES = (
    *(bytes([b]) for b in LETTERS),
    b"[[:alpha:]]", b"[!a-b]", b"[a-]", b"[]a]", b"[[:upper:]x]", b"[A-B]", b"[\\]]", b"[[:no:]]",
    b"[[.a.]-b]", b"[[=x=]]",
)  # fmt: skip


def fnmatch(pattern: bytes, text: bytes, fold: bool) -> bool:
    name = ctypes.util.find_library("c")
    if name is None:
        pytest.skip("no C library to compare with")
    return ctypes.CDLL(name).fnmatch(pattern, text, FNM_CASEFOLD if fold else 0) == 0


def ours(pattern: bytes, texts: list[bytes], fold: bool) -> list[bool]:
    regex = rf"\A(?:{translate(pattern, fold=fold)})\z"
    return pc.match_substring_regex(pa.array(texts, pa.binary()), regex).to_pylist()


@settings(max_examples=400, deadline=None)
@example(b"[a[a-", [b"[a[a-"], False)
@example(b"[[a-", [b"[[a-"], False)
@example(b"x[!a-", [b"x[!a-"], True)
@given(
    st.lists(st.sampled_from(PIECES), max_size=7).map(b"".join),
    st.lists(st.lists(st.sampled_from(LETTERS), max_size=5).map(bytes), min_size=1, max_size=5),
    st.booleans(),
)
def test_like_the_c_library(pattern: bytes, texts: list[bytes], fold: bool) -> None:
    assert ours(pattern, texts, fold) == [fnmatch(pattern, text, fold) for text in texts]


def test_one_byte_that_is_not_utf8_is_one_character() -> None:
    assert ours(b"/p?/q?", [b"/p\xff/q\xff"], False) == [True]


def test_many_stars_stay_linear() -> None:
    text = b"a" * 20_000
    assert ours(b"*a" * 100 + b"b", [text], False) == [False]
