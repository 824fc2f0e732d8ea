"""bcc, which distributions install for their own Python, outside of any virtual environment."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from capture.errors import CaptureError

#: Where distributions put Python packages that work with any Python 3.
PLACES = (
    "/usr/lib/python3/dist-packages",
    "/usr/share/bcc/python",
    *(f"/usr/lib/python3.{minor}/site-packages" for minor in range(20, 8, -1)),
)
INSTALL = "Install bcc: apt install python3-bpfcc (Debian, Ubuntu), or dnf install python3-bcc."


def import_bcc() -> ModuleType:
    """The module ``bcc``. Raises :class:`CaptureError` where it or its library is not installed."""
    place = _place()
    if place:
        sys.path.append(place)
    try:
        return importlib.import_module("bcc")
    except ModuleNotFoundError:
        raise CaptureError(
            "bcc, which compiles the probe, is not installed", hint=INSTALL
        ) from None
    except (ImportError, OSError, AttributeError) as error:
        raise CaptureError(f"bcc cannot be loaded: {error}", hint=INSTALL) from None
    finally:
        if place:
            sys.path.remove(place)


def _place() -> str:
    """The folder outside of the usual path that has bcc; "" where it is on the path, or nowhere."""
    try:
        if "bcc" in sys.modules or importlib.util.find_spec("bcc"):
            return ""
    except (ImportError, ValueError):
        return ""
    return next((place for place in PLACES if Path(place, "bcc", "__init__.py").is_file()), "")
