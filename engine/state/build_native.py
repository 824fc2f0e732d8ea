"""Builds ``engine.state._native`` through cffi's API mode.

``setup.py`` takes ``ffi`` from here; run as a program this file builds in place.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from cffi import FFI
from setuptools import setup

_ROOT = Path(__file__).resolve().parents[2]
_NATIVE = "engine/state/native"
_SOURCES = ["addresses", "api", "cgroups", "credentials", "engine", "files", "format", "process",
            "resume", "rows", "snapshot", "sockets", "start", "world"]  # fmt: skip
_HEADERS = ["state.h", "addresses.hpp", "batch.hpp", "constants.hpp", "engine.hpp", "fd.hpp",
            "flat_map.hpp", "format.hpp", "resume.hpp", "snapshot.hpp", "start_table.hpp",
            "tables.hpp", "text.hpp", "thread.hpp"]  # fmt: skip


def _declarations() -> str:
    """What ``state.h`` declares, without the lines that are the preprocessor's."""
    text = (_ROOT / _NATIVE / "state.h").read_text(encoding="utf-8")
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


ffi = FFI()
ffi.cdef(_declarations())
ffi.set_source(
    "engine.state._native",
    '#include "state.h"',
    source_extension=".cpp",
    sources=[f"{_NATIVE}/{name}.cpp" for name in _SOURCES],
    depends=[f"{_NATIVE}/{name}" for name in _HEADERS],
    include_dirs=[_NATIVE],
    extra_compile_args=["-std=c++17", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
)


def main() -> int:
    os.chdir(_ROOT)
    setup(
        name="falcowb-state",
        packages=[],
        cffi_modules=["engine/state/build_native.py:ffi"],
        script_args=["-q", "build_ext", "--inplace"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
