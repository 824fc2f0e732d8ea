"""``falcowb export``, as a user meets it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workbench.cli.test_import import scap
from tests.workbench.command import falcowb


def test_each_form(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    source = scap(tmp_path / "a.scap")
    assert falcowb("import", source, "-o", tmp_path / "a.fcap").code == 0
    for given in (tmp_path / "a.fcap", source):
        for form in ("scap", "parquet", "jsonl"):
            target = tmp_path / f"{given.suffix[1:]}.{form}"
            done = falcowb("export", given, f"--{form}", "-o", target, env=env)
            assert done.code == 0 and "6 events written" in done.err
            assert target.is_dir() == (form == "parquet")
    again = falcowb("export", tmp_path / "a.fcap", "--jsonl", "-o", tmp_path / "fcap.jsonl")
    assert again.code == 1 and "exists already" in again.err
    out = falcowb("export", tmp_path / "a.fcap", "--jsonl", "-o", "-").out
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["close"] * 5 + ["open"]
    assert falcowb("import", tmp_path / "fcap.scap", "-o", tmp_path / "b.fcap").code == 0


def test_one_form_is_named(tmp_path: Path) -> None:
    source = scap(tmp_path / "a.scap")
    for more in ([], ["--scap", "--jsonl"]):
        done = falcowb("export", source, *more, "-o", tmp_path / "x")
        assert done.code == 2 and "--parquet" in done.err
    done = falcowb("export", tmp_path / "none.fcap", "--scap", "-o", tmp_path / "x")
    assert done.code == 1 and "No such file" in done.err


@pytest.mark.skipif(shutil.which("sysdig") is None, reason="sysdig is not installed")
def test_sysdig_reads_an_export(tmp_path: Path) -> None:
    assert falcowb("import", scap(tmp_path / "a.scap"), "-o", tmp_path / "a.fcap").code == 0
    for more, count in (([], 6), (["--enter-events"], 11)):
        target = tmp_path / f"{count}.scap"
        assert falcowb("export", tmp_path / "a.fcap", "--scap", *more, "-o", target).code == 0
        shown = subprocess.run(
            ["sysdig", "-r", str(target), "-p", "%evt.type %evt.args"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        assert len(shown) == count
        assert "name=/etc/passwd" in shown[-1]
