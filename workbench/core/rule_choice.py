"""How rules are loaded, and which of them are on: as a configuration and a command line say."""

from __future__ import annotations

from collections.abc import Sequence

from capture.errors import FalcowbError
from engine.ruleset.model import Priority
from engine.ruleset.options import LoadOptions
from engine.ruleset.selection import RuleSet
from workbench.config import FalcoConfig
from workbench.surroundings import Surroundings


def load_options(
    config: FalcoConfig,
    surroundings: Surroundings,
    *,
    priority: str | None = None,
    keep_going: bool = False,
) -> LoadOptions:
    """``priority``: rules less grave are left out; by default as the configuration says. Raises
    FalcowbError where it is none."""
    return LoadOptions(
        plugins=surroundings.plugins,
        append_output=surroundings.append_output(config.append_output),
        min_priority=config.priority if priority is None else _priority(priority),
        matching=config.rule_matching,
        keep_going=keep_going,
    )


def select(config: FalcoConfig, ruleset: RuleSet) -> None:
    """Turn rules on and off as the configuration says, in its order."""
    for step in config.rules_selection:
        if step.rule:
            ruleset.select(step.rule, on=step.enable)
        if step.tag:
            ruleset.select_tags([step.tag], on=step.enable)


def choose(
    ruleset: RuleSet,
    *,
    tags: Sequence[str] | None = None,
    disable: Sequence[str] | None = None,
    disable_tags: Sequence[str] | None = None,
) -> None:
    """Turn rules on and off as the command line says: with ``tags`` only those that carry one are
    on; then the ones in ``disable`` (names, ``*`` stands for anything) and those with a tag of
    ``disable_tags`` are off."""
    if tags:
        ruleset.select("*", on=False)
        ruleset.select_tags(tags)
    for pattern in disable or ():
        ruleset.select(pattern, on=False)
    if disable_tags:
        ruleset.select_tags(disable_tags, on=False)


def _priority(text: str) -> Priority:
    try:
        return Priority.parse(text)
    except ValueError:
        names = ", ".join(each.title for each in Priority)
        raise FalcowbError(f"'{text}' is no priority", hint=f"One of: {names}.") from None
