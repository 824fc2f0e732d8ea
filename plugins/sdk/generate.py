"""A plugin class's declarations as C++: the tables that the native runtime works from."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.errors import FalcowbError
from plugins.sdk.model import Argument, Extract, Field, FieldType, Plugin

#: The lowest API version with all that the runtime uses (a log function in init's input: 3.3.0).
REQUIRED_API_VERSION = "3.3.0"

_HOW = {
    Extract.POINTER: "kPointer",
    Extract.ARGUMENT: "kPointerArgument",
    Extract.PATH: "kPath",
    Extract.DOCUMENT: "kDocument",
    Extract.TIME: "kTime",
    Extract.FUNCTION: "kFunction",
}
_TYPE = {
    FieldType.STRING: "FTYPE_STRING",
    FieldType.UINT64: "FTYPE_UINT64",
    FieldType.BOOL: "FTYPE_BOOL",
    FieldType.ABSTIME: "FTYPE_ABSTIME",
}
_OPTION = {"string": "'s'", "integer": "'i'", "boolean": "'b'"}


@dataclass(frozen=True, slots=True)
class PythonPlace:
    """Where the built plugin finds its Python: folders for the path, module and class."""

    folders: Sequence[Path]
    home: Path  #: folders below it are also noted relative to the plugin, which lies below too
    module: str
    class_name: str


def c_string(text: str) -> str:
    """A C string literal; long ones in pieces, everything but plain ASCII as octal."""
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\' or byte < 0x20 or byte > 0x7E or char == "?":
            out.append(f"\\{byte:03o}")
        else:
            out.append(char)
    pieces = ["".join(out[i : i + 90]) for i in range(0, len(out), 90)] or [""]
    return "\n    ".join(f'"{piece}"' for piece in pieces)


def _check(plugin: type[Plugin], field: Field) -> None:
    def refuse(why: str) -> None:
        raise FalcowbError(f"field {field.name} of plugin {plugin.name}: {why}")

    keyed = field.argument in (Argument.KEY, Argument.REQUIRED_KEY)
    if not field.desc:
        refuse("it has no description, which hosts demand")
    if field.extract is Extract.FUNCTION and not field.function:
        refuse("extract is FUNCTION, but no function is named")
    if field.extract in (Extract.ARGUMENT, Extract.PATH) and not keyed:
        refuse(f"extract is {field.extract.name}, which needs a key as argument")
    if field.extract is Extract.PATH and not field.is_list:
        refuse("a path has any number of values, so it must be a list")
    if field.extract is Extract.POINTER and field.argument is not Argument.NONE:
        refuse("a plain pointer takes no argument")
    if field.type is not FieldType.STRING and (
        field.is_list or field.extract not in (Extract.POINTER, Extract.ARGUMENT)
    ):
        refuse(f"type {field.type.name} is for single values at a pointer only")
    for pointer in (field.json, field.when, field.needs, *field.anchors):
        if pointer and not pointer.startswith("/"):
            refuse(f"{pointer!r} is no JSON pointer; it begins with '/'")


def init_schema(plugin: type[Plugin]) -> dict[str, Any]:
    """The JSON schema of the init configuration."""
    properties: dict[str, Any] = {}
    for option in plugin.options:
        properties[option.name] = {
            "type": option.json_type,
            "title": option.title,
            "description": option.desc,
            "default": option.default,
        }
        if option.json_type == "integer":
            properties[option.name]["minimum"] = 0
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "properties": properties,
        "additionalProperties": True,
    }


def _array(name: str, values: Iterable[str], kind: str = "char* const") -> tuple[str, str, int]:
    """Declaration of an array of texts, its name, its length; nothing for an empty one."""
    texts = list(values)
    if not texts:
        return "", "nullptr", 0
    body = ", ".join(c_string(text) for text in texts)
    return f"const {kind} {name}[] = {{{body}}};\n", name, len(texts)


def _fields(plugin: type[Plugin]) -> str:
    arrays, rows = [], []
    for i, field in enumerate(plugin.fields):
        _check(plugin, field)
        anchors, anchors_name, anchor_count = _array(f"anchors{i}", field.anchors)
        parameters, parameters_name, parameter_count = _array(
            f"parameters{i}", field.parameters, "std::string_view"
        )
        arrays += [anchors, parameters]
        rows.append(
            f"    {{{c_string(field.name)}, {_TYPE[field.type]}, {str(field.is_list).lower()}, "
            f"How::{_HOW[field.extract]}, {c_string(field.json)}, "
            f"{'fwb_plugin::' + field.function if field.function else 'nullptr'}, "
            f"{c_string(field.when) if field.when else 'nullptr'}, "
            f"{str(field.null_is_text).lower()}, "
            f"{anchors_name}, {anchor_count}, {parameters_name}, {parameter_count}, "
            f"{c_string(field.needs) if field.needs else 'nullptr'}}},\n"
        )
    functions = sorted({field.function for field in plugin.fields if field.function})
    declared = "".join(f"void {name}(fwb::FieldCall&);\n" for name in functions)
    if plugin.on_document:
        declared += f"void {plugin.on_document}(const fwb::Document&, uint32_t, fwb::EventSink&);\n"
    return (
        f"namespace fwb_plugin {{\n{declared}}}\n\nnamespace fwb {{\n\n{''.join(arrays)}\n"
        f"const FieldDeclaration fields[] = {{\n{''.join(rows)}}};\n\n"
    )


def _plugin(plugin: type[Plugin]) -> str:
    aliases = "".join(
        f"    {{{c_string(name)}, {c_string(pointer)}}},\n"
        for name, pointer in plugin.path_aliases.items()
    )
    options = "".join(
        f"    {{{c_string(option.name)}, {_OPTION[option.json_type]}}},\n"
        for option in plugin.options
    )
    open_params = [{"value": p.value, "desc": p.desc} for p in plugin.open_params]
    sources = list(plugin.extract_sources) or [plugin.event_source]
    return (
        f"const PathAlias aliases[] = {{\n{aliases}    {{}}}};\n"
        f"const OptionDeclaration options[] = {{\n{options}    {{}}}};\n\n"
        f"const PluginDeclaration kPlugin = {{\n"
        f"    {c_string(plugin.name)},\n    {c_string(plugin.description)},\n"
        f"    {c_string(plugin.contact)},\n    {c_string(plugin.version)},\n"
        f"    {c_string(REQUIRED_API_VERSION)},\n    {plugin.id},\n"
        f"    {c_string(plugin.event_source)},\n    {c_string(json.dumps(sources))},\n"
        f"    {c_string(json.dumps([field.entry() for field in plugin.fields]))},\n"
        f"    {c_string(json.dumps(init_schema(plugin)))},\n"
        f"    {c_string(json.dumps(open_params))},\n"
        f"    fields, {len(plugin.fields)},\n    aliases, {len(plugin.path_aliases)},\n"
        f"    options, {len(plugin.options)},\n"
        f"    {'fwb_plugin::' + plugin.on_document if plugin.on_document else 'nullptr'}}};\n\n"
    )


def _python(place: PythonPlace, output: Path, bridge: bytes) -> str:
    here = output.resolve().parent
    relative = [
        os.path.relpath(folder, here)
        if folder.is_relative_to(place.home) and here.is_relative_to(place.home)
        else ""
        for folder in place.folders
    ]
    folders, folders_name, count = _array("folders", map(str, place.folders))
    relatives, relatives_name, _ = _array("relative_folders", relative)
    octets = ",".join(map(str, bridge)) or "0"
    version = sysconfig.get_python_version()
    library = sysconfig.get_config_var("INSTSONAME") or f"libpython{version}.so.1.0"
    if ".so" not in library:  # a Python without a shared library of its own
        library = f"libpython{version}.so.1.0"
    return (
        f"{folders}{relatives}"
        f"const unsigned char bridge[] = {{{octets}}};\n\n"
        f"const PythonDeclaration kPython = {{\n"
        f"    {c_string(version)},\n    {c_string(library)},\n"
        f"    {c_string(sysconfig.get_config_var('LIBDIR') or '/usr/lib')},\n"
        f"    {c_string(sysconfig.get_path('stdlib'))},\n"
        f"    {folders_name}, {relatives_name}, {count},\n"
        f"    {c_string(place.module)},\n    {c_string(place.class_name)},\n"
        f"    bridge, {len(bridge)}}};\n\n"
    )


def generate(plugin: type[Plugin], place: PythonPlace, output: Path, bridge: bytes) -> str:
    """The C++ source of ``kPlugin`` and ``kPython``. Raises FalcowbError for a bad declaration."""
    return (
        "// Written by plugins/sdk/generate.py; do not edit.\n"
        '#include "plugins/sdk/native/declaration.hpp"\n\n'
        f"{_fields(plugin)}{_plugin(plugin)}{_python(place, output, bridge)}}}  // namespace fwb\n"
    )
