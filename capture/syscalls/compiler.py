"""The probe's text made into bytecode by bcc, and kept: compiling takes seconds, reading none.

The bytecode names its maps instead of file descriptors, so that it can be loaded again.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capture.errors import CaptureError
from capture.syscalls import kernel
from capture.syscalls.bcc_module import import_bcc
from capture.syscalls.headers import cache_folder, find_headers

_LOAD_IMMEDIATE, _MAP_FD = 0x18, 1
#: Maps of the text (bpf/maps.c); some are there only with some options.
_MAPS = (
    "ring",
    "rings",
    "calls",
    "scratches",
    "lost",
    "settings",
    "steps",
    "ia32",
    "tracked",
    "newborn",
)
_NO_TABLE = (1 << 64) - 1
#: Raised when what is kept changes its form.
_FORM = 1
#: Most files kept: one an option that is compiled in, and kernel.
_KEPT = 16


@dataclass(frozen=True, slots=True)
class MapShape:
    """A map as the text declares it: sizes in bytes."""

    kind: int
    key: int
    value: int
    entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class Program:
    """Bytecode, and which of its instructions (by place) load the address of which map."""

    code: bytes
    maps: tuple[tuple[int, str], ...]

    def linked(self, maps: dict[str, int]) -> bytes:
        """The code with these file descriptors."""
        code = bytearray(self.code)
        for place, name in self.maps:
            struct.pack_into("<i", code, 8 * place + 4, maps[name])
        return bytes(code)


@dataclass(frozen=True, slots=True)
class Compiled:
    """Maps and programs by name."""

    maps: dict[str, MapShape]
    programs: dict[str, Program]


def compile_probe(text: str, names: Sequence[str], cache: Path | None = None) -> Compiled:
    """The programs of these names in the text. What was compiled before is taken from ``cache``
    (default: ``falcowb/probe`` in the user's cache folder). Raises CaptureError where the text
    does not compile: headers or bcc are missing."""
    folder = cache or cache_folder().with_name("probe")
    key = hashlib.sha256(json.dumps([_FORM, text, list(names)]).encode()).hexdigest()
    path = folder / f"{key[:32]}.json"
    kept = _read(path)
    if kept is not None and set(kept.programs) == set(names):
        return kept
    compiled = _compile(text, names)
    _write(path, compiled)
    return compiled


def _compile(text: str, names: Sequence[str]) -> Compiled:
    bcc = import_bcc()
    with _environment("BCC_KERNEL_SOURCE", str(find_headers())):
        try:
            made = bcc.BPF(text=text.encode(), cflags=["-w"])
        except Exception as error:  # bcc raises bare Exceptions
            raise CaptureError(
                f"the probe could not be compiled: {error}",
                hint="falcowb capture --check says what this host lacks",
            ) from error
    try:
        maps, descriptors = _maps(bcc.lib, ctypes.c_void_p(made.module))
        programs = {name: _program(made.dump_func(name.encode()), descriptors) for name in names}
    finally:
        made.cleanup()
    return Compiled(maps, programs)


def _maps(native: Any, module: Any) -> tuple[dict[str, MapShape], dict[int, str]]:
    """Shapes of the text's maps by name, and their names by the descriptors they have now."""
    shapes, descriptors = {}, {}
    for name in _MAPS:
        number = native.bpf_table_id(module, name.encode())
        if number == _NO_TABLE:
            continue
        shapes[name] = MapShape(
            native.bpf_table_type_id(module, number),
            native.bpf_table_key_size(module, name.encode()),
            native.bpf_table_leaf_size(module, name.encode()),
            native.bpf_table_max_entries_id(module, number),
            native.bpf_table_flags_id(module, number),
        )
        descriptors[native.bpf_table_fd(module, name.encode())] = name
    return shapes, descriptors


def _program(code: bytes, descriptors: dict[int, str]) -> Program:
    found = []
    place = 0
    while place < len(code) // 8:
        opcode, registers, _, immediate = struct.unpack_from("<BBhi", code, 8 * place)
        if opcode == _LOAD_IMMEDIATE:
            if registers >> 4 == _MAP_FD:
                found.append((place, descriptors[immediate]))
            place += 1  # it is two instructions long
        place += 1
    return Program(code, tuple(found))


def create_maps(compiled: Compiled, sizes: dict[str, int]) -> dict[str, int]:
    """File descriptors of all maps; ``sizes`` says how many entries (bytes, of a ring buffer) some
    have. Raises OSError."""
    made: dict[str, int] = {}
    try:
        # A map of maps wants to see one of those first.
        for name, shape in sorted(
            compiled.maps.items(), key=lambda item: item[1].kind == kernel.ARRAY_OF_MAPS
        ):
            entries = sizes.get(name, shape.entries)
            ring = shape.kind == kernel.RINGBUF
            made[name] = kernel.create_map(
                shape.kind,
                name,
                0 if ring else shape.key,
                0 if ring else shape.value,
                entries,
                shape.flags,
                made["ring"] if shape.kind == kernel.ARRAY_OF_MAPS else 0,
            )
    except OSError:
        for fd in made.values():
            os.close(fd)
        raise
    return made


def _read(path: Path) -> Compiled | None:
    """What is kept in a file, unless somebody else could have written it."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            kept = json.loads(file.read())
        maps = {name: MapShape(**shape) for name, shape in kept["maps"].items()}
        programs = {
            name: Program(bytes.fromhex(code), tuple((int(at), str(to)) for at, to in links))
            for name, (code, links) in kept["programs"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Compiled(maps, programs)


def _write(path: Path, compiled: Compiled) -> None:
    """Keep it, in whole or not at all; where that cannot be, it is compiled again next time."""
    kept = {
        "maps": {name: asdict(shape) for name, shape in compiled.maps.items()},
        "programs": {
            name: (program.code.hex(), program.maps) for name, program in compiled.programs.items()
        },
    }
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(fd, "w") as file:
            json.dump(kept, file)
        Path(name).replace(path)
        newest = sorted(path.parent.iterdir(), key=lambda each: -each.stat().st_mtime)
        for old in newest[_KEPT:]:
            old.unlink()


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
