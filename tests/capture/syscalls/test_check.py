"""What the host is said to let us do, as different users of different kernels find it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capture.errors import CaptureError
from capture.syscalls import bpf_attempts, check
from capture.syscalls.check import HostReport, Row, check_host

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

_ASK = """
import dataclasses, json
from capture.syscalls.check import check_host
report = check_host()
error = report.why_not()
print(json.dumps({"ok": report.ok, "error": str(error or ""),
                  "rows": {row.name: dataclasses.asdict(row) for row in report.rows}}))
"""


def ask(*before: str | Path, env: dict[str, str] | None = None) -> dict[str, Any]:
    """The report as a process that is started like this finds it."""
    done = subprocess.run(
        [*before, sys.executable, "-c", _ASK],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: becomes another user")
needs_setpriv = pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="setpriv(1) is not installed"
)
needs_bpf = pytest.mark.skipif(
    bpf_attempts.try_program() != 0, reason="BPF programs cannot be loaded here"
)


def readable_by(*user: str) -> bool:
    return not subprocess.run([*user, "test", "-r", __file__], check=False).returncode


def test_every_row_says_what_it_means_and_what_to_do():
    report = check_host()
    names = [row.name for row in report.rows]
    assert len(names) == len(set(names))
    assert {"privileges", "tracefs", "BTF", "ring buffer", "headers", "bcc", "lockdown"} <= set(
        names
    )
    assert "memlock" in names
    for row in report.rows:
        assert row.meaning
        assert row.ok or not row.needed or row.remedy, row
    assert report.ok is (report.why_not() is None)


@root_only
@needs_setpriv
def test_no_privileges():
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if not readable_by(*nobody):
        pytest.skip("an ordinary user cannot read this checkout")
    told = ask(*nobody, env={"HOME": "/nonexistent", "XDG_CACHE_HOME": ""})
    assert not told["ok"]
    assert "user 65534 may not load BPF programs" in told["error"]
    assert "sudo" in told["error"] and "CAP_BPF" in told["error"]
    assert not told["rows"]["processes"]["ok"]


@root_only
@needs_setpriv
@needs_bpf
def test_a_user_with_just_the_capabilities():
    some = "+bpf,+perfmon,+sys_ptrace,+dac_read_search"
    user = ("setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={some}")
    user = (*user, f"--ambient-caps={some}")
    if not readable_by(*user):
        pytest.skip("such capabilities cannot be given here")
    rows = ask(*user, env={"HOME": "/nonexistent", "XDG_CACHE_HOME": ""})["rows"]
    for name in ("bpf", "privileges", "ring buffer", "lockdown", "tracepoints", "processes"):
        assert rows[name]["ok"], rows[name]


@root_only
@needs_setpriv
def test_root_without_capabilities():
    bare = ("setpriv", "--bounding-set=-sys_admin,-bpf", "--inh-caps=-all")
    told = ask(*bare)
    assert "root without its capabilities" in told["error"]
    assert "--privileged" in told["error"]


@root_only
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare(1) is not installed")
def test_root_of_a_user_namespace():
    inside = ("unshare", "--user", "--map-root-user")
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces cannot be made here")
    assert "root of a user namespace" in ask(*inside)["error"]


def test_a_kernel_without_bpf():
    inside = (sys.executable, HERE / "without_bpf.py")
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("seccomp filters cannot be set here")
    told = ask(*inside)
    assert "has no bpf system call" in told["error"]
    assert "CONFIG_BPF_SYSCALL" in told["error"]


@root_only
@needs_bpf
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare(1) is not installed")
def test_no_headers(tmp_path: Path):
    hidden = " && ".join(
        f"{{ [ ! -d {place} ] || mount -t tmpfs none {place}; }}"
        for place in ("/usr/src", "/lib/modules")
    )
    inside = ("unshare", "--mount", "sh", "-c", f'{hidden} || exit 77; exec "$@"', "sh")
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    if Path("/sys/kernel/kheaders.tar.xz").exists():
        pytest.skip("this kernel carries its headers")
    told = ask(*inside, env={"XDG_CACHE_HOME": str(tmp_path), "BCC_KERNEL_SOURCE": ""})
    row = told["rows"]["headers"]
    assert not row["ok"] and "install" in row["remedy"].lower()
    if told["rows"]["bcc"]["ok"]:
        assert "no kernel headers were found" in told["error"]


def test_no_bcc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("capture.syscalls.bcc_module.PLACES", ())
    monkeypatch.setattr("capture.syscalls.bcc_module._place", lambda: "")
    monkeypatch.setitem(sys.modules, "bcc", None)
    row = next(row for row in check_host().rows if row.name == "bcc")
    assert not row.ok and "python3-bpfcc" in row.remedy


@needs_bpf
def test_lockdown_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = tmp_path / "sys/kernel/security"
    place.mkdir(parents=True)
    (place / "lockdown").write_text("none integrity [confidentiality]\n")
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    monkeypatch.setattr(check.attempts, "try_reading_kernel", lambda: 22)
    row = next(row for row in check_host().rows if row.name == "lockdown")
    assert not row.ok and "confidentiality" in row.meaning and "integrity" in row.remedy


def test_the_first_that_matters_is_the_message():
    report = HostReport(
        (
            Row("a", True, True, "fine"),
            Row("b", False, False, "a pity"),
            Row("c", False, True, "the cause", "do this"),
            Row("d", False, True, "a consequence", "do that"),
        )
    )
    assert not report.ok
    with pytest.raises(CaptureError) as refused:
        report.require()
    assert "the cause" in refused.value.message and refused.value.hint == "do this"


def test_nothing_stays_open():
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names are enough)
    for attempt in (
        bpf_attempts.try_program,
        bpf_attempts.try_ring_buffer,
        bpf_attempts.try_reading_kernel,
        bpf_attempts.try_tracepoint,
    ):
        attempt()
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
