"""Builds ``capture.syscalls._native`` through cffi's API mode.

``setup.py`` takes ``ffi`` from here; run as a program this file builds in place. The columns that
batches are built in are those of ``capture/scap/native``.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from cffi import FFI
from setuptools import setup

_ROOT = Path(__file__).resolve().parents[2]
_NATIVE = "capture/syscalls/native"
_COLUMNS = "capture/scap/native"
_SOURCES = ["assembler", "codes", "drain", "files", "flags", "processes", "sockets", "values"]
_HEADERS = ["record.h", "probe.h", "assembler.hpp", "values.hpp"]


def _declarations(name: str) -> str:
    """What a header declares, without the lines that are the preprocessor's."""
    text = (_ROOT / _NATIVE / name).read_text(encoding="utf-8")
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


ffi = FFI()
for header in ("record.h", "probe.h"):
    ffi.cdef(_declarations(header))
ffi.cdef('extern "Python" void probe_details_of(void *handle, struct probe_details *details);')
ffi.set_source(
    "capture.syscalls._native",
    '#include "probe.h"',
    source_extension=".cpp",
    sources=[
        *(f"{_NATIVE}/{name}.cpp" for name in _SOURCES),
        *(f"{_COLUMNS}/{name}.cpp" for name in ("arrow", "columns")),
    ],
    depends=[
        *(f"{_NATIVE}/{name}" for name in _HEADERS),
        *(f"{_COLUMNS}/{name}" for name in ("arrow.hpp", "columns.hpp", "scap.h", "tables.hpp")),
    ],
    include_dirs=[_NATIVE, _COLUMNS],
    extra_compile_args=["-std=c++17", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
)


def main() -> int:
    os.chdir(_ROOT)
    setup(
        name="falcowb-syscalls",
        packages=[],
        cffi_modules=["capture/syscalls/build_native.py:ffi"],
        script_args=["-q", "build_ext", "--inplace"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
