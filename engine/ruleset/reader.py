"""From the YAML of one rules file to definitions, item by item, as Falco reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from capture.errors import Place
from engine.ruleset import context as ctx
from engine.ruleset import decode
from engine.ruleset.codes import (
    ERR_VALIDATE,
    NOTE_DUPLICATE_KEY,
    WARN_DEPRECATED_ITEM,
    WARN_INVALID_LIST_NAME,
    WARN_INVALID_MACRO_NAME,
    WARN_UNKNOWN_ITEM,
    WARN_UNKNOWN_KEY,
    Code,
)
from engine.ruleset.collector import (
    APPENDABLE,
    REPLACEABLE,
    Collector,
    ListInfo,
    MacroInfo,
    RuleInfo,
    RuleUpdate,
    Sources,
)
from engine.ruleset.context import Context
from engine.ruleset.errors import RuleError
from engine.ruleset.model import MAX_WARNINGS, SYSCALL_SOURCE, Message, PluginRequirement, Priority
from engine.ruleset.nearest import nearest
from engine.ruleset.read_exceptions import read_exceptions
from engine.ruleset.text import Growing, Text
from engine.ruleset.versions import ENGINE_VERSION, Version
from engine.yaml import Node

_APPEND_DEPRECATED = (
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under "
    "'override' instead."
)
_ENABLED_DEPRECATED = (
    "The standalone 'enabled' key usage is deprecated. The correct approach requires also a "
    "'replace' entry under the 'override' key (i.e. 'enabled: replace')."
)
_OVERRIDE_AND_APPEND = (
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. "
    "'condition: append') under 'override' instead."
)

_MACRO_NAME = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")
_LIST_NAME = re.compile(r"[^()\"' \t\n\v\f\r=,]+")

_LIST_KEYS = ("list", "items", "append", "override")
_MACRO_KEYS = ("macro", "condition", "append", "override")
_RULE_KEYS = ("rule", *REPLACEABLE, "source", "override", "append")


class Reader:
    """Reads one file into a collector. What it warns of is in ``messages``."""

    def __init__(self, file: str, collector: Collector, sources: Sources) -> None:
        self._root = Context.of_file(file)
        self._collector = collector
        self._sources = sources
        self.messages: list[Message] = []

    def read(self, documents: Iterable[Node]) -> None:
        """Raises :class:`RuleError` at the first thing that Falco refuses."""
        for document in documents:
            if document.is_null:
                continue
            if document.is_scalar:
                raise decode.refuse("Rules content is not yaml", self._root, document)
            if not document.is_sequence:
                raise decode.refuse(
                    "Rules content is not yaml array of objects",
                    self._root,
                    document,
                    "A rules file is a list: each item begins with '- '.",
                )
            for item in document.items:
                if not item.is_null:
                    self._item(item)

    def report(self, code: Code, text: str, context: Context, place: Place, hint: str = "") -> None:
        if len(self.messages) >= MAX_WARNINGS:
            raise RuleError(
                ERR_VALIDATE, f"more than {MAX_WARNINGS} warnings", context, place=place
            )
        self.messages.append(Message(code, text, context, place, hint=hint))

    def _item(self, item: Node) -> None:
        if not item.is_map:
            raise decode.refuse(
                "Unexpected element type. Each element should be a yaml associative array.",
                decode.at(item, ctx.RULES_CONTENT_ITEM, "", self._root),
                item,
            )
        if "required_engine_version" in item:
            self._engine_version(item)
        elif "required_plugin_versions" in item:
            self._plugin_versions(item)
        elif "list" in item:
            self._list(item)
        elif "macro" in item:
            self._macro(item)
        elif "rule" in item:
            self._rule(item)
        else:
            context = decode.at(item, ctx.RULES_CONTENT_ITEM, "", self._root)
            hint = "An item begins with rule, macro, list or a required version."
            self.report(WARN_UNKNOWN_ITEM, "Unknown top level item", context, item.place, hint)

    # Version requirements

    def _engine_version(self, item: Node) -> None:
        key = "required_engine_version"
        context = decode.at(item, ctx.REQUIRED_ENGINE_VERSION, "", self._root)
        try:
            # A whole number stands for the minor version, as it did before there were three.
            minor = decode.unsigned(item, key, context)
            wanted = Version(ENGINE_VERSION.major, minor, ENGINE_VERSION.patch)
        except RuleError:
            node = decode.required(item, key, context)
            parsed = Version.parse(node.text)
            if parsed is None:
                raise decode.refuse(
                    f"Unable to parse engine version '{node.text}' as a semver string. Expected "
                    '"x.y.z" semver format.',
                    context,
                    node,
                ) from None
            wanted = parsed
        self._collector.require_engine(wanted, context)
        self._unknown_keys(item, (key,), context)

    def _plugin_versions(self, item: Node) -> None:
        key = "required_plugin_versions"
        value = item.get(key)
        assert value is not None
        context = decode.at(value, ctx.REQUIRED_PLUGIN_VERSIONS, "", self._root)
        if not value.is_sequence:
            raise decode.refuse(
                "Value of required_plugin_versions must be a sequence", context, value
            )
        for plugin in value.items:
            self._plugin_version(plugin, context)
        self._unknown_keys(
            item, (key,), decode.at(item, ctx.REQUIRED_PLUGIN_VERSIONS, "", self._root)
        )

    def _plugin_version(self, plugin: Node, parent: Context) -> None:
        entry = ctx.REQUIRED_PLUGIN_VERSIONS_ENTRY
        nameless = decode.at(plugin, entry, "", parent)
        if not plugin.is_map:
            raise decode.refuse("Plugin version must be a mapping", nameless, plugin)
        name = decode.required(plugin, "name", nameless).text
        context = decode.at(plugin, entry, name, parent)
        wanted = [PluginRequirement(name, decode.required(plugin, "version", context).text)]
        alternatives = plugin.get("alternatives")
        if alternatives is not None:
            if not alternatives.is_sequence:
                raise decode.refuse(
                    "Value of plugin version alternatives must be a sequence",
                    context,
                    alternatives,
                )
            wanted += [self._alternative(each, context) for each in alternatives.items]
        self._collector.require_plugins(wanted, context)

    def _alternative(self, item: Node, parent: Context) -> PluginRequirement:
        kind = ctx.REQUIRED_PLUGIN_VERSIONS_ALTERNATIVE
        nameless = decode.at(item, kind, "", parent)
        if not item.is_map:
            raise decode.refuse("Plugin version alternative must be a mapping", nameless, item)
        name = decode.required(item, "name", nameless).text
        context = decode.at(item, kind, name, parent)
        return PluginRequirement(name, decode.required(item, "version", context).text)

    # Lists and macros

    def _list(self, item: Node) -> None:
        name, context = self._named(item, "list", ctx.LIST)
        if not _LIST_NAME.fullmatch(name):
            self.report(
                WARN_INVALID_LIST_NAME,
                "List has an invalid name. List names should match a regular expression: "
                "([^()\"'[:space:]=,]+)",
                context,
                item.place,
            )
        nodes = decode.sequence(item, "items", context, optional=False)
        items = [Text.of(node.text, node) for node in nodes]
        info = ListInfo(name, context, item.place, items)
        if self._appends(item, "items", context):
            self._collector.append_list(info)
        else:
            self._collector.define_list(info, self.report)
        self._unknown_keys(item, _LIST_KEYS, context)

    def _macro(self, item: Node) -> None:
        name, context = self._named(item, "macro", ctx.MACRO)
        if not _MACRO_NAME.fullmatch(name):
            self.report(
                WARN_INVALID_MACRO_NAME,
                "Macro has an invalid name. Macro names should match a regular expression: "
                "([a-zA-Z]+[a-zA-Z0-9_]*)",
                context,
                item.place,
            )
        node = decode.required(item, "condition", context)
        condition_context = decode.at(node, ctx.MACRO_CONDITION, "", context)
        condition = Growing(Text.of(node.text, node))
        info = MacroInfo(name, context, condition_context, item.place, condition)
        if self._appends(item, "condition", context):
            self._collector.append_macro(info)
        else:
            self._collector.define_macro(info, self.report)
        self._unknown_keys(item, _MACRO_KEYS, context)

    def _named(self, item: Node, key: str, item_type: str) -> tuple[str, Context]:
        nameless = decode.at(item, item_type, "", self._root)
        name = decode.required(item, key, nameless).text
        return name, decode.at(item, item_type, name, self._root)

    def _append_flag(self, item: Node, context: Context) -> bool:
        flag = decode.boolean(item, "append", context, default=False)
        if flag:
            self.report(WARN_DEPRECATED_ITEM, _APPEND_DEPRECATED, context, item.place)
        return flag

    def _appends(self, item: Node, key: str, context: Context) -> bool:
        """Whether an item with a single changeable key appends to it, rather than defining."""
        flag = self._append_flag(item, context)
        append, replace = self._overrides(item, (key,), (key,), context)
        if flag and (append or replace):
            raise decode.refuse(_OVERRIDE_AND_APPEND, context, item)
        return flag or key in append

    def _overrides(
        self, item: Node, appendable: tuple[str, ...], replaceable: tuple[str, ...], parent: Context
    ) -> tuple[set[str], set[str]]:
        """The keys under ``override`` to append and to replace."""
        append: set[str] = set()
        replace: set[str] = set()
        value = item.get("override")
        if value is None:
            return append, replace
        context = decode.at(item, ctx.OVERRIDE, "", parent)
        if value.items:
            raise RuleError(
                ERR_VALIDATE, "bad conversion: 'override' is a mapping", context, place=value.place
            )
        self._duplicates(value, context)
        for key, operation in value.pairs:
            name = decode.key_text(key, context)
            wanted = decode.key_text(operation, context)
            key_context = decode.at(key, ctx.OVERRIDE, name, context)
            if wanted == "append":
                if name not in appendable:
                    raise decode.refuse(
                        f"Key '{name}' cannot be appended to, use 'replace' instead",
                        key_context,
                        key,
                        nearest(name, appendable),
                    )
                append.add(name)
            elif wanted == "replace":
                if name not in replaceable:
                    raise decode.refuse(
                        f"Key '{name}' cannot be replaced",
                        key_context,
                        key,
                        nearest(name, replaceable),
                    )
                replace.add(name)
            else:
                allowed = "append " * (name in appendable) + "replace " * (name in replaceable)
                raise decode.refuse(
                    f"Invalid override operation for key '{name}': '{wanted}'. Allowed values "
                    f"are: {allowed}",
                    decode.at(operation, ctx.VALUE_FOR, name, context),
                    operation,
                )
        return append, replace

    # Rules

    def _rule(self, item: Node) -> None:
        name, context = self._named(item, "rule", ctx.RULE)
        source_node = decode.scalar(item, "source", context, optional=True, empty_ok=True)
        source = source_node.text if source_node else ""
        flag = self._append_flag(item, context)
        append, replace = self._overrides(item, APPENDABLE, REPLACEABLE, context)
        if flag and (append or replace):
            raise decode.refuse(_OVERRIDE_AND_APPEND, context, item)
        if append or replace:
            self._override_rule(item, name, source, append, replace, context)
        elif flag:
            self._append_rule(item, name, source, context)
        elif not any(key in item for key in ("condition", "output", "desc", "priority")):
            enabled = decode.boolean(item, "enabled", context)
            self.report(WARN_DEPRECATED_ITEM, _ENABLED_DEPRECATED, context, item.place)
            self._collector.enable_rule(name, enabled, context, item.place)
        else:
            self._define_rule(item, name, context)
        self._unknown_keys(item, _RULE_KEYS, context)

    def _define_rule(self, item: Node, name: str, context: Context) -> None:
        condition = decode.required(item, "condition", context)
        output = decode.required(item, "output", context)
        description = decode.required(item, "desc", context).text
        priority = self._priority(item, context)
        source = decode.scalar(item, "source", context, optional=True)
        info = RuleInfo(
            name,
            context,
            decode.at(condition, ctx.RULE_CONDITION, "", context),
            decode.at(output, ctx.RULE_OUTPUT, "", context),
            item.place,
            Growing(Text.of(condition.text, condition)),
            Growing(_trimmed(Text.of(output.text, output))),
            description,
            priority,
            source.text if source else SYSCALL_SOURCE,
            enabled=decode.boolean(item, "enabled", context, default=True),
            capture=decode.boolean(item, "capture", context, default=False),
            capture_duration=decode.unsigned(item, "capture_duration", context, default=0),
            warn_evttypes=decode.boolean(item, "warn_evttypes", context, default=True),
            skip_if_unknown_filter=decode.boolean(
                item, "skip-if-unknown-filter", context, default=False
            ),
            tags=self._tags(item, context),
            exceptions=read_exceptions(item, context, False, self.report),
        )
        self._collector.define_rule(info, self._sources, self.report)

    def _append_rule(self, item: Node, name: str, source: str, context: Context) -> None:
        update = RuleUpdate(name, context, item.place, source)
        if "condition" in item:
            update.condition = decode.text(item, "condition", context)
        if "exceptions" in item:
            update.exceptions = read_exceptions(item, context, True, self.report)
        self._collector.append_rule(update, self._sources)

    def _override_rule(
        self,
        item: Node,
        name: str,
        source: str,
        append: set[str],
        replace: set[str],
        context: Context,
    ) -> None:
        left = {key for key in REPLACEABLE if key in item}
        if append:
            update = self._update(item, name, source, "append", append, left, context)
            self._collector.append_rule(update, self._sources)
        if replace:
            update = self._update(item, name, source, "replace", replace, left, context)
            self._collector.replace_in_rule(update, self._sources)
        for key in sorted(left):
            node = item.get(key)
            assert node is not None
            raise decode.refuse(
                f"Unexpected key '{key}': no corresponding entry under 'override' is defined.",
                decode.at(node, ctx.OVERRIDE, key, context),
                node,
            )

    def _update(
        self,
        item: Node,
        name: str,
        source: str,
        operation: str,
        keys: set[str],
        left: set[str],
        context: Context,
    ) -> RuleUpdate:
        """What ``item`` brings for ``keys``, which are taken out of ``left``."""
        update = RuleUpdate(name, context, item.place)

        def wanted(key: str) -> bool:
            if key not in keys:
                return False
            if key not in left:
                raise decode.refuse(
                    f"An {operation} override for '{key}' was specified but '{key}' is not defined",
                    context,
                    item,
                )
            left.discard(key)
            return True

        if wanted("condition"):
            update.source = source
            update.condition = decode.text(item, "condition", context)
        if wanted("exceptions"):
            appending = operation == "append"
            update.exceptions = read_exceptions(item, context, appending, self.report)
        if wanted("output"):
            update.output = decode.text(item, "output", context)
        if wanted("desc"):
            update.description = decode.required(item, "desc", context).text
        if wanted("tags"):
            update.tags = self._tags(item, context)
        if wanted("priority"):
            update.priority = self._priority(item, context)
        if wanted("capture"):
            update.capture = decode.boolean(item, "capture", context)
        if wanted("capture_duration"):
            update.capture_duration = decode.unsigned(item, "capture_duration", context)
        if wanted("enabled"):
            update.enabled = decode.boolean(item, "enabled", context)
        if wanted("warn_evttypes"):
            update.warn_evttypes = decode.boolean(item, "warn_evttypes", context)
        if wanted("skip-if-unknown-filter"):
            update.skip_if_unknown_filter = decode.boolean(item, "skip-if-unknown-filter", context)
        return update

    def _priority(self, item: Node, context: Context) -> Priority:
        node = decode.required(item, "priority", context)
        try:
            return Priority.parse(node.text)
        except ValueError:
            names = ", ".join(each.title for each in Priority)
            raise decode.refuse(
                "Invalid priority",
                decode.at(node, ctx.RULE_PRIORITY, "", context),
                node,
                f"'{node.text}' is none of {names}",
            ) from None

    def _tags(self, item: Node, context: Context) -> set[str]:
        return {node.text for node in decode.sequence(item, "tags", context, optional=True)}

    # Keys

    def _unknown_keys(self, item: Node, known: tuple[str, ...], context: Context) -> None:
        for key, _ in item.pairs:
            name = decode.key_text(key, context)
            if name not in known:
                self.report(
                    WARN_UNKNOWN_KEY,
                    f"Unknown key '{name}'. The key will be ignored.",
                    context,
                    key.place,
                    nearest(name, known),
                )
        self._duplicates(item, context)

    def _duplicates(self, item: Node, context: Context) -> None:
        for key in item.duplicates():
            self.report(
                NOTE_DUPLICATE_KEY,
                f"Key '{key.text}' is written twice; the first is used",
                context,
                key.place,
            )


def _trimmed(text: Text) -> Text:
    value = text.value
    start = len(value) - len(value.lstrip(" \t\n\r\f\v"))
    end = len(value.rstrip(" \t\n\r\f\v"))
    return Text(text.cut(start, max(start, end)))
