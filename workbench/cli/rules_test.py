"""``falcowb rules test``: whether rules fire on the events that their tests name, and no others."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.authoring.coverage import RuleCoverage
    from workbench.authoring.testing import Result
    from workbench.authoring.walk import Walk
    from workbench.core.session import Session


def test(
    tests: Annotated[
        list[Path],
        typer.Argument(
            metavar="TEST...", help="Files of tests (YAML or JSON), or folders of them."
        ),
    ],
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
    only: Annotated[
        list[str] | None,
        typer.Option("--rule", "-l", metavar="NAME", help="Only the tests of this rule."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain/--no-explain", help="Say why an event failed its test.")
    ] = True,
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
    """Run tests of rules. Each rule is asked on its own.

    A test names a rule, and events under 'fires' and 'silent' (their fields, or for a plugin the
    whole event); or a 'capture' with the numbers of the 'events' it fires on.

    Exit code 0 if all pass, 1 if one fails or something is wrong, 130 if interrupted.
    """
    from workbench.authoring.case_files import read_tests
    from workbench.authoring.testing import run_tests
    from workbench.cli.memory import reuse_memory
    from workbench.core.session import Session

    reuse_memory()
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    told = [each for path in tests for each in read_tests(path)]
    if only:
        told = [each for each in told if each.rule in only]
    results: list[Result] = []
    with Session.open(config, option or (), plugin or ()) as session:
        ruleset = session.load_rules(rules or ()).ruleset
        try:
            results += run_tests(told, session, ruleset, lambda path: _walk(session, path))
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if as_json:
        text = json.dumps([_as_json(each) for each in results], ensure_ascii=False)
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    else:
        _print(results, explain)
    if not all(each.passed for each in results):
        raise typer.Exit(1)


def coverage(
    tests: Annotated[
        list[Path],
        typer.Argument(
            metavar="TEST...", help="Files of tests (YAML or JSON), or folders of them."
        ),
    ],
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", "-r", metavar="FILE", help="Rules files; see 'rules test'."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--rule", "-l", metavar="NAME", help="List what was not tried of this rule."),
    ] = None,
    least: Annotated[
        int,
        typer.Option(
            "--least",
            metavar="PERCENT",
            min=0,
            max=100,
            help="Fail where less of a rule was tried.",
        ),
    ] = 0,
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
    """Show which rules have no tests, and how much of each condition the tests try.

    A check is tried once some event fires with its help, and once it alone keeps some event silent.

    Exit code 0; 1 if something is wrong, or with --least where less was tried; 130 if interrupted.
    """
    from workbench.authoring.case_files import read_tests
    from workbench.authoring.coverage import coverage as covered
    from workbench.authoring.explaining import rule_named
    from workbench.core.session import Session

    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    told = [each for path in tests for each in read_tests(path)]
    with Session.open(config, option or (), plugin or ()) as session:
        ruleset = session.load_rules(rules or ()).ruleset
        if only is not None:
            rule_named(ruleset, only)
        try:
            found = covered(told, session, ruleset, lambda path: _walk(session, path))
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if only is not None:
        found = [each for each in found if each.rule == only]
    if as_json:
        text = json.dumps([_coverage_as_json(each) for each in found], ensure_ascii=False)
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    else:
        _print_coverage(found, untried=only is not None)
    if any(100 * each.share < least for each in found):
        raise typer.Exit(1)


def _coverage_as_json(each: RuleCoverage) -> dict[str, Any]:
    from workbench.cli.explain_json import place_as_json

    return {
        "rule": each.rule,
        "fires": each.fires,
        "silent": each.silent,
        "share": round(each.share, 4),
        "untried": [
            {
                "check": one.text,
                "place": place_as_json(one.place),
                "never": one.never,
                "macros": list(one.macros),
            }
            for one in each.untried
        ],
    }


def _print_coverage(found: list[RuleCoverage], *, untried: bool) -> None:
    from rich.text import Text

    from workbench.cli.explain_text import console_for_people
    from workbench.cli.rules_text import printable

    console = console_for_people()
    for each in sorted(found, key=lambda one: one.share):
        style = "green" if each.share > 0.8 else "yellow" if each.fires and each.silent else "red"
        console.print(
            Text.assemble(
                (f"{each.share:>5.0%}  ", style),
                (printable(each.rule), "bold"),
                (f"  {each.fires} fire, {each.silent} silent", "dim"),
            )
        )
        for one in each.untried if untried else ():
            where = f", in {' > '.join(one.macros)}" if one.macros else ""
            place = f"  {one.place.file.rpartition('/')[2]}:{one.place.line}" if one.place else ""
            console.print(
                Text.assemble(
                    f"       never {one.never:5} ", printable(one.text), (f"{where}{place}", "dim")
                ),
                soft_wrap=True,
            )
    bare = sum(not each.fires for each in found)
    console.print(f"{len(found)} rules, {bare} of them without an event that fires them.")


def _walk(session: Session, path: str) -> Walk:
    from workbench.authoring.walk import Walk
    from workbench.core.events import Events, is_capture, open_capture_events, open_plugin_events

    def open_events() -> Events:
        if is_capture(path):
            return open_capture_events(session, path, None, None)
        return open_plugin_events(session, path, None, None)

    return Walk(open_events, session, path if is_capture(path) else None)


def _as_json(each: Result) -> dict[str, Any]:
    from workbench.cli.explain_json import explanation_as_json, place_as_json

    return {
        "rule": each.rule,
        "what": each.what,
        "place": place_as_json(each.place),
        "passed": each.passed,
        "message": each.message,
        "explanation": None if each.explanation is None else explanation_as_json(each.explanation),
    }


def _print(results: list[Result], explain: bool) -> None:
    from rich.text import Text

    from workbench.cli.explain_text import console_for_people, print_explanation
    from workbench.cli.rules_text import printable

    console = console_for_people()
    for each in results:
        if each.passed:
            continue
        console.print(
            Text.assemble(
                ("FAILED ", "bold red"), (printable(each.rule), "bold"), f"  {printable(each.what)}"
            ),
            soft_wrap=True,
        )
        console.print(f"  {printable(str(each.place))}: {printable(each.message)}", soft_wrap=True)
        if explain and each.explanation is not None:
            print_explanation(each.explanation, console)
        console.print()
    failed = sum(not each.passed for each in results)
    passed = Text(f"{len(results) - failed} passed", "green")
    line = Text.assemble((f"{failed} failed", "bold red"), ", ", passed) if failed else passed
    rules = len({each.rule for each in results})
    console.print(Text.assemble(line, f", of {rules} rule{'' if rules == 1 else 's'}."))
