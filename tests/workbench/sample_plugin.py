"""A plugin in C++ that counts, and then does what it is opened with: ``COUNT BATCH END``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from plugins.host import load_plugin

_SOURCE = Path(__file__).resolve().parents[1] / "plugins" / "host" / "native" / "sample.cpp"
_HEADERS = Path(load_plugin.__code__.co_filename).parent


def compile_sample(folder: Path) -> Path:
    """The library, made in ``folder``."""
    library = folder / "sample.so"
    command = ["g++", "-std=c++17", "-O1", "-g0", "-shared", "-fPIC", f"-I{_HEADERS}"]
    subprocess.run([*command, str(_SOURCE), "-o", str(library)], check=True)
    return library
