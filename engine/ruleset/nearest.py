"""The known name that a mistyped one was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

_LONGEST = 100
_MOST = 5000


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean x?``, or nothing where no known name is close. Looks at 5000 at most."""
    close = difflib.get_close_matches(name[:_LONGEST], list(islice(known, _MOST)), n=1)
    return f"Did you mean {close[0]}?" if close else ""
