"""Every visible capture exported, beside what it was imported from: sysdig sees the same.

The lines of both are the same, enter and exit events alike, with the time, CPU, order and arguments
of each. Where a capture does not keep its enter events (``folded=False``, or made before captures
kept them) they are made again, and some of it cannot come back:

- the time and CPU of an enter event, and with it its place: it stands just before its exit;
- enter events without an exit: of calls that do not return, and of those under way at the end
  (in turn an exit that opens a capture gets an enter event);
- the files that ``poll`` and ``ppoll`` were asked to watch;
- an event of a superseded type is written as its successor, which may have more parameters.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from capture.reader import open_capture
from capture.scap.exporter import export_scap
from capture.scap.importer import import_scap

from .test_scap import captures

FIELDS = (  # noqa: SIM905  (a list of 24 would take as many lines)
    "evt.dir evt.type thread.tid evt.args evt.rawtime evt.cpu proc.pid proc.name proc.cmdline "
    "proc.pname proc.aname[2] proc.exepath proc.cwd user.name user.uid group.name fd.num fd.type "
    "fd.name fd.cip fd.sport container.id evt.res evt.failed"
).split()
#: Not of a call: nothing folds them.
TRACEPOINTS = {"switch", "procexit", "signaldeliver", "page_fault", "procinfo", "drop"}
NO_RETURN = {"exit", "exit_group", "sigreturn"}
#: Separates fields, and no capture has it.
_END = "\x1f"


class Line(NamedTuple):
    """An event as sysdig shows it."""

    dir: str
    type: str
    tid: str
    args: str
    others: tuple[str, ...]

    @property
    def is_enter(self) -> bool:
        return self.dir == ">" and self.type not in TRACEPOINTS


def sysdig(path: Path) -> list[Line]:
    shown = "*" + _END.join(f"%{name}" for name in FIELDS) + "\x1e"
    done = subprocess.run(
        ["sysdig", "-r", path, "-p", shown], capture_output=True, check=False, timeout=300
    )
    if done.returncode:
        pytest.skip(f"sysdig does not read it: {done.stderr.decode()[:200]}")
    lines = []
    for text in done.stdout.decode(errors="replace").split("\x1e")[:-1]:
        dir_, type_, tid, args, *others = text.lstrip("\n").split(_END)
        lines.append(Line(dir_, type_, tid, args.strip(), tuple(others)))
    return lines


@pytest.mark.parametrize(("path", "dump"), captures())
def test_sysdig_sees_the_same(path: Path, dump: Path, tmp_path: Path) -> None:
    if shutil.which("sysdig") is None:
        pytest.skip("sysdig is not installed")
    before = sysdig(path)
    import_scap(path, tmp_path / "x.fcap")
    with open_capture(tmp_path / "x.fcap") as capture:
        export_scap(capture, tmp_path / "x.scap")
    assert sysdig(tmp_path / "x.scap") == before


@pytest.mark.parametrize(("path", "dump"), captures())
def test_sysdig_sees_nearly_the_same_without_kept_enters(
    path: Path, dump: Path, tmp_path: Path
) -> None:
    if shutil.which("sysdig") is None:
        pytest.skip("sysdig is not installed")
    before = sysdig(path)
    import_scap(path, tmp_path / "x.fcap", folded=False)
    with open_capture(tmp_path / "x.fcap") as capture:
        done = export_scap(capture, tmp_path / "x.scap")
    after = sysdig(tmp_path / "x.scap")
    for was, now in zip(_others(before), _others(after), strict=True):
        assert done.enters or now == was
        assert now.args.startswith(was.args)
        assert now._replace(args=was.args) == was
    old, new = Counter(_enters(before)), Counter(_enters(after))
    if not done.enters:
        assert new == old
        return
    lost = Counter(enter.tid for enter in (old - new).elements() if enter.type not in NO_RETURN)
    more = Counter(enter.tid for enter in (new - old).elements())
    assert max(lost.values(), default=0) <= 1
    assert max(more.values(), default=0) <= 1
    assert sum(new.values()) > len(more)


def _others(lines: list[Line]) -> list[Line]:
    return [line for line in lines if not line.is_enter]


def _enters(lines: list[Line]) -> list[Line]:
    """Enter events as far as they come back."""
    return [
        line._replace(args=re.sub(r"^fds=.*?(?=timeout=|$)", "", line.args), others=())
        for line in lines
        if line.is_enter
    ]
