"""How the engine process answers: one file a family, named as that of its questions.

A handler is a function ``(desk, question, asking) -> answer`` under ``@answers(QuestionClass)``.
It may ``asking.tell`` parts of the answer first, calls ``asking.check()`` between pieces of work
(which raises when nobody waits any more), and raises FalcowbError for what a person is to read.
The questions of ``questions/X.py`` are answered by ``answers/X.py``, imported with the first one.
"""

from __future__ import annotations

import importlib
from typing import Any

from workbench.backend.answers.registry import HANDLERS
from workbench.backend.desk import Desk
from workbench.backend.lanes import Asking
from workbench.backend.messages import Question

#: Where the handlers of each family of questions are: modules of the same name in both packages.
_QUESTIONS = "workbench.backend.questions."
_ANSWERS = "workbench.backend.answers."


def answer(desk: Desk, question: Question, asking: Asking) -> Any:
    """Answer a question; see the module."""
    kind = type(question)
    if kind not in HANDLERS:
        family = kind.__module__.removeprefix(_QUESTIONS)
        importlib.import_module(_ANSWERS + family)
    return HANDLERS[kind](desk, question, asking)
