"""Builds what these tests load: a host in C, and a small plugin made with the SDK."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.sdk.build import ROOT, build_plugin

HERE = Path(__file__).parent

#: Runs the C host; standard output and error come back as text.
Host = Callable[..., "subprocess.CompletedProcess[str]"]

SAMPLE = '''
"""Counts, with a field of every type."""

from capture.errors import FalcowbError
from plugins.sdk.model import Argument, Extract, Field, FieldType, OpenParam, Option, Plugin
from plugins.sdk.source import EndOfSource


class Counter:
    def __init__(self, native, stop, step):
        self.native, self.at, self.stop, self.step = native, 0, stop, step

    def next_batch(self):
        if self.at >= self.stop:
            raise EndOfSource
        if self.at == 7:
            raise FalcowbError("seven is broken", hint="stop before")
        batch = self.native.batch()
        batch.add(b'{"n":%d,"ok":%s}' % (self.at, b"true" if self.at % 2 else b"false"), self.at)
        self.at += self.step
        return batch

    def progress(self):
        return self.at / self.stop, f"{self.at} of {self.stop}"

    def close(self):
        pass


class Sample(Plugin):
    name = "sample"
    description = 'Counts "things" \u2013 a\\\\b??/'
    version = "1.2.3"
    id = 999
    event_source = "sample"
    fields = (
        Field("s.n", FieldType.UINT64, desc="The number", json="/n"),
        Field("s.ok", FieldType.BOOL, desc="Odd or even", json="/ok"),
        Field("s.at", FieldType.ABSTIME, desc="A time", json="/at"),
        Field("s.text", desc="A text", json="/text"),
        Field("s.list", desc="A list", json="/list", is_list=True),
        Field(
            "s.any", desc="Any", argument=Argument.REQUIRED_KEY, extract=Extract.ARGUMENT
        ),
        Field(
            "s.up",
            desc="In capitals",
            extract=Extract.FUNCTION,
            function="up",
            needs="/text",
            anchors=("/text",),
        ),
    )
    options = (Option("step", 1, "Step", "How far at a time"), Option("mode", "a", "Mode", ""))
    open_params = (OpenParam("5", "to five"),)

    def open(self, params):
        if not params.isdigit():
            raise FalcowbError(f"{params} is no number", hint="give one")
        return Counter(self.native, int(params), self.config.number("step"))
'''

SAMPLE_CPP = """
#include "plugins/sdk/native/fields.hpp"

namespace fwb_plugin {

void up(fwb::FieldCall& call) {
  std::string text = fwb::text_of(call.doc, call.anchor(0), call.arena);
  for (char& c : text) c = c >= 'a' && c <= 'z' ? c - 32 : c;
  call.add(text);
}

}  // namespace fwb_plugin
"""


def write_sample(folder: Path) -> Path:
    plugin = folder / "sample"
    plugin.mkdir(parents=True)
    (plugin / "plugin.py").write_text(SAMPLE, encoding="utf-8")
    (plugin / "fields.cpp").write_text(SAMPLE_CPP, encoding="utf-8")
    return plugin


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runtime's objects, compiled once for all builds."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Path:
    """The built sample plugin."""
    return build_plugin(write_sample(tmp_path_factory.mktemp("sdk")), keep=kept)


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    program = tmp_path_factory.mktemp("host") / "host"
    command = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}", "-o", str(program)]
    subprocess.run([*command, str(HERE / "host.c"), "-ldl"], check=True)

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": "/usr/bin:/bin", **environment},
        )

    return run
