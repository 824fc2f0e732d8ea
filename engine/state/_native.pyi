"""Built by build_native.py from native/state.h."""

from typing import Any

ffi: Any
lib: Any
