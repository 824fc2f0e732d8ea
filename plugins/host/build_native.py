"""Builds ``plugins.host._native`` through cffi's API mode.

``setup.py`` takes ``ffi`` from here; run as a program this file builds in place.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cffi import FFI

_ROOT = Path(__file__).resolve().parents[2]
_HERE = "plugins/host"
_SOURCES = ["library", "tables", "arrow", "columns", "extract", "source"]
_HEADERS = ["host.h", "library.hpp", "arrow.hpp", "columns.hpp", "event.hpp"]


def _declarations() -> str:
    """What ``host.h`` declares, without the lines that are the preprocessor's."""
    text = (_ROOT / _HERE / "native" / "host.h").read_text(encoding="utf-8")
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


ffi = FFI()
ffi.cdef(_declarations())
ffi.set_source(
    "plugins.host._native",
    '#include "host.h"',
    source_extension=".cpp",
    sources=[f"{_HERE}/native/{name}.cpp" for name in _SOURCES],
    depends=[
        f"{_HERE}/falco_plugin_api.h",
        *(f"{_HERE}/native/{name}" for name in _HEADERS),
    ],
    include_dirs=[f"{_HERE}/native"],
    extra_compile_args=["-std=c++17", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
    libraries=["dl"],
)


def main() -> int:
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
