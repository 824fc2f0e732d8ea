"""Which function answers which question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from workbench.backend.desk import Desk
from workbench.backend.lanes import Asking
from workbench.backend.messages import Question

Q = TypeVar("Q", bound=Question)
Handler = Callable[[Desk, Q, Asking], Any]

HANDLERS: dict[type[Question], Handler[Any]] = {}


def answers(kind: type[Q]) -> Callable[[Handler[Q]], Handler[Q]]:
    """Register the function as the one that answers questions of a class."""

    def register(handler: Handler[Q]) -> Handler[Q]:
        HANDLERS[kind] = handler
        return handler

    return register
