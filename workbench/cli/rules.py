"""``falcowb rules``: check and list rule files, and the fields that rules may use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli import rules_diff, rules_fmt, rules_test, rules_write

if TYPE_CHECKING:
    from capture.errors import FalcowbError
    from engine.fields.model import FieldInfo
    from engine.ruleset.loader import LoadResult
    from engine.ruleset.model import Rule
    from engine.ruleset.options import RuleFile
    from engine.ruleset.selection import RuleSet
    from workbench.config import PluginConfig
    from workbench.surroundings import Surroundings

app = typer.Typer(help="Check, list, compare and test rule files.", no_args_is_help=True)
app.command("diff")(rules_diff.diff)
app.command("fmt")(rules_fmt.fmt)
app.command("test")(rules_test.test)
app.command("coverage")(rules_test.coverage)
app.command("draft")(rules_write.draft)
app.command("tune")(rules_write.tune)

_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="Rules files, or folders of them, in order; - is standard input. "
        "Without any, those that the configuration names.",
        show_default=False,
    ),
]
_Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="A falco.yaml.", show_default=False)
]
_Overrides = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Set a key of the configuration."),
]
_Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="NAME",
        help="A plugin whose fields and source exist: a bundled one by name, any other by the "
        "path of its .so. By default those of the configuration, else all bundled ones.",
    ),
]
_NoPlugins = Annotated[bool, typer.Option("--no-plugins", help="Know the syscall source alone.")]
_Source = Annotated[
    str | None, typer.Option("--source", "-s", help="Only this event source.", show_default=False)
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    files: _Files = None,
    config: _Config = None,
    options: _Overrides = None,
    plugin: _Plugins = None,
    no_plugins: _NoPlugins = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse warnings too.")] = False,
    no_notes: Annotated[
        bool, typer.Option("--no-notes", help="Leave out what Falco would not say.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON in the shape of Falco's own validation.")
    ] = False,
) -> None:
    """Say whether rule files are right, and what is wrong where.

    Exit code 0 if every file loads, 1 if one is refused.
    """
    from engine.ruleset.report import as_json as result_as_json

    session = _Session(config, options, plugin, no_plugins)
    result = session.load(files, keep_going=True)
    if as_json:
        _print_json(result_as_json(result))
    else:
        from rich.console import Console

        from workbench.cli.rules_text import print_result

        print_result(result, Console(highlight=False), notes=not no_notes)
    refused = not all(file.successful for file in result.files)
    if result.plugin_problem is not None:
        # Without a configuration nobody said which plugins there will be.
        severity = "error" if session.configured else "warning"
        print(f"{severity}: {result.plugin_problem}", file=sys.stderr)
        refused = refused or session.configured
    if refused or (strict and result.warnings):
        raise typer.Exit(1)


@app.command("list")
def list_rules(
    files: _Files = None,
    config: _Config = None,
    options: _Overrides = None,
    plugin: _Plugins = None,
    no_plugins: _NoPlugins = False,
    source: _Source = None,
    disable: Annotated[
        list[str] | None,
        typer.Option("--disable", "-D", help="Turn off rules by name; * stands for anything."),
    ] = None,
    disable_tag: Annotated[
        list[str] | None, typer.Option("--disable-tag", "-T", help="Turn off rules by tag.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="Turn on only the rules with this tag.")
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option("--priority", "-p", help="Leave out rules less grave than this."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", "-l", help="Only the rule of this name.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Describe rules, macros and lists as Falco's -L does.")
    ] = False,
) -> None:
    """List the rules of rule files: on or off, priority, source, tags, and what they are for."""
    from engine.ruleset.describe import Describer
    from workbench.core.rule_choice import choose, select

    session = _Session(config, options, plugin, no_plugins, priority)
    result = session.load(files)
    result.raise_for_errors() if session.configured else _raise_for_files(result)
    rules = result.ruleset
    select(session.config, rules)
    choose(rules, tags=tag, disable=disable, disable_tags=disable_tag)
    shown = [
        each for each in rules.rules if source in (None, each.source) and rule in (None, each.name)
    ]
    if rule is not None and not shown:
        raise _no_rule(rule, rules)
    if not as_json:
        _print_rules(rules, shown)
        return
    describer = Describer(rules.definitions, session.checker, session.surroundings.plugin_fields)
    described: dict[str, Any] = {} if rule is not None else describer.everything()
    described["rules"] = [
        {**describer.rule(each), "on": rules.is_on(each.name), "history": _history(each)}
        for each in shown
    ]
    _print_json(described)


@app.command()
def fields(
    source: _Source = None,
    config: _Config = None,
    options: _Overrides = None,
    plugin: _Plugins = None,
    no_plugins: _NoPlugins = False,
    as_json: _Json = False,
) -> None:
    """List the fields that rules may use, with their types and what stands in brackets."""
    session = _Session(config, options, plugin, no_plugins)
    catalogue = session.surroundings.catalogue
    sources = catalogue.sources if source is None else (source,)
    by_source = {name: catalogue.fields(name) for name in sources}
    if as_json:
        _print_json(
            {name: [_field_as_json(info) for info in infos] for name, infos in by_source.items()}
        )
        return
    _print_fields(by_source)


class _Session:
    """What one command works with: configuration, plugins, and a checker over their fields."""

    def __init__(
        self,
        config: Path | None,
        options: list[str] | None,
        plugins: list[str] | None,
        no_plugins: bool,
        priority: str | None = None,
    ) -> None:
        from engine.ruleset.checking import EngineChecker
        from workbench.config import load_config, parse_config
        from workbench.surroundings import bundled_plugins, surroundings

        self.configured = config is not None
        if config is not None:
            self.config = load_config(config, options or ())
            for warning in self.config.warnings:
                print(f"warning: {warning}", file=sys.stderr)
        elif options:
            raise typer.BadParameter("needs a configuration (-c)", param_hint="--option")
        else:
            self.config = parse_config("", (), file="the command line", folder=Path.cwd())
        libraries: list[str | Path]
        if no_plugins:
            libraries = []
        elif plugins:
            libraries = list(plugins)
        elif self.configured:
            libraries = [_library(each) for each in self.config.plugins]
        else:
            libraries = list(bundled_plugins())
        asked_for = plugins or self.configured
        self.surroundings: Surroundings = surroundings(libraries, None if asked_for else _warn)
        self.checker = EngineChecker(self.surroundings.catalogue)
        self._priority = priority

    def load(self, files: list[str] | None, *, keep_going: bool = False) -> LoadResult:
        from capture.errors import FalcowbError
        from engine.ruleset.loader import load_rules
        from workbench.core.rule_choice import load_options

        try:
            loading = load_options(
                self.config, self.surroundings, priority=self._priority, keep_going=keep_going
            )
        except FalcowbError as error:
            raise typer.BadParameter(str(error), param_hint="--priority") from None
        return load_rules(self._rule_files(files), self.checker, loading)

    def _rule_files(self, files: list[str] | None) -> list[RuleFile]:
        from engine.ruleset.loader import read_rule_files
        from engine.ruleset.options import RuleFile

        if not files and self.configured:
            files = [str(path) for path in self.config.rules_files]
        if not files:
            raise typer.BadParameter("name a rules file, or a falco.yaml that names some (-c)")
        found: list[RuleFile] = []
        for name in files:
            if name == "-":
                found.append(RuleFile("<stdin>", sys.stdin.read()))
            else:
                found.extend(read_rule_files([name]))
        return found


def _warn(error: FalcowbError) -> None:
    print(f"warning: {error}", file=sys.stderr)


def _library(plugin: PluginConfig) -> Path:
    from capture.errors import FalcowbError

    if not plugin.library.exists:
        raise FalcowbError(
            f"plugin '{plugin.name}': there is no library {plugin.library_path}",
            place=plugin.place,
            hint=plugin.library.hint(plugin.name),
        )
    return plugin.library.path


def _raise_for_files(result: LoadResult) -> None:
    result.plugin_problem = None
    result.raise_for_errors()


def _no_rule(name: str, rules: RuleSet) -> FalcowbError:
    from capture.errors import FalcowbError
    from engine.ruleset.nearest import nearest

    hint = nearest(name, (each.name for each in rules.rules))
    return FalcowbError(f'Rule "{name}" is not loaded', hint=hint)


def _history(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"change": change.what, "file": change.place.file, "line": change.place.line}
        for change in rule.history
    ]


def _field_as_json(info: FieldInfo) -> dict[str, Any]:
    argument = info.argument
    return {
        "name": info.name,
        "type": info.type.value,
        "is_list": info.is_list,
        "argument": None
        if argument is None
        else {"required": argument.required, "index": argument.index, "key": argument.key},
        "path": info.path,
        "desc": info.description,
    }


def _print_json(data: Any) -> None:
    # Bytes that are not UTF-8 are replaced, as Falco does.
    text = json.dumps(data, ensure_ascii=False)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")


def _print_rules(rules: RuleSet, shown: list[Rule]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from workbench.cli.rules_text import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "Rule", "Priority", "Source", "Tags", "Description"):
        table.add_column(name, overflow="fold")
    for rule in shown:
        on = rules.is_on(rule.name)
        table.add_row(
            Text("on", "green") if on else Text("off", "dim"),
            *(
                Text(printable(text), "" if on else "dim")
                for text in (
                    rule.name,
                    rule.priority.title,
                    rule.source,
                    ", ".join(sorted(rule.tags)),
                    " ".join(rule.description.split()),
                )
            ),
        )
    console = Console(highlight=False)
    console.print(table)
    on_count = sum(rules.is_on(rule.name) for rule in shown)
    console.print(f"\n{len(shown)} rules, {on_count} on.")


def _print_fields(by_source: dict[str, list[FieldInfo]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from workbench.cli.rules_text import printable

    console = Console(highlight=False)
    for source, infos in by_source.items():
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
        table.title = Text(f"Source {printable(source)}: {len(infos)} fields", "bold")
        for name in ("Field", "Type", "Description"):
            table.add_column(name, overflow="fold")
        for info in infos:
            table.add_row(
                Text(printable(_written(info)), "cyan"),
                Text(f"{info.type.value}{' list' if info.is_list else ''}", "dim"),
                Text(printable(info.description)),
            )
        console.print(table)
        console.print()


def _written(info: FieldInfo) -> str:
    """The field as a rule writes it, with what goes in brackets."""
    argument = info.argument
    if info.path:
        return f"{info.name}.PATH"
    if argument is None or not (argument.index or argument.key):
        return info.name
    inside = "N" if argument.index and not argument.key else "KEY"
    return f"{info.name}[{inside}]" + ("" if argument.required else "?")
