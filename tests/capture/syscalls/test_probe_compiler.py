"""Bytecode that is kept, and trusted only where nobody else could have written it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.syscalls import compiler, kernel
from capture.syscalls.compiler import Program, compile_probe
from tests.capture.syscalls.records import needs_probe

pytestmark = needs_probe

TEXT = """
BPF_ARRAY(calls, u64, 7);
int on_event(struct bpf_raw_tracepoint_args *ctx) {
    u32 zero = 0;
    u64 *count = calls.lookup(&zero);
    if(count) *count += 1;
    return 0;
}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, compiler.Compiled]:
    cache = tmp_path_factory.mktemp("cache") / "probe"
    return cache, compile_probe(TEXT, ["on_event"], cache)


def refuse() -> None:
    raise CaptureError("bcc was asked")


def test_maps_are_named_in_the_code(compiled: tuple[Path, compiler.Compiled]):
    _, made = compiled
    assert made.maps["calls"] == compiler.MapShape(kernel.ARRAY, 4, 8, 7, 0)
    assert [name for _, name in made.programs["on_event"].maps] == ["calls"]


def test_it_loads_with_maps_made_anew(compiled: tuple[Path, compiler.Compiled]):
    _, made = compiled
    maps = compiler.create_maps(made, {})
    program = kernel.load_program("on_event", made.programs["on_event"].linked(maps))
    kernel.update(maps["calls"], 6, (5).to_bytes(8, "little"))
    assert kernel.lookup(maps["calls"], 6, 8) == (5).to_bytes(8, "little")
    assert kernel.recursion_misses(program) == 0
    for fd in (program, *maps.values()):
        os.close(fd)


def test_the_second_time_nothing_is_compiled(
    compiled: tuple[Path, compiler.Compiled], monkeypatch: pytest.MonkeyPatch
):
    cache, made = compiled
    monkeypatch.setattr(compiler, "import_bcc", refuse)
    assert compile_probe(TEXT, ["on_event"], cache) == made
    with pytest.raises(CaptureError, match="bcc was asked"):
        compile_probe(TEXT + "\n", ["on_event"], cache)


@pytest.mark.parametrize("content", ["", "{", '{"maps": {}}', '{"maps": 1, "programs": []}'])
def test_what_is_damaged_is_made_again(
    compiled: tuple[Path, compiler.Compiled],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
):
    (path,) = compiled[0].iterdir()
    (tmp_path / path.name).write_text(content)
    monkeypatch.setattr(compiler, "import_bcc", refuse)
    with pytest.raises(CaptureError, match="bcc was asked"):
        compile_probe(TEXT, ["on_event"], tmp_path)


def test_what_others_may_write_is_not_trusted(
    compiled: tuple[Path, compiler.Compiled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (path,) = compiled[0].iterdir()
    assert path.stat().st_mode & 0o077 == 0 and path.parent.stat().st_mode & 0o077 == 0
    copy = tmp_path / path.name
    copy.write_text(json.dumps(json.loads(path.read_text())))
    copy.chmod(0o666)
    monkeypatch.setattr(compiler, "import_bcc", refuse)
    with pytest.raises(CaptureError, match="bcc was asked"):
        compile_probe(TEXT, ["on_event"], tmp_path)


def test_code_the_kernel_refuses_says_why():
    endless = Program(bytes.fromhex("05 00 ff ff 00 00 00 00".replace(" ", "")), ())
    with pytest.raises(OSError, match=r"\w"):
        kernel.load_program("endless", endless.linked({}))
