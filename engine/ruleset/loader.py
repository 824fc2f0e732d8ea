"""Rules files, in order, to a rule set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from capture.errors import FalcowbError, Place
from engine.ruleset.checker import Checker
from engine.ruleset.codes import ERR_FILE_READ, ERR_YAML_PARSE, Severity
from engine.ruleset.collector import Collector
from engine.ruleset.compiler import Compiler
from engine.ruleset.conditions import ConditionSource
from engine.ruleset.context import VALUE_FOR, Context, Location
from engine.ruleset.errors import RuleError
from engine.ruleset.model import Alternatives, Definitions, Message
from engine.ruleset.options import LoadOptions, RuleFile
from engine.ruleset.reader import Reader
from engine.ruleset.schema import validate
from engine.ruleset.selection import RuleSet
from engine.ruleset.versions import unmet_requirement, with_stand_ins
from engine.yaml import Node, Source, YamlError, load_documents, read_text


@dataclass(slots=True)
class FileResult:
    """What became of one file. ``errors`` holds Falco's one error at most; ``further`` the errors
    of other rules, which Falco would show once the first is mended; ``notes`` our own remarks.

    As in Falco, the warnings of a file are those of all files so far, compiled together.
    """

    name: str
    errors: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    further: list[Message] = field(default_factory=list)
    schema: list[str] = field(default_factory=list)

    @property
    def successful(self) -> bool:
        return not self.errors

    @property
    def messages(self) -> list[Message]:
        return [*self.errors, *self.further, *self.warnings, *self.notes]


@dataclass(slots=True)
class LoadResult:
    """What became of all files.

    ``ruleset`` holds what the last good state of the files defines (it is empty where the first
    file is refused). ``plugin_problem`` says which required plugin is missing; None: none is, or
    the caller did not ask. ``contents`` maps each file's name to its text.
    """

    ruleset: RuleSet
    files: list[FileResult]
    contents: Mapping[str, str]
    required_plugins: list[Alternatives]
    plugin_problem: str | None = None

    @property
    def successful(self) -> bool:
        """Whether every file loaded and every required plugin is there."""
        return self.plugin_problem is None and all(file.successful for file in self.files)

    @property
    def errors(self) -> list[Message]:
        return [message for file in self.files for message in file.errors]

    @property
    def warnings(self) -> list[Message]:
        """Each warning once, in the order first given."""
        return unique(message for file in self.files for message in file.warnings)

    @property
    def notes(self) -> list[Message]:
        return unique(message for file in self.files for message in file.notes)

    def raise_for_errors(self) -> None:
        """Raise :class:`FalcowbError` for the missing plugin or the first error, if any."""
        if self.plugin_problem is not None:
            raise FalcowbError(
                self.plugin_problem,
                hint="Name the plugin under 'plugins' in a falco.yaml (-c falco.yaml), "
                "or with --plugin.",
            )
        for message in self.errors:
            raise FalcowbError(
                f"{message.code.name} ({message.code.short}): {message.text}",
                place=message.place,
                hint=message.hint,
            )


def unique(messages: Iterable[Message]) -> list[Message]:
    """The messages, each code, text and place once."""
    return list({(each.code.name, each.text, str(each.place)): each for each in messages}.values())


def read_rule_files(paths: Sequence[str | Path]) -> list[RuleFile]:
    """The files and, for a folder, the ``.yaml`` and ``.yml`` files in it by name.

    Raises :class:`FalcowbError` for what cannot be read.
    """
    files: list[RuleFile] = []
    for path in paths:
        found = Path(path)
        members = (
            sorted(each for each in found.iterdir() if each.suffix in (".yaml", ".yml"))
            if found.is_dir()
            else [found]
        )
        files.extend(RuleFile(str(each), read_text(each)) for each in members)
    return files


def load_rules(
    files: Sequence[RuleFile],
    checker: Checker,
    options: LoadOptions | None = None,
    conditions: ConditionSource | None = None,
) -> LoadResult:
    """Load ``files`` in order, each on top of those before it, as Falco does.

    ``conditions``: of an earlier load, so that what stayed the same costs little.

    ``checker`` knows the event sources and their fields (see
    :class:`engine.ruleset.checking.EngineChecker`). Problems are in the result; nothing is raised
    for whatever stands in the files.
    """
    options = options or LoadOptions()
    conditions = conditions or ConditionSource()
    conditions.begin()
    loading = _Loading(checker, options, conditions)
    for file in files:
        if not loading.load(file) and not options.keep_going:
            break
    problem = None
    required = loading.collector.required_plugins
    if options.plugins is not None:
        problem = unmet_requirement(required, with_stand_ins(options.plugins))
    return LoadResult(
        RuleSet(loading.definitions, min_priority=options.min_priority, matching=options.matching),
        loading.results,
        {file.name: file.text for file in files},
        list(required),
        problem,
    )


class _Loading:
    def __init__(self, checker: Checker, options: LoadOptions, conditions: ConditionSource) -> None:
        self._checker = checker
        self._options = options
        self._conditions = conditions
        self._sources: dict[str, Source] = {}
        self.collector = Collector()
        self.definitions = Definitions()
        self.results: list[FileResult] = []

    def load(self, file: RuleFile) -> bool:
        """Whether the file loaded."""
        result = FileResult(file.name)
        self.results.append(result)
        documents = self._documents(file, result)
        if documents is None:
            return False
        result.schema = validate(documents)
        reader = Reader(file.name, self.collector, self._checker)
        try:
            reader.read(documents)
        except RuleError as error:
            result.errors.append(error.as_message())
        messages = reader.messages
        if not result.errors:
            compiler = Compiler(
                self.collector,
                self._checker,
                self._conditions,
                self._options.append_output,
                self._options.all_errors,
            )
            compiled = compiler.compile()
            messages += compiled.warnings
            result.errors += compiled.errors
            result.further += compiled.further
            if compiled.definitions is not None:
                self.definitions = compiled.definitions
        result.warnings = [each for each in messages if each.severity is Severity.WARNING]
        result.notes = [each for each in messages if each.severity is Severity.NOTE]
        self._place_errors(result)
        return result.successful

    def _documents(self, file: RuleFile, result: FileResult) -> list[Node] | None:
        try:
            documents = load_documents(file.text, file.name)
        except YamlError as error:
            place = error.place or Place(file.name)
            location = Location(file.name, VALUE_FOR)
            if place.line:
                source = Source(file.text, file.name)
                start = source.line_starts[place.line - 1]
                offset = source.byte_offset(start + place.column - 1)
                column = offset - source.byte_offset(start)
                location = Location(file.name, VALUE_FOR, "", offset, place.line - 1, column)
            context = Context.of_file(file.name).child(location)
            result.errors.append(
                Message(ERR_YAML_PARSE, error.message, context, place, hint=error.hint)
            )
            return None
        self._sources[file.name] = (
            documents[0].source if documents else Source(file.text, file.name)
        )
        return documents

    def _place_errors(self, result: FileResult) -> None:
        """Give errors that know only their item the place of that item."""
        for messages in (result.errors, result.further):
            for index, message in enumerate(messages):
                if message.place.line:
                    continue
                source = self._sources.get(message.context.file)
                last = message.context.locations[-1]
                if source is not None and last.name == source.file:
                    line = last.line + 1
                    text = source.line(line)
                    before = text.encode("utf-8", "surrogatepass")[: last.column]
                    column = len(before.decode("utf-8", "ignore")) + 1
                    place = Place(source.file, line, column, text)
                    messages[index] = replace(message, place=place)


def unreadable(path: str, reason: str) -> FileResult:
    """The result for a file that cannot be read."""
    context = Context.of_file(path)
    return FileResult(path, [Message(ERR_FILE_READ, reason, context, Place(path))])
