"""What a plugin opens, as a capture: recorded once into a cache folder, so that it can be gone
through in any order.

``$XDG_CACHE_HOME/falcowb/logs`` (``~/.cache/…``); what nobody has used for a day is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from capture.errors import CaptureError
from capture.manifest import PluginInfo, SourceInfo
from capture.reader import Capture, open_capture
from capture.writer import CaptureWriter
from plugins.host import Plugin
from workbench.core.kept import kept_root
from workbench.core.session import Session

#: Told events so far and how far the source is (0 to 1; None: nobody knows).
Progress = Callable[[int, float | None], None]

_OLD = 24 * 3600.0
_BYTES = 64 << 20


def capture_of_log(session: Session, params: str | None, progress: Progress) -> Capture:
    """The capture of all that a plugin of the session gives for ``params`` (None: what the
    configuration says). Read anew each time: only a file whose size and time are as before is
    known. Raises FalcowbError; what ``progress`` raises ends it."""
    plugin = session.plugins.sourcing(session.asked[0] if session.asked else None)
    if params is None:
        params = session.open_params(plugin.name)
    root = _root()
    known = _key(plugin, params)
    path = root / f"{known or secrets.token_hex(20)}.fcap"
    if known is not None:
        with contextlib.suppress(CaptureError):
            found = open_capture(path)
            if found.hold() and found.complete:
                return found
            found.close()
    new = root / f"new-{secrets.token_hex(8)}.fcap"
    try:
        _record(session, plugin, params, new, progress)
        shutil.rmtree(path, ignore_errors=True)
        new.rename(path)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    made = open_capture(path)
    made.hold()
    return made


def _record(session: Session, plugin: Plugin, params: str, path: Path, progress: Progress) -> None:
    info = SourceInfo(
        plugin.event_source,
        plugin=PluginInfo(
            name=plugin.name,
            version=plugin.version,
            api_version=plugin.required_api_version,
            id=plugin.id,
            file=plugin.path.name,
            sha256=plugin.file_sha256(),
            config=session.init_config(plugin.name),
            open_params=params,
        ),
    )
    with plugin.open(params) as source, CaptureWriter(path, [info], compression="lz4") as writer:
        for batch in source.batches(max_bytes=_BYTES):
            if batch.num_rows:
                writer.write(info.name, batch)
            told = source.progress()
            progress(source.count, told.fraction if told else None)


def _root() -> Path:
    root = kept_root().with_name("logs")
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CaptureError(f"{root}: {error.strerror}") from None
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD:
                shutil.rmtree(path, ignore_errors=True)
    return root


def _key(plugin: Plugin, params: str) -> str | None:
    """What names the content of a file; None for what is no file."""
    path = Path(params)
    try:
        if not path.is_file():
            return None
        status = path.stat()
    except (OSError, ValueError):
        return None
    facts = f"{plugin.name} {plugin.file_sha256()} {status.st_size} {status.st_mtime_ns} "
    return hashlib.sha256(facts.encode() + str(path.resolve()).encode()).hexdigest()[:40]
