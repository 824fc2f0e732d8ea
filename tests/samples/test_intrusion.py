"""The sample intrusion: as it was recorded, and played anew where this kernel may be watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from capture.reader import open_capture
from capture.syscalls.check import check_host
from tests.workbench.command import SAMPLES, falcowb

CAPTURE = SAMPLES / "intrusion.fcap"
SCRIPT = SAMPLES / "intrusion.sh"
RULES = SAMPLES.parent / "rules" / "syscall_rules.yaml"
LEFT = [Path("/dev/shm/.falcowb-sample"), Path("/etc/cron.d/falcowb-sample")]
LEFT += [Path("/var/log/falcowb-sample.log")]

#: The alerts, in order.
TOLD = [
    "Download Saved to a World-Writable Folder",
    "Program Run from a World-Writable Folder",
    "Password Hashes Read",
    "Program Run from Shared Memory",
    "Setuid Bit Set",
    "Shell Command Line Calls Out",
    "Connection Put in Place of Standard Input",
    "Shell Reads from a Network Connection",
    "Cron Job Written",
    "Log Emptied",
    "Log Deleted",
    "History of a Shell Erased",
]


def alerts(capture: Path) -> list[dict[str, object]]:
    ran = falcowb("replay", capture, "-r", RULES, "--json", timeout=180)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def test_the_recorded_intrusion_is_told_by_our_rules():
    assert [one["rule"] for one in alerts(CAPTURE)] == TOLD


def test_the_sample_is_small_whole_and_tells_nothing_of_where_it_was_made():
    size = sum(path.stat().st_size for path in CAPTURE.rglob("*") if path.is_file())
    assert size < 2_000_000
    with open_capture(CAPTURE) as capture:
        assert capture.complete and not capture.manifest.notes
        assert capture.manifest.host.name == "shop-1"
        (section,) = capture.sections()
    assert section.threads.num_rows == 2
    assert {row["name"] for row in section.interfaces.to_pylist()} == {b"lo"}


_why_not = check_host().why_not()


@pytest.mark.skipif(_why_not is not None, reason=f"no live capture here: {_why_not}")
@pytest.mark.skipif(os.geteuid() != 0, reason="the script needs root")
@pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "python3", "bash"))), reason="curl or python3 is missing"
)
def test_played_anew_it_is_told_and_leaves_nothing(tmp_path: Path):
    if any(path.exists() for path in LEFT):
        pytest.skip("it is being played by somebody else")
    capture = tmp_path / "x.fcap"
    ran = falcowb("capture", "-o", capture, "--", "bash", SCRIPT, timeout=240)
    assert ran.code == 0, ran.err
    found = {one["rule"] for one in alerts(capture)}
    assert set(TOLD) <= found
    assert not any(path.exists() for path in LEFT)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv(1) is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_without_root_it_says_so(tmp_path: Path):
    script = tmp_path / "intrusion.sh"
    script.write_bytes(SCRIPT.read_bytes())
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with script.open("rb") as text:
        done = subprocess.run(
            [*nobody, "bash", "-s"], stdin=text, capture_output=True, check=False, timeout=60
        )
    assert done.returncode == 1 and b"run it as root" in done.stderr
