"""``falcowb rules diff``: which alerts an edit of rules gains and loses on a capture."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from engine.alerts import Alert
    from engine.ruleset.model import Rule
    from workbench.authoring.diff import RuleDiff, RulesDiff

#: Exit code where alerts differ; 1 is for what is wrong, 2 for how the command was written.
DIFFERS = 3


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="Rules file as it was, or a folder of them.")
    ],
    new: Annotated[
        Path, typer.Argument(metavar="NEW", help="Rules file as it is now, or a folder of them.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="CAPTURE",
            help="A capture (X.fcap, X.scap), or what a plugin opens: a file, a folder, a URL.",
        ),
    ],
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--rules", "-r", metavar="FILE", help="Rules files that are loaded before either."
        ),
    ] = None,
    examples: Annotated[
        int,
        typer.Option("--examples", "-n", metavar="N", min=0, help="Alerts shown of each change."),
    ] = 5,
    all_rules: Annotated[
        bool,
        typer.Option("--all", help="Every rule that matches an event alerts, not the first alone."),
    ] = False,
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
    """Judge a capture by old and new rules, and show which alerts are gained and lost.

    Exit code 0 if the alerts are the same, 3 if they differ, 1 if something is wrong, 130 if
    interrupted.
    """
    from workbench.authoring.diff import alerts_of, diff_rules
    from workbench.cli.capture_walk import walking
    from workbench.cli.memory import reuse_memory
    from workbench.core.session import Session

    reuse_memory()
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    with Session.open(config, option or (), plugin or ()) as session:
        sides = [session.load_rules([*(base or ()), each]).ruleset for each in (old, new)]
        try:
            with walking(session, source) as walk:
                found = diff_rules(walk, sides[0], sides[1], session.matching(all_rules))
                wanted = _examples(found, examples)
                options = session.alert_options(as_json=as_json)
                alerts = dict(
                    zip(wanted, alerts_of(walk, list(wanted.values()), options), strict=True)
                )
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if as_json:
        text = json.dumps(_as_json(found, alerts), ensure_ascii=False)
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    else:
        from workbench.cli.explain_text import console_for_people

        _print(found, alerts, console_for_people())
    if found.changed:
        raise typer.Exit(DIFFERS)


#: A change: the rule's name, ``gained`` or ``lost``, the event's number.
_Change = tuple[str, str, int]


def _examples(found: RulesDiff, count: int) -> dict[_Change, tuple[Rule, int]]:
    """The first few events of each change, with the rule that gives the alert."""
    wanted: dict[_Change, tuple[Rule, int]] = {}
    for each in found.changed:
        for what, rule, numbers in (
            ("lost", each.old, each.lost),
            ("gained", each.new, each.gained),
        ):
            if rule is not None:
                wanted |= {(each.name, what, n): (rule, n) for n in numbers[:count].tolist()}
    return wanted


def _as_json(found: RulesDiff, alerts: dict[_Change, Alert]) -> dict[str, Any]:
    return {
        "events": found.events,
        "gained": found.gained,
        "lost": found.lost,
        "rules": [
            {
                "rule": each.name,
                "in_old": each.old is not None,
                "in_new": each.new is not None,
                "edited": each.edited,
                "before": each.before,
                "after": each.after,
                "gained": each.gained.tolist(),
                "lost": each.lost.tolist(),
                "alerts_instead": dict(each.instead),
                "alerted_before": dict(each.before_that),
                "examples": [
                    {"change": what, "number": number, "output": alert.output}
                    for (name, what, number), alert in alerts.items()
                    if name == each.name
                ],
            }
            for each in found.rules
            if each.changed or each.edited
        ],
    }


def _print(found: RulesDiff, alerts: dict[_Change, Alert], console: Console) -> None:
    from rich.text import Text

    for each in found.rules:
        if each.changed:
            _print_rule(each, alerts, console)
            console.print()
    quiet = [each.name for each in found.rules if each.edited and not each.changed]
    if quiet:
        names = ", ".join(f"'{name}'" for name in quiet)
        console.print(Text(f"Edited without a change on this capture: {names}", "dim"))
    if not found.changed:
        console.print(Text(f"The same alerts on {found.events:,} events.", "green"))
        return
    console.print(
        Text.assemble(
            f"{found.events:,} events: ",
            (f"{found.gained:,} alerts gained", "green"),
            ", ",
            (f"{found.lost:,} lost", "red"),
            f", by {len(found.changed)} rule{'s' if len(found.changed) > 1 else ''}.",
        )
    )


def _print_rule(each: RuleDiff, alerts: dict[_Change, Alert], console: Console) -> None:
    from rich.text import Text

    from workbench.cli.rules_text import printable

    head = Text.assemble((printable(each.name), "bold"), f"  {each.before:,} → {each.after:,}")
    head.append("  (new)" if each.old is None else "  (gone, or off)" if each.new is None else "")
    console.print(head)
    for what, sign, style, numbers, others in (
        ("lost", "-", "red", each.lost, each.instead),
        ("gained", "+", "green", each.gained, each.before_that),
    ):
        if not len(numbers):
            continue
        line = Text(f"  {sign}{len(numbers):,} {what}", f"bold {style}")
        for name, count in others.items():
            verb = "now alerts" if what == "lost" else "alerted before"
            line.append(f"; on {count:,} of them '{printable(name)}' {verb}", "dim")
        console.print(line, soft_wrap=True)
        shown = 0
        for (name, change, number), alert in alerts.items():
            if (name, change) == (each.name, what):
                shown += 1
                console.print(
                    Text.assemble((f"  {sign} event {number}: ", style), printable(alert.output)),
                    soft_wrap=True,
                )
        if shown < len(numbers):
            console.print(Text(f"    … and {len(numbers) - shown:,} more", "dim"))
