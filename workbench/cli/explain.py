"""``falcowb explain``: why rules fire on an event or do not, and what a rule narrowly misses."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer


def explain(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CAPTURE",
            help="A capture (X.fcap, X.scap), or what a plugin opens: a file, a folder, a URL.",
        ),
    ],
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUM]",
            help="The number of an event (evt.num). Without one: the near misses of --rule over "
            "the whole capture.",
            show_default=False,
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="FILE",
            help="Rules file, or folder of them; several are loaded in order. By default those of "
            "the configuration.",
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            "-l",
            metavar="NAME",
            help="Explain this rule. By default those that fire on the event, or the nearest.",
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition", metavar="CONDITION", help="Explain a condition; it may use macros."
        ),
    ] = None,
    unfold: Annotated[
        bool, typer.Option("--unfold", help="Unfold every macro, also where it decides nothing.")
    ] = False,
    most: Annotated[
        int, typer.Option("--values", metavar="N", min=1, help="Values shown of each near miss.")
    ] = 5,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="Set a key of the configuration."),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="NAME", help="Load this plugin too; see replay."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain an event: every part of a rule's condition with the value it saw, what decided, where
    it is written. Without NUM: the events that a rule misses by one part of its condition.

    Exit code 0 whether anything fires or not, 1 if something is wrong, 130 if interrupted.
    """
    from capture.errors import FalcowbError
    from workbench.authoring.explaining import explain_event, near_misses, rule_named
    from workbench.authoring.indexed import indexed_events
    from workbench.authoring.walk import find_events
    from workbench.cli.capture_walk import walking
    from workbench.cli.explain_json import event_as_json, near_as_json
    from workbench.cli.memory import reuse_memory
    from workbench.core.session import Session

    if number is None and (not rule or len(rule) > 1 or condition):
        raise FalcowbError(
            "which event, or which rule?",
            hint="Name an event by its number; or one rule with --rule for its near misses.",
        )
    reuse_memory()
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    with Session.open(config, option or (), plugin or ()) as session:
        configured = rules or session.config.rules_files or not condition
        if configured:
            ruleset = session.load_rules(rules or ()).ruleset
        else:
            ruleset = session.read_rules([]).ruleset
        try:
            with walking(session, source) as walk:
                if number is None:
                    assert rule is not None
                    asked = rule_named(ruleset, rule[0])
                    near = near_misses(walk, ruleset, asked)
                else:
                    found = indexed_events(session, source, [number])
                    (event,) = found or find_events(walk, [number])
                    explained = explain_event(
                        event, session, ruleset, names=rule or (), conditions=condition or ()
                    )
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if as_json:
        told = near_as_json(asked, near) if number is None else event_as_json(explained)
        text = json.dumps(told, ensure_ascii=False)
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
        return
    from workbench.cli.explain_text import console_for_people, print_event, print_near

    console = console_for_people()
    if number is None:
        print_near(asked, near, console, most)
    else:
        print_event(explained, console, unfold=unfold)
