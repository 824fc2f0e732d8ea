"""``falcowb rules draft`` and ``rules tune``: rules from events, exceptions from false alarms."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.authoring.exception import ExceptionDraft
    from workbench.authoring.noise import RuleNoise

_Source = Annotated[
    str,
    typer.Argument(
        metavar="CAPTURE",
        help="A capture (X.fcap, X.scap), or what a plugin opens: a file, a folder, a URL.",
    ),
]
_Config = Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")]
_Option = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Set a key of the configuration."),
]
_Plugin = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="NAME", help="Load this plugin too; see replay."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def draft(
    source: _Source,
    numbers: Annotated[
        list[int], typer.Argument(metavar="NUM...", help="The events to draft from (evt.num).")
    ],
    name: Annotated[str, typer.Option("--name", "-l", help="What to call the rule.")] = "Draft",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Add the rule to this file.", show_default=False),
    ] = None,
    test_to: Annotated[
        Path | None,
        typer.Option(
            "--test-to", metavar="FILE", help="Add a test to this file.", show_default=False
        ),
    ] = None,
    config: _Config = None,
    option: _Option = None,
    plugin: _Plugin = None,
    as_json: _Json = False,
) -> None:
    """Draft a rule that fires on some events and few others, and a test for it.

    What the events have in common is measured on the capture; what leaves out most comes first.
    Exit code 0, 1 if something is wrong, 130 if interrupted.
    """
    from workbench.authoring.draft import draft_rule
    from workbench.authoring.files import append_item
    from workbench.cli.capture_walk import walking
    from workbench.core.session import Session

    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    with Session.open(config, option or (), plugin or ()) as session:
        try:
            with walking(session, source) as walk:
                made = draft_rule(walk, numbers, name=name)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if to is not None:
        append_item(to, made.rule)
    if test_to is not None:
        append_item(test_to, made.test)
    if as_json:
        _print_json(
            {
                "rule": made.rule,
                "test": made.test,
                "source": made.source,
                "events": made.events,
                "matches": made.matches,
                "others": made.others,
                "steps": [{"check": each.check.text, "left": each.left} for each in made.steps],
                "further": [each.text for each in made.further],
            }
        )
        return
    if to is None:
        print(made.rule)
    if test_to is None and to is not None:
        print(made.test)
    told = sys.stderr if to is None else sys.stdout
    print(f"Of {made.events:,} events:", file=told)
    for each in made.steps:
        print(f"{each.left:>12,}  left with {each.check.text}", file=told)
    others = f"{made.others:,} that you did not name" if made.others else "none that you did not"
    print(f"It matches {made.matches:,} events, {others}.", file=told)
    if made.further:
        more = "; ".join(each.text for each in made.further[:6])
        print(f"They also have in common: {more}", file=told)


def tune(
    source: _Source,
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
        str | None,
        typer.Option("--rule", "-l", metavar="NAME", help="The rule to draft an exception for."),
    ] = None,
    false: Annotated[
        list[int] | None,
        typer.Option("--false", "-f", metavar="NUM", help="An event that is a false alarm."),
    ] = None,
    keep: Annotated[
        list[int] | None,
        typer.Option("--keep", "-k", metavar="NUM", help="An event that must go on alerting."),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option("--fields", "-F", metavar="F,F,…", help="Compare just these fields."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Write the first exception into this rules file: into the rule, or where the "
            "file does not define it, an item that appends to it.",
            show_default=False,
        ),
    ] = None,
    config: _Config = None,
    option: _Option = None,
    plugin: _Plugin = None,
    as_json: _Json = False,
) -> None:
    """Show what makes rules noisy on a capture, or draft an exception from false alarms.

    With --rule and --false: the narrowest exceptions, with how many alerts each would silence; none
    silences an event given with --keep.

    Exit code 0, 1 if something is wrong, 130 if interrupted.
    """
    from capture.errors import FalcowbError
    from workbench.authoring.exception import draft_exceptions
    from workbench.authoring.explaining import rule_named
    from workbench.authoring.noise import noise
    from workbench.cli.capture_walk import walking
    from workbench.core.events_query import split_fields
    from workbench.core.session import Session

    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    if false and rule is None:
        raise FalcowbError("which rule?", hint="Name the rule of the false alarms with --rule.")
    with Session.open(config, option or (), plugin or ()) as session:
        ruleset = session.load_rules(rules or ()).ruleset
        asked = None if rule is None else rule_named(ruleset, rule)
        try:
            with walking(session, source) as walk:
                if asked is None or not false:
                    found = noise(walk, ruleset, [asked] if asked is not None else None)
                    _print_noise(found, as_json)
                    return
                drafts = draft_exceptions(
                    walk, asked, false, keep or (), fields=split_fields(fields) if fields else ()
                )
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        if to is not None:
            from workbench.authoring.files import write_exception

            write_exception(to, drafts[0], session, rules or list(session.config.rules_files))
    if as_json:
        _print_json([_draft_as_json(each) for each in drafts])
        return
    _print_drafts(drafts, to)


def _draft_as_json(each: ExceptionDraft) -> dict[str, Any]:
    from workbench.authoring.rule_edit import exception_item

    return {
        "rule": each.rule,
        "exception": each.name,
        "existing": bool(each.existing),
        "fields": list(each.fields),
        "values": list(each.values),
        "alerts": each.alerts,
        "silenced": each.silenced.tolist(),
        "others": each.others.tolist(),
        "yaml": exception_item(each, ""),
    }


def _print_drafts(drafts: list[ExceptionDraft], to: Path | None) -> None:
    from workbench.authoring.rule_edit import exception_item

    for number, each in enumerate(drafts):
        lead = "" if number else ("Written: " if to is not None else "Narrowest: ")
        print(f"{lead}{each.condition}")
        others = f", {len(each.others):,} of them not named" if len(each.others) else ""
        print(f"  silences {len(each.silenced):,} of {each.alerts:,} alerts{others}")
        if len(each.others):
            print(f"  events {', '.join(map(str, each.others[:8].tolist()))}")
        if not number:
            print(exception_item(each, "  ").rstrip())


def _print_noise(found: list[RuleNoise], as_json: bool) -> None:
    if as_json:
        _print_json(
            [
                {
                    "rule": each.rule,
                    "alerts": each.alerts,
                    "kinds": [
                        {
                            "fields": dict(zip(each.fields, kind.values, strict=True)),
                            "alerts": kind.count,
                            "first": list(kind.first),
                        }
                        for kind in each.kinds
                    ],
                }
                for each in found
            ]
        )
        return
    from rich.text import Text

    from workbench.cli.explain_text import console_for_people, shortened

    console = console_for_people()
    if not found:
        console.print(Text("No rule fires on this capture.", "green"))
    for each in found:
        console.print(Text.assemble((f"{each.alerts:>9,}  ", "bold yellow"), (each.rule, "bold")))
        for kind in each.kinds[:5]:
            pairs = zip(each.fields, kind.values, strict=True)
            said = ", ".join(f"{name} = {shortened(text, 80)}" for name, text in pairs if text)
            events = ", ".join(map(str, kind.first[:3]))
            console.print(
                Text.assemble(
                    (f"{kind.count:>12,}  ", "yellow"), said, (f"  events {events}", "dim")
                ),
                soft_wrap=True,
            )
        rest = each.alerts - sum(kind.count for kind in each.kinds[:5])
        if rest:
            console.print(Text(f"{rest:>12,}  of other kinds", "dim"))


def _print_json(data: Any) -> None:
    text = json.dumps(data, ensure_ascii=False)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
