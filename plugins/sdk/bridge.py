"""The small library in which cffi's embedding mode puts the Python side of a plugin."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import cffi

HEADER = Path(__file__).parent / "native" / "bridge.h"

#: Runs in the host's process when the first call comes. What it imports is looked for in the
#: folders that the native runtime has put on the path; a failure is told, not raised.
INIT_CODE = """
from {module} import ffi

_bridge = None


def _tell(out, size, text):
    data = text.encode("utf-8", "replace")[: size - 1] + b"\\0"
    ffi.memmove(out, data, len(data))


@ffi.def_extern()
def fwb_python_start(functions, module, class_name, error, size):
    global _bridge
    try:
        from plugins.sdk import embedded

        _bridge = embedded.start(
            ffi, functions, ffi.string(module).decode(), ffi.string(class_name).decode()
        )
        return 1
    except BaseException as problem:
        _tell(error, size, f"{{type(problem).__name__}}: {{problem}}")
        return 0


@ffi.def_extern()
def fwb_python_open(*arguments):
    return _bridge.open(*arguments)


@ffi.def_extern(error=1)
def fwb_python_next(*arguments):
    return _bridge.next(*arguments)


@ffi.def_extern()
def fwb_python_close(number):
    _bridge.close(number)


@ffi.def_extern()
def fwb_python_forget(state):
    _bridge.forget(state)
"""


def declarations() -> tuple[str, str]:
    """Types, and the functions that Python implements, of ``bridge.h``."""
    types, _, functions = HEADER.read_text(encoding="utf-8").partition("// Implemented in Python.")
    return types, "//" + functions


def write_bridge(plugin_name: str, out: Path) -> None:
    """Writes the C source of the bridge of that plugin to ``out``."""
    types, functions = declarations()
    module = f"_falcowb_{plugin_name}_bridge"
    builder = cffi.FFI()
    builder.cdef(types)
    builder.embedding_api(functions)
    builder.set_source(module, f"#include <stdint.h>\n{types}")
    builder.embedding_init_code(INIT_CODE.format(module=module))
    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it writes
        builder.emit_c_code(str(out))
