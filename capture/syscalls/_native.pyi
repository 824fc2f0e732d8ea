"""Built by build_native.py from native/probe.h and native/record.h."""

from typing import Any

ffi: Any
lib: Any
