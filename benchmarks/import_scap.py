"""Imports a large .scap and reads the capture it comes to, beside ``sysdig -r FILE evt.num=0``.

As recorded by today's driver, plain and gzip; the last twice as long, for the memory. Also the size
on disk, and how long an export takes. ``FALCOWB_BENCH_EVENTS`` sets the length (3,000,000 by
default).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import make_scap
from benchmarks.read_scap import run

_SOURCE = make_scap.SHARED / "upstream/captures/live/ordinary.scap"
_IMPORT = """
import sys
from capture.scap.importer import import_scap
import_scap(sys.argv[1], sys.argv[2], overwrite=True, compression=sys.argv[3])
"""
_READ = """
import sys
from capture.reader import open_capture
with open_capture(sys.argv[1]) as capture:
    for item in capture.system_calls():
        pass
"""
_EXPORT = """
import sys
from pathlib import Path
from capture.reader import open_capture
from capture.scap.exporter import export_scap
Path(sys.argv[2]).unlink(missing_ok=True)
with open_capture(sys.argv[1]) as capture:
    export_scap(capture, sys.argv[2], compress=False)
"""


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "3000000"))
    if not _SOURCE.is_file():
        print(f"no capture to repeat at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    sysdig = shutil.which("sysdig")
    if not sysdig:
        print("sysdig, the peer, is not installed")
    with tempfile.TemporaryDirectory() as folder:
        for name, ending, times, packing in (
            ("plain", "", 1, "zstd"),
            ("plain, lz4 as in the cache", "", 1, "lz4"),
            ("gzip", ".gz", 1, "zstd"),
            ("plain, twice as long", "", 2, "zstd"),
        ):
            path, made = Path(folder) / f"made.scap{ending}", Path(folder) / "made.fcap"
            events = make_scap.make(count * times, path, _SOURCE)
            peer = run([sysdig, "-r", str(path), "evt.num=0"])[0] if sysdig else None
            print(f"{name}: {events:,} events, {path.stat().st_size / 1e6:,.0f} MB")
            _tell("import", events, peer, _IMPORT, path, made, packing)
            size = sum(each.stat().st_size for each in made.rglob("*"))
            print(f"  the capture has {size / 1e6:,.1f} MB")
            _tell("read", events, peer, _READ, made)
            _tell("export", events, peer, _EXPORT, made, Path(folder) / "again.scap")
            path.unlink()


def _tell(what: str, events: int, peer: float | None, code: str, *arguments: Path | str) -> None:
    seconds, memory = run([sys.executable, "-c", code, *map(str, arguments)])
    line = f"  {what}: {events / seconds:,.0f} events a second of CPU time"
    line += f", peak memory {memory:,.0f} MB"
    print(line + (f", {seconds / peer:.2f} x sysdig's scan" if peer else ""))


if __name__ == "__main__":
    main()
