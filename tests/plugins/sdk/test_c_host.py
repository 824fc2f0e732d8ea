"""A built plugin in hosts other than falcowb: plain C without Python, and a foreign Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from plugins.sdk.build import build_plugin
from tests.plugins.k8s_audit.support import audit_event, library
from tests.plugins.sdk.conftest import Host, write_sample

EVENT = audit_event(
    3, verb="create", user={"username": "joe", "groups": ["a", "b"]}, objectRef={"name": "x"}
)


def test_a_source_is_read(host: Host, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(json.dumps(EVENT) + "\nno json\n" + json.dumps(EVENT) + "\n")
    done = host(
        library(), "read", log, "", "ka.verb", "ka.user.groups", "k8s.audit[user.*]", "ka.uri"
    )
    assert done.returncode == 0, done.stderr
    fields = 'ka.verb\tcreate\nka.user.groups\ta\tb\nk8s.audit\tjoe\t["a","b"]\nka.uri\n'
    time = 1714557603000003000
    assert done.stdout == f"event 1 at {time}\n{fields}event 2 at {time}\n{fields}"
    assert f"log 4: {log}:2: not JSON" in done.stderr
    assert "progress 10000 " in done.stderr
    assert "python started" in done.stderr


def test_extraction_alone_starts_no_python(host: Host, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(EVENT))
    done = host(library(), "extract", event, "{}", "ka.user.name", "ka.target.name", "jevt.rawtime")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ka.user.name\tjoe\nka.target.name\tx\njevt.rawtime\t1\n"
    assert "python not started" in done.stderr


def test_broken_json_is_a_failure_in_words(host: Host, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"auditID": }')
    done = host(library(), "extract", event, "{}", "ka.verb")
    assert done.stdout == "failure: event 1 is not JSON: expected a value at byte 13\n"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("no json", "is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"maxEventSize": "x"}', "maxEventSize must be a whole number"),
        ('{"maxEventSize": -1}', "maxEventSize must be a whole number"),
        ('{"useAsync": 1}', "useAsync must be true or false"),
        ('{"sslCertificate": {}}', "sslCertificate must be text"),
    ],
)
def test_a_bad_configuration_is_refused(host: Host, config: str, said: str) -> None:
    done = host(library(), "read", "x", config)
    assert done.returncode == 1
    assert done.stderr.startswith("init: the init configuration of k8s_audit")
    assert said in done.stderr


def test_what_cannot_be_opened_says_why(host: Host) -> None:
    done = host(library(), "read", "/nowhere", '{"unknown": 1, "useAsync": null}')
    assert done.returncode == 1
    assert "open: there is no file or folder /nowhere" in done.stderr


def test_a_copy_elsewhere_still_finds_its_python(host: Host, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(json.dumps(EVENT))
    copy = shutil.copy(library(), tmp_path / "copied.so")
    assert host(copy, "read", log, "", "ka.verb").stdout.endswith("ka.verb\tcreate\n")


def test_code_beside_a_copy_is_not_run(host: Host, tmp_path: Path) -> None:
    """What somebody put where the checkout would be, seen from the copy, is left alone."""
    log = tmp_path / "audit.log"
    log.write_text(json.dumps(EVENT))
    trap = tmp_path / "plugins"
    trap.mkdir()
    (trap / "__init__.py").write_text("raise RuntimeError('trapped')")
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    done = host(shutil.copy(library(), place / "x.so"), "read", log, "", "ka.verb")
    assert done.stdout.endswith("ka.verb\tcreate\n"), done.stderr


def test_the_environment_names_other_folders(host: Host, tmp_path: Path, sample: Path) -> None:
    package = tmp_path / "sample"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the other one')")
    done = host(sample, "read", "3", "", FALCOWB_PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "the other one" in done.stderr
    assert str(tmp_path) in done.stderr


def test_without_a_libpython_fields_work_and_sources_say_what_is_missing(
    host: Host, tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sysconfig.get_config_var
    missing = {"INSTSONAME": "libpython-none.so.1.0", "LIBDIR": "/nowhere"}
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: missing.get(name, real(name)))
    plugin = build_plugin(write_sample(tmp_path), keep=kept)
    event = tmp_path / "event.json"
    event.write_text('{"text":"abc"}')
    assert host(plugin, "extract", event, "", "s.up").stdout == "s.up\tABC\n"
    done = host(plugin, "read", "3", "")
    assert done.returncode == 1
    assert "libpython-none.so.1.0: cannot open shared object file" in done.stderr
    assert "install the package libpython" in done.stderr


FOREIGN = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_LOCAL)
class Init(ctypes.Structure):
    _fields_ = [("config", ctypes.c_char_p)] + [(n, ctypes.c_void_p) for n in "abcd"]
lib.plugin_init.restype = lib.plugin_open.restype = ctypes.c_void_p
lib.plugin_get_last_error.restype = ctypes.c_char_p
rc = ctypes.c_int(1)
state = ctypes.c_void_p(lib.plugin_init(ctypes.byref(Init(b"{}")), ctypes.byref(rc)))
assert rc.value == 0
source = ctypes.c_void_p(lib.plugin_open(state, sys.argv[2].encode(), ctypes.byref(rc)))
assert rc.value == 0, lib.plugin_get_last_error(state)
count, events = ctypes.c_uint32(), ctypes.c_void_p()
total = 0
while True:
    rc = lib.plugin_next_batch(state, source, ctypes.byref(count), ctypes.byref(events))
    if rc == 2:
        break
    total += count.value
print(total)
lib.plugin_close(state, source)
lib.plugin_destroy(state)
"""


def test_inside_a_python_that_is_not_falcowbs(tmp_path: Path) -> None:
    """The system's Python, statically linked on Debian and without our packages: it is used."""
    system = getattr(sys, "_base_executable", sys.executable)
    log = tmp_path / "audit.log"
    log.write_text((json.dumps(EVENT) + "\n") * 3)
    done = subprocess.run(
        [system, "-S", "-c", FOREIGN, str(library()), str(log)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.stdout == "3\n", done.stderr
