"""``falcowb capture`` and ``live`` on this host's own kernel, as a user runs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from capture.reader import open_capture
from capture.syscalls.check import check_host
from capture.validate import Level, validate
from tests.conformance import cases
from tests.workbench.command import FALCOWB, Ran, falcowb, start

_why_not = check_host().why_not()
pytestmark = pytest.mark.skipif(_why_not is not None, reason=f"no live capture here: {_why_not}")

LIVE = cases.UPSTREAM / "captures" / "live"
UPSTREAM_RULES = [
    cases.UPSTREAM / "rules" / "falcosecurity-rules" / name
    for name in ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
]
needs_scripts = pytest.mark.skipif(not LIVE.is_dir(), reason=f"no scripts at {LIVE}")

#: What these rules need happens in the tests below.
RULES = """
- rule: Marked File
  desc: a file of ours is opened
  condition: evt.type in (open, openat, openat2) and fd.name endswith falcowb-mark
  output: "mark by %proc.name (parent=%proc.pname user=%user.name uid=%user.uid file=%fd.name)"
  priority: warning
"""

#: Whether this machine's control groups are named as a container's.
CONTAINER = "container.id"

#: Processes, one after the other, until nobody is there to hear of them.
FORKS = "while echo >&2; do /bin/true; done"


def rule_options(files: list[Path]) -> list[str | Path]:
    return [word for file in files for word in ("-r", file)]


def await_true(what: str, found: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if found():
            return
        if process.poll() is not None:
            assert process.stderr
            pytest.fail(f"ended before {what}: {process.stderr.read().decode()}")
        time.sleep(0.05)
    pytest.fail(f"waited in vain for: {what}")


def holds(path: Path, events: int) -> bool:
    if not (path / "manifest.json").exists():
        return False
    with open_capture(path) as capture:
        return capture.count >= events


def capture(path: Path, *arguments: str | Path, timeout: int = 120) -> Ran:
    return falcowb("capture", "-o", path, *arguments, timeout=timeout)


def whole(path: Path) -> None:
    """The capture is complete, and every byte of it is as stated."""
    with open_capture(path) as opened:
        assert opened.complete, opened.missing
        assert not opened.manifest.drops
    assert not [each for each in validate(path) if each.level is Level.ERROR]


@needs_scripts
@pytest.mark.parametrize("script", ["intrusion", "ordinary"])
def test_rules_fire_as_falco_fired_live(script: str, tmp_path: Path) -> None:
    """The rules that Falco fired when it watched the same script live: those of its alerts on the
    capture less the three that hang on the container id which the recording machine's control group
    suggests."""
    path = tmp_path / "a.fcap"
    Path("/var/tmp/fw_trigger_file").touch()
    ran = capture(path, "--", "bash", LIVE / f"{script}.sh", timeout=300)
    assert ran.code == 0, ran.err
    whole(path)
    alerts = cases.CONFORMANCE / "alerts" / f"{script}.scap.jsonl"
    fired = {json.loads(line)["rule"] for line in alerts.read_text(encoding="utf-8").splitlines()}
    of_containers = {rule for rule in fired if "ontainer" in rule}
    expected = fired - of_containers
    assert len(expected) == (14 if script == "intrusion" else 0)
    ran = falcowb("replay", path, *rule_options(UPSTREAM_RULES), "--all", "--json", timeout=300)
    found = {json.loads(line)["rule"] for line in ran.out.splitlines()}
    if falcowb("events", path, "-n", "1", "-F", CONTAINER).out.strip() == "host":
        of_containers = set()
    assert found - of_containers == expected


#: Rules that ask for what is read of a process while it lives, which may be too short.
OF_SHORT_LIVES = {"Fileless execution via memfd_create"}


@needs_scripts
def test_most_rules_fire_without_the_kernels_types(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    Path("/var/tmp/fw_trigger_file").touch()
    command = ("capture", "-o", path, "--", "bash", LIVE / "intrusion.sh")
    ran = falcowb(*command, env={"FALCOWB_BTF": "none"}, timeout=300)
    assert ran.code == 0, ran.err
    whole(path)
    alerts = cases.CONFORMANCE / "alerts" / "intrusion.scap.jsonl"
    fired = {json.loads(line)["rule"] for line in alerts.read_text(encoding="utf-8").splitlines()}
    expected = {rule for rule in fired if "ontainer" not in rule}
    ran = falcowb("replay", path, *rule_options(UPSTREAM_RULES), "--all", "--json", timeout=300)
    found = {json.loads(line)["rule"] for line in ran.out.splitlines()}
    found = {rule for rule in found if "ontainer" not in rule}
    assert expected - OF_SHORT_LIVES <= found <= expected
    told = falcowb("info", path).out
    assert "Details of processes were read from /proc" in told
    assert "lack details" in told


@dataclass(frozen=True)
class Recorded:
    """One recording of a command, while another process did beside it what it does."""

    path: Path
    rules: Path
    mark: Path
    ran: Ran


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    path, mark, rules = folder / "a.fcap", folder / "falcowb-mark", folder / "rules.yaml"
    mark.touch()
    rules.write_text(RULES, encoding="utf-8")
    other = subprocess.Popen(["sh", "-c", f"while :; do read x < {mark}; sleep 0.01; done"])
    inner = f"echo out; echo err >&2; read x < {mark}; sh -c 'read x < {mark}; exit 0'; exit 7"
    try:
        return Recorded(path, rules, mark, capture(path, "--", "bash", "-c", inner))
    finally:
        other.kill()
        other.wait()


def test_the_commands_output_and_status_are_its_own(recorded: Recorded) -> None:
    ran = recorded.ran
    assert ran.code == 7
    assert ran.out == "out\n"
    assert "err\n" in ran.err and "bash: ended with 7." in ran.err


def test_a_recording_says_what_it_is(recorded: Recorded) -> None:
    whole(recorded.path)
    with open_capture(recorded.path) as opened:
        probe = opened.source().probe
        assert probe is not None and probe.command[:2] == ("bash", "-c")
        assert "openat" in probe.syscalls and not probe.every
        assert set(opened.syscall_counts()) >= {"execve", "procexit"}
        assert opened.state_count("threads") > 1
        assert opened.manifest.host.kernel == os.uname().release


def test_what_is_recorded_is_the_commands_alone(recorded: Recorded) -> None:
    ran = falcowb("replay", recorded.path, "-r", recorded.rules, "--json")
    alerts = [json.loads(line) for line in ran.out.splitlines()]
    assert [each["output_fields"]["proc.name"] for each in alerts] == ["bash", "sh"]
    assert [each["output_fields"]["proc.pname"] for each in alerts] == ["falcowb", "bash"]
    assert {each["output_fields"]["user.uid"] for each in alerts} == {os.getuid()}


def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    ran = capture(tmp_path / "a.fcap", "--", "no-such-command-at-all")
    assert ran.code == 1
    assert "no-such-command-at-all: no such command" in ran.err
    assert not (tmp_path / "a.fcap").exists()


def test_a_process_that_runs_already(tmp_path: Path) -> None:
    path, mark = tmp_path / "a.fcap", tmp_path / "falcowb-mark"
    mark.touch()
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    other = subprocess.Popen(["bash", "-c", f"while :; do read x < {mark}; sleep 0.05; done"])
    try:
        ran = capture(path, "--pid", str(other.pid), "--duration", "3s", "-r", rules)
    finally:
        other.kill()
        other.wait()
    assert ran.code == 0, ran.err
    whole(path)
    with open_capture(path) as opened:
        probe = opened.source().probe
        assert probe is not None and probe.pids == (other.pid,)
    replayed = falcowb("replay", path, "-r", rules, "--json")
    alerts = [json.loads(line) for line in replayed.out.splitlines()]
    assert alerts
    assert {each["output_fields"]["proc.name"] for each in alerts} == {"bash"}


def test_limits_end_it(tmp_path: Path) -> None:
    # It goes on until the recording is there to be looked at: so it is not its end that ends it.
    path = tmp_path / "a.fcap"
    ended = "'\"complete\": true'"
    script = f"while ! grep -q {ended} {path}/manifest.json; do /bin/true; done; sleep 2"
    ran = capture(path, "--events", "500", "--", "sh", "-c", script)
    assert ran.code == 0, ran.err
    assert "goes on unrecorded" in ran.err
    with open_capture(tmp_path / "a.fcap") as opened:
        assert opened.complete and opened.count == 500


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    process = start("capture", "-o", path, "--", "sh", "-c", FORKS)
    await_true("events", lambda: holds(path, 1000), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err  # the command was told to end
    whole(path)


def test_a_killed_recording_opens_and_replays(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    process = start("capture", "-o", path, "--", "sh", "-c", FORKS)
    await_true("events", lambda: holds(path, 1000), process)
    process.kill()
    process.wait(60)
    assert process.stdout and process.stderr
    process.stdout.close()
    process.stderr.close()  # which ends the command
    with open_capture(path) as opened:
        assert opened.count >= 1000
        assert "cut short" in opened.missing[0]
    assert falcowb("replay", path, *rule_options(UPSTREAM_RULES[:1])).code in (0, 1)


def test_rotation_on_a_signal(tmp_path: Path) -> None:
    path, second = tmp_path / "a.fcap", tmp_path / "a-2.fcap"
    process = start("capture", "-o", path, "--", "sh", "-c", FORKS)
    await_true("events", lambda: holds(path, 1000), process)
    process.send_signal(signal.SIGUSR1)
    await_true("the second capture", lambda: holds(second, 1000), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    whole(path)
    whole(second)
    with open_capture(path) as before, open_capture(second) as after:
        assert before.manifest.end and before.manifest.end.reason == "rotated"
        assert after.state_count("threads") > 1
        first, then = before.source().span, after.source().span
        assert first is not None and then is not None and then.first_num <= first.last_num + 1


def test_a_ring_and_windows_around_alerts(tmp_path: Path) -> None:
    """The flight recorder: the ring stays in its size, and the time around an alert is kept."""
    path, mark, rules = tmp_path / "a.fcap", tmp_path / "falcowb-mark", tmp_path / "rules.yaml"
    mark.touch()
    rules.write_text(RULES, encoding="utf-8")
    storm = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"
    ran = capture(
        path,
        *("--ring", "1MiB", "--keep-on-alert", rules, "--before", "1s", "--after", "1s"),
        *("--", "bash", "-c", f"{storm}; sleep 2; read x < {mark}; sleep 2; {storm}; exit 0"),
    )
    assert ran.code == 0, ran.err
    whole(path)
    assert sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) < 1 << 20
    (kept,) = tmp_path.glob("a_*.fcap")
    whole(kept)
    replayed = falcowb("replay", kept, "-r", rules, "--json")
    assert [json.loads(line)["rule"] for line in replayed.out.splitlines()] == ["Marked File"]
    assert "mark by bash (parent=falcowb" in replayed.out
    with open_capture(kept) as pinned, open_capture(path) as ring:
        assert 0 < pinned.count < ring.count
    assert "Marked File" in falcowb("info", kept).out


def test_plugins_beside_system_calls(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    log = Path(__file__).resolve().parents[2] / "samples" / "k8s_intrusion.jsonl"
    ran = capture(
        path, "--plugin", "k8s_audit", "--open", log, "--", "sh", "-c", "sleep 1; /bin/true"
    )
    assert ran.code == 0, ran.err
    with open_capture(path) as opened:
        assert set(opened.sources) == {"syscall", "k8s_audit"}
        assert opened.source("k8s_audit").events > 10
        assert opened.syscall_counts()["execve"] >= 2


def test_a_full_disk_ends_it_in_words(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        path = disk / "a.fcap"
        script = f"while ! grep -q 'disk is ful[l]' {path}/manifest.json; do /bin/true; done"
        ran = capture(path, "--", "sh", "-c", script)
        assert ran.code == 1
        assert "the disk is full" in ran.err
        with open_capture(path) as opened:
            assert opened.count > 100
            assert "the disk is full" in opened.missing[0]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_live_alerts_while_it_happens(tmp_path: Path) -> None:
    """The alert is there while the command that caused it still runs."""
    mark, rules, gate = tmp_path / "falcowb-mark", tmp_path / "rules.yaml", tmp_path / "gate"
    mark.touch()
    os.mkfifo(gate)
    rules.write_text(RULES, encoding="utf-8")
    script = f"read x < {mark}; read x < {gate}; exit 3"
    process = start("live", "-r", rules, "--", "bash", "-c", script)
    assert process.stdout and process.stderr
    try:
        line = process.stdout.readline().decode()
        assert "mark by bash (parent=falcowb" in line, process.stderr.read().decode()
        gate.write_text("go on\n")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 3, err
        assert b"Marked File" in err
    finally:
        process.kill()
        process.communicate()


def test_an_exported_recording_is_the_same(recorded: Recorded, tmp_path: Path) -> None:
    path, scap, mark = recorded.path, tmp_path / "a.scap", recorded.mark
    ran = falcowb("export", path, "--scap", "-o", scap)
    assert ran.code == 0, ran.err
    of = [falcowb("replay", each, "-r", recorded.rules, "--json").out for each in (path, scap)]
    assert of[0] == of[1] != ""
    fields = ["evt.num", "evt.type", "proc.name", "proc.pname", "fd.name", "evt.res", "user.name"]
    listed = [falcowb("events", each, "-F", ",".join(fields)).out for each in (path, scap)]
    assert listed[0] == listed[1]
    if (sysdig := shutil.which("sysdig")) is None:
        return
    # An old reader opens it, and knows of it what we do.
    command = [
        sysdig,
        "-r",
        str(scap),
        "-p",
        "%proc.name %proc.pname %fd.name",
        f"fd.name = {mark}",
    ]
    ran_old = subprocess.run(command, capture_output=True, check=True)
    assert f"bash falcowb {mark}" in ran_old.stdout.decode().splitlines()


def test_without_privileges_one_message(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            "setpriv",
            "--reuid",
            "65534",
            "--clear-groups",
            FALCOWB,
            "capture",
            "-o",
            "x.fcap",
            "--",
            "true",
        ],
        capture_output=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"},
    )
    if b"Permission denied" in run.stderr and b"falcowb" in run.stderr.splitlines()[0]:
        pytest.skip("another user may not run this checkout")
    assert run.returncode == 1
    assert b"Traceback" not in run.stderr
    assert b"CAP_BPF" in run.stderr
