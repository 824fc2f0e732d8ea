"""The catalogue: which fields there are, for each event source, and what may stand in brackets."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from capture.errors import FalcowbError
from engine.fields.events import COMPARES_AS, event_names, parameter_types
from engine.fields.model import Argument, FieldInfo, FieldRef, FieldType

SYSCALL = "syscall"
_TSV = Path(__file__).with_name("syscall.tsv")
#: Longer names are never compared for likeness: no field is as long, and it would take time.
_LONGEST_LIKELY = 80
_NUMBER = re.compile(r"\s*[+-]?[0-9]+")
_INDEX = re.compile(r"0|[1-9][0-9]*")
_BARE_PATH_ARGUMENT = re.compile(r"\*|[0-9]+")


class UnknownField(FalcowbError):
    """No such field in the source, or its argument is not one it takes. ``nearest`` is the name
    most like it, or empty."""

    def __init__(self, message: str, name: str, nearest: str = "", hint: str = "") -> None:
        if nearest and not hint:
            hint = f"Did you mean {nearest}?"
        super().__init__(message, hint=hint)
        self.name = name
        self.nearest = nearest


class Catalogue:
    """Fields by source. Immutable: ``with_fields`` gives a larger one.

    The ``syscall`` source is always there; every source has the generic fields (``evt.num``,
    ``evt.time``, ``evt.source`` …).
    """

    def __init__(self, by_source: Mapping[str, Mapping[str, FieldInfo]]) -> None:
        self._by_source = {source: dict(fields) for source, fields in by_source.items()}
        self._refs: dict[tuple[str | None, str, str | None], FieldRef] = {}

    @classmethod
    def native(cls) -> Catalogue:
        """What is there without any plugin: the syscall source."""
        return _native()

    def with_fields(self, fields: Iterable[FieldInfo], sources: Iterable[str] = ()) -> Catalogue:
        """This catalogue and ``fields``, in each of ``sources``; in every source where none is
        named. Sources that were not there are added. A name that a source has keeps its first
        meaning, as in Falco."""
        fields = list(fields)
        names = list(sources) or list(self._by_source)
        merged = dict(self._by_source)
        generic = {info.name: info for info in _native_fields() if "generic" in info.properties}
        for name in names:
            mine = dict(merged.get(name, generic))
            for info in fields:
                mine.setdefault(info.name, info)
            merged[name] = mine
        return Catalogue(merged)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._by_source)

    def fields(self, source: str | None = None, *, hidden: bool = False) -> list[FieldInfo]:
        """The fields of a source, or of all, each once. ``hidden`` adds those that Falco does not
        list (deprecated, or for tables and outputs only).

        Raises FalcowbError for an unknown source.
        """
        if source is not None and source not in self._by_source:
            raise FalcowbError(
                f"unknown event source '{source}'", hint=f"Known: {', '.join(self._by_source)}."
            )
        sources = self._by_source if source is None else (source,)
        found: dict[str, FieldInfo] = {}
        for name in sources:
            for info in self._by_source[name].values():
                if hidden or not info.properties & {"deprecated", "table_only", "print_only"}:
                    found.setdefault(info.name, info)
        return list(found.values())

    def lookup(self, name: str, arg: str | None = None, source: str | None = None) -> FieldRef:
        """The field written as ``name`` or ``name[arg]``, in one source or in any.

        ``name`` may be a dotted form (``evt.arg.flags``) or a path under a namespace that a plugin
        declares (``k8s.audit.user.username``). Raises UnknownField.
        """
        key = (source, name, arg)
        ref = self._refs.get(key)
        if ref is None:
            ref = self._look_up(name, arg, source)
            if len(self._refs) < 65536:
                self._refs[key] = ref
        return ref

    def has(self, name: str, arg: str | None = None, source: str | None = None) -> bool:
        """Whether :meth:`lookup` would find it. Looks for no likeness, so it may be asked often."""
        if "." not in name:
            return False  # no field is called so
        for one in self._by_source if source is None else (source,):
            try:
                if _find(self._by_source.get(one, {}), name, arg) is not None:
                    return True
            except UnknownField:
                continue
        return False

    def nearest(self, name: str, source: str | None = None) -> str:
        """The known name most like ``name``; empty where none is."""
        if len(name) > _LONGEST_LIKELY:
            return ""
        names = [info.name for info in self.fields(source)] if self._knows(source) else []
        found = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
        return found[0] if found else ""

    def _knows(self, source: str | None) -> bool:
        return source is None or source in self._by_source

    def _look_up(self, name: str, arg: str | None, source: str | None) -> FieldRef:
        sources = self._by_source if source is None else (source,)
        refused: UnknownField | None = None
        for one in sources:
            try:
                ref = _find(self._by_source.get(one, {}), name, arg)
            except UnknownField as error:
                refused = refused or error
                continue
            if ref is not None:
                return ref
        if refused is not None:
            raise refused
        text = _written(name, arg)
        message = f"filter_check called with nonexistent field {text}"
        nearest = self.nearest(name, source)
        elsewhere = [s for s, known in self._by_source.items() if name in known]
        if source is not None and elsewhere:
            hint = f"Source '{source}' has no such field; source '{elsewhere[0]}' has."
            raise UnknownField(message, name, hint=hint)
        raise UnknownField(message, name, nearest)


def _written(name: str, arg: str | None) -> str:
    return name if arg is None else f"{name}[{arg}]"


def _find(known: Mapping[str, FieldInfo], name: str, arg: str | None) -> FieldRef | None:
    info = known.get(name)
    if info is not None:
        return _with_argument(info, name, arg)
    return _dotted(known, name, arg) or _path(known, name, arg)


def _with_argument(info: FieldInfo, name: str, arg: str | None) -> FieldRef:
    text = _written(name, arg)
    takes = info.argument
    if arg is None:
        if takes is not None and takes.required:
            hint = f"Write {name}[…]."
            if info.path:
                hint = f"Write {name}.… with the path of a value."
            elif info.properties & {"dot param", "dot word", "dot type"}:
                hint = f"Write {name}.NAME."
            raise UnknownField(f"field '{name}' requires an argument", name, hint=hint)
        return FieldRef(info, None, text, info.is_list and not info.path)
    if takes is None or not (takes.index or takes.key):
        raise UnknownField(f"field '{name}' takes no argument in brackets", name)
    if info.path:
        return FieldRef(info, arg, text, "[*]" in arg)
    if takes.index and not takes.key:
        pattern = _INDEX if "plugin" in info.properties else _NUMBER
        if pattern.fullmatch(arg) is None:
            raise UnknownField(f"field '{name}' takes a number in brackets, not '{arg}'", name)
    return FieldRef(info, arg, text, info.is_list)


def _dotted(known: Mapping[str, FieldInfo], name: str, arg: str | None) -> FieldRef | None:
    """The native fields whose argument follows a dot."""
    for stem in ("evt.arg", "evt.rawarg", "evt.type.is", "thread.cgroup", "evt.abspath"):
        info = known.get(stem)
        if info is None or not name.startswith(stem + ".") or arg is not None:
            continue
        rest = name[len(stem) + 1 :]
        if "dot param" in info.properties:
            if rest not in parameter_types():
                near = difflib.get_close_matches(rest[:_LONGEST_LIKELY], parameter_types(), n=1)
                raise UnknownField(
                    f"unknown event argument {rest}", name, f"{stem}.{near[0]}" if near else ""
                )
            if info.type is FieldType.DYN:
                info = _typed(info, parameter_types()[rest])
        elif "dot type" in info.properties:
            if not rest.isdecimal() and rest not in event_names():
                return None
        elif "dot abspath" in info.properties:
            if rest not in ("src", "dst"):
                return None
        elif re.fullmatch(r"[A-Za-z_]+", rest) is None:
            return None
        return FieldRef(info, rest, name, info.is_list)
    return None


def _typed(info: FieldInfo, parameter: str) -> FieldInfo:
    """``evt.rawarg`` with the type of one parameter. Types that nothing compares with stay DYN and
    carry their name in ``properties``."""
    name = COMPARES_AS.get(parameter, parameter)
    if name in FieldType.__members__:
        return replace(info, type=FieldType[name])
    return replace(info, properties=info.properties | {f"type {parameter}"})


def _path(known: Mapping[str, FieldInfo], name: str, arg: str | None) -> FieldRef | None:
    """A path under a namespace that a plugin declares."""
    best: FieldInfo | None = None
    for info in known.values():
        if (
            info.path
            and name.startswith(info.name)
            and name[len(info.name) : len(info.name) + 1] in (".", "[")
            and (best is None or len(info.name) > len(best.name))
        ):
            best = info
    if best is None:
        return None
    path = name[len(best.name) :].removeprefix(".")
    text = name
    if arg is not None:
        if _BARE_PATH_ARGUMENT.fullmatch(arg):
            step = f"[{arg}]"
        else:
            step = '["' + arg.replace("\\", "\\\\").replace('"', '\\"') + '"]'
        path += step
        text += step
    return FieldRef(best, path, text, "[*]" in path)


@functools.cache
def _native() -> Catalogue:
    return Catalogue({SYSCALL: {info.name: info for info in _native_fields()}})


@functools.cache
def _native_fields() -> tuple[FieldInfo, ...]:
    fields = []
    for row in _TSV.read_text(encoding="utf-8").splitlines():
        if row.startswith("#"):
            continue
        name, type_, argument, marks, description = row.split("\t")
        words = argument.split()
        properties = set(marks.split())
        if "dot" in words:
            properties.add(f"dot {words[words.index('dot') + 1]}")
        is_list = "list" in properties
        takes = Argument("required" in words, "index" in words, "key" in words)
        fields.append(
            FieldInfo(
                name=name,
                type=FieldType[type_],
                is_list=is_list,
                argument=takes if words else None,
                description=description,
                source=SYSCALL,
                properties=frozenset(properties),
            )
        )
    return tuple(fields)
