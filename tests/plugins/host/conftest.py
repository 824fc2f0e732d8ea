"""Compiles the plugins that these tests load."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from capture.schema import PLUGIN_EVENTS
from plugins.host import Plugin, load_plugin

HERE = Path(__file__).parent
HEADERS = Path(load_plugin.__code__.co_filename).parent

Compile = Callable[..., Path]


@pytest.fixture(scope="session")
def compile_sample(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles the sample plugin with the given definitions, each combination once."""
    folder = tmp_path_factory.mktemp("plugins")
    made: dict[tuple[str, ...], Path] = {}

    def compile_(*definitions: str) -> Path:
        if definitions not in made:
            library = folder / f"sample{len(made)}.so"
            command = ["g++", "-std=c++17", "-O2", "-g0", "-shared", "-fPIC", "-Wall"]
            command += [f"-I{HEADERS}", *(f"-D{each}" for each in definitions)]
            command += [str(HERE / "native" / "sample.cpp"), "-o", str(library)]
            subprocess.run(command, check=True)
            made[definitions] = library
        return made[definitions]

    return compile_


@pytest.fixture
def sample(compile_sample: Compile) -> Iterator[Plugin]:
    """The sample plugin, initialised."""
    with load_plugin(compile_sample()) as plugin:
        plugin.init()
        yield plugin


def batch_of(*payloads: str | bytes, first_num: int = 1) -> pa.RecordBatch:
    """Events with these payloads."""
    count = len(payloads)
    data = [each.encode() if isinstance(each, str) else each for each in payloads]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(first_num, first_num + count), pa.uint64()),
            pa.array(range(1_000_000, 1_000_000 + count), pa.timestamp("ns", tz="UTC")),
            pa.array([999] * count, pa.uint32()),
            pa.array(data, pa.binary()),
        ],
        schema=PLUGIN_EVENTS,
    )
