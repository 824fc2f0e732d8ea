"""Extraction event by event from Python: the plain twin of the native loop.

Knows nothing of the host but the header of the API. One call an event for all fields, with
everything that can be prepared beforehand prepared: what one would write without native code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from cffi import FFI

from plugins.host import PluginField

HEADER = Path(__file__).resolve().parents[3] / "plugins" / "host" / "falco_plugin_api.h"
_NO_INDEX = 2**64 - 1


def _interface() -> FFI:
    text = HEADER.read_text(encoding="utf-8")
    text = text[text.index('extern "C" {') : text.index("// ---- what a plugin exports")]
    text = re.sub(r'extern "C" {\n#endif', "", text)
    packed = re.search(r"#pragma pack\(push, 1\)\n(.*?)#pragma pack\(pop\)\n", text, re.DOTALL)
    assert packed
    before, after = text[: packed.start()], text[packed.end() :]
    ffi = FFI()
    for part, is_packed in ((before, False), (packed[1], True), (after, False)):
        lines = [line for line in part.splitlines() if not line.startswith("#")]
        ffi.cdef("\n".join(lines), packed=is_packed)
    ffi.cdef("""
        ss_plugin_t* plugin_init(const ss_plugin_init_input* in, ss_plugin_rc* rc);
        void plugin_destroy(ss_plugin_t* s);
        ss_plugin_rc plugin_extract_fields(ss_plugin_t* s, const ss_plugin_event_input* evt,
                                           const ss_plugin_field_extract_input* in);
    """)
    return ffi


ffi: Any = _interface()
Value = bytes | int | bool


class Peer:
    """A plugin opened and initialised in its own right."""

    def __init__(self, path: Path, config: str = "{}") -> None:
        self._lib: Any = ffi.dlopen(str(path))
        self._config = ffi.new("char[]", config.encode())
        given = ffi.new("ss_plugin_init_input*", {"config": self._config})
        rc = ffi.new("ss_plugin_rc*")
        self._state = self._lib.plugin_init(given, rc)
        assert rc[0] == 0

    def close(self) -> None:
        self._lib.plugin_destroy(self._state)

    def extract(
        self,
        batch: pa.RecordBatch,
        requests: list[tuple[PluginField, str | None]],
        source: str,
        *,
        at_once: bool = True,
    ) -> list[list[Value | list[Value] | None]]:
        """A list of values for each request: bytes, numbers, booleans, lists, None.

        ``at_once`` asks for all fields of an event in one call, otherwise field by field as Falco.
        """
        fields = ffi.new("ss_plugin_extract_field[]", len(requests))
        alive = []
        for native, (field, argument) in zip(fields, requests, strict=True):
            name = ffi.new("char[]", field.name.encode())
            alive.append(name)
            native.field_id, native.field = field.id, name
            native.ftype, native.flist = field.type, field.is_list
            native.arg_index = _NO_INDEX
            if argument is not None:
                native.arg_present = 1
                takes = field.argument
                assert takes
                if takes.key:
                    alive.append(ffi.new("char[]", argument.encode()))
                    native.arg_key = alive[-1]
                if takes.index and argument.isdigit():
                    native.arg_index = int(argument)
        given = ffi.new("ss_plugin_field_extract_input*")
        given.fields, given.num_fields = fields, len(requests)
        reader = ffi.new("ss_plugin_table_reader_vtable_ext*")
        nothing = ffi.callback("uint64_t(ss_plugin_table_t*)", lambda _: 0)
        reader.get_table_size = nothing
        given.table_reader_ext = reader
        source_name = ffi.new("char[]", source.encode())
        event = ffi.new("ss_plugin_event_input*", {"evtsrc": source_name})
        readers = [_reader(field) for field, _ in requests]
        out: list[list[Any]] = [[] for _ in requests]
        times = batch.column("time").cast(pa.int64()).to_pylist()
        nums = batch.column("num").to_pylist()
        ids = batch.column("plugin_id").to_pylist()
        extract, state = self._lib.plugin_extract_fields, self._state
        header_size = 38
        for num, time, id_, data in zip(nums, times, ids, batch.column("data"), strict=True):
            payload = data.as_py()
            memory = ffi.new("char[]", header_size + len(payload))
            header = ffi.cast("ss_plugin_event*", memory)
            header.ts, header.tid, header.len = time, 2**64 - 1, header_size + len(payload)
            header.type, header.nparams = 322, 2
            ffi.cast("uint32_t*", memory + 26)[0:3] = (4, len(payload), id_)
            ffi.memmove(memory + header_size, payload, len(payload))
            event.evt, event.evtnum = header, num
            for field in fields:
                field.res_len = 0
            if not at_once:
                for position, (column, read) in enumerate(zip(out, readers, strict=True)):
                    given.fields, given.num_fields = fields + position, 1
                    assert extract(state, event, given) == 0
                    field = fields[position]
                    column.append(read(field) if field.res_len else None)
                continue
            assert extract(state, event, given) == 0
            for column, read, field in zip(out, readers, fields, strict=True):
                column.append(read(field) if field.res_len else None)
        return out


def _reader(field: PluginField) -> Any:
    string = ffi.string

    def text(answer: Any, item: int) -> bytes:
        return string(answer.res.str[item])  # type: ignore[no-any-return]

    def number(answer: Any, item: int) -> int:
        return answer.res.u64[item]  # type: ignore[no-any-return]

    def flag(answer: Any, item: int) -> bool:
        return bool(answer.res.boolean[item])

    def address(answer: Any, item: int) -> bytes:
        value = answer.res.buf[item]
        return bytes(ffi.buffer(value.ptr, value.len))

    kinds = {"STRING": text, "BOOL": flag, "IPADDR": address, "IPNET": address}
    one = kinds.get(field.type.name, number)
    if field.is_list:
        return lambda answer: [one(answer, item) for item in range(answer.res_len)]
    return lambda answer: one(answer, 0)
