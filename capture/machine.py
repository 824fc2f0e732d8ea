"""The recording machine: its name, kernel and clocks."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from capture.manifest import Clocks, Host


def this_host() -> Host:
    """The machine this runs on. ``FALCO_HOSTNAME`` overrides its name, as it does for Falco."""
    uname = os.uname()
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot_id = ""
    return Host(
        name=os.environ.get("FALCO_HOSTNAME") or uname.nodename,
        kernel=uname.release,
        machine=uname.machine,
        boot_id=boot_id,
        cpus=os.cpu_count() or 0,
    )


def clocks_at_start() -> Clocks:
    wall, boot = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Clocks(start_time=wall, start_boot=boot, last_time=wall, last_boot=boot)


def clocks_now(start: Clocks) -> Clocks:
    return Clocks(
        start_time=start.start_time,
        start_boot=start.start_boot,
        last_time=time.time_ns(),
        last_boot=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    )


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file in hexadecimal, "" where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
