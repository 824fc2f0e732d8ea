"""Built by build_native.py from native/scap.h."""

from typing import Any

ffi: Any
lib: Any
