"""Builds ``capture.scap._native`` through cffi's API mode.

``setup.py`` takes ``ffi`` from here; run as a program this file builds in place. Needs the headers
of zlib and zstd (zlib1g-dev, libzstd-dev).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from cffi import FFI
from setuptools import setup

_ROOT = Path(__file__).resolve().parents[2]
_NATIVE = "capture/scap/native"
_SOURCES = ["arrow", "columns", "convert", "events", "folded", "input", "reader", "state",
            "tables", "writer"]  # fmt: skip
_HEADERS = ["scap.h", "arrow.hpp", "blocks.hpp", "columns.hpp", "convert.hpp", "folded.hpp",
            "input.hpp", "reader.hpp", "state.hpp", "tables.hpp"]  # fmt: skip


def _declarations() -> str:
    """What ``scap.h`` declares, without the lines that are the preprocessor's."""
    text = (_ROOT / _NATIVE / "scap.h").read_text(encoding="utf-8")
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


ffi = FFI()
ffi.cdef(_declarations())
ffi.set_source(
    "capture.scap._native",
    '#include "scap.h"',
    source_extension=".cpp",
    sources=[f"{_NATIVE}/{name}.cpp" for name in _SOURCES],
    depends=[f"{_NATIVE}/{name}" for name in _HEADERS],
    include_dirs=[_NATIVE],
    extra_compile_args=["-std=c++17", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
    libraries=["z", "zstd"],
)


def main() -> int:
    os.chdir(_ROOT)
    setup(
        name="falcowb-scap",
        packages=[],
        cffi_modules=["capture/scap/build_native.py:ffi"],
        script_args=["-q", "build_ext", "--inplace"],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
