"""One call at a time goes into a plugin, whatever the callers do."""

from __future__ import annotations

import threading
import time

import pytest

from plugins.host import Plugin, PluginError, load_plugin
from tests.plugins.host.conftest import Compile, batch_of


def test_extraction_beside_a_running_source(sample: Plugin) -> None:
    batch = batch_of(*map(str, range(2000)))
    expected = [b"%d" % n for n in range(2000)]
    wrong: list[object] = []

    def extract() -> None:
        for _ in range(20):
            columns = sample.extract(batch, [("sample.text", None), ("sample.words", None)])
            if columns[0].to_pylist() != expected:
                wrong.append(columns[0])

    threads = [threading.Thread(target=extract) for _ in range(3)]
    with sample.open("200000 50 eof") as source:
        for thread in threads:
            thread.start()
        events = sum(got.num_rows for got in source.batches(1000))
        for thread in threads:
            thread.join()
    assert events == 200_000
    assert not wrong


def test_the_interpreter_goes_on_while_a_source_waits(sample: Plugin) -> None:
    ticks = 0
    done = threading.Event()

    def wait() -> None:
        with sample.open("1 1 timeout") as source:
            source.next_batch()
            source.next_batch(max_seconds=0.5)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 20


def test_closing_waits_for_the_call_under_way(compile_sample: Compile) -> None:
    plugin = load_plugin(compile_sample())
    plugin.init()
    source = plugin.open("1 1 timeout")
    source.next_batch()
    outcome: list[object] = []

    def wait() -> None:
        try:
            outcome.append(source.next_batch(max_seconds=0.3))
        except PluginError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    plugin.close()
    thread.join()
    assert outcome
    assert getattr(outcome[0], "num_rows", 0) == 0
    with pytest.raises(PluginError, match="is closed"):
        plugin.extract(batch_of("1"), [("sample.text", None)])
