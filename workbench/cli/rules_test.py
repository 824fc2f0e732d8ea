"""``falcowb rules test``: whether rules fire on the events that their tests name, and no others."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
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
