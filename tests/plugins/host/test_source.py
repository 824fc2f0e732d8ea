"""Sources: gathering, the ends, and events that are not to be believed."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from capture.schema import PLUGIN_EVENTS
from plugins.host import Plugin, PluginError, load_plugin
from tests.plugins.host.conftest import Compile, batch_of


def payloads(batch: pa.RecordBatch | None) -> list[bytes]:
    assert batch is not None
    return [value.as_py() for value in batch.column("data")]


def test_small_batches_become_a_large_one(sample: Plugin) -> None:
    with sample.open("10 3 eof", first_num=5) as source:
        batch = source.next_batch()
        assert batch is not None
        batch.validate(full=True)
        assert batch.schema == PLUGIN_EVENTS
        assert batch.column("num").to_pylist() == list(range(5, 15))
        assert batch.column("time").cast(pa.int64()).to_pylist() == [
            1_700_000_000_000_000_000 + n for n in range(10)
        ]
        assert set(batch.column("plugin_id").to_pylist()) == {999}, "id 0 is the plugin's own"
        assert payloads(batch) == [b"%d" % n for n in range(10)]
        assert source.ended
        assert source.next_batch() is None
        assert (source.count, source.next_num) == (10, 15)


def test_a_batch_never_exceeds_what_is_asked(sample: Plugin) -> None:
    with sample.open("10 7 eof") as source:
        sizes = [batch.num_rows for batch in source.batches(4)]
    assert sizes == [4, 4, 2]
    with sample.open("10 7 eof") as source:
        whole = [p for batch in source.batches(max_bytes=1) for p in payloads(batch)]
    assert whole == [b"%d" % n for n in range(10)]


def test_progress(sample: Plugin) -> None:
    with sample.open("10 1 eof") as source:
        source.next_batch(4)
        progress = source.progress()
        assert progress
        assert (progress.fraction, progress.text) == (0.4, "4 of 10")


def test_timeout_gives_what_is_there(sample: Plugin) -> None:
    with sample.open("5 2 timeout") as source:
        assert len(payloads(source.next_batch(max_seconds=5))) == 5
        start = time.monotonic()
        empty = source.next_batch(max_seconds=0.05)
        assert empty is not None
        assert empty.num_rows == 0
        assert empty.schema == PLUGIN_EVENTS
        assert 0.04 < time.monotonic() - start < 2
        assert not source.ended


def test_events_without_a_time_get_the_present(sample: Plugin) -> None:
    with sample.open("2 1 now") as source:
        batch = source.next_batch()
    assert batch is not None
    for moment in batch.column("time").cast(pa.int64()).to_pylist():
        assert abs(moment / 1e9 - time.time()) < 60


def test_times_past_what_arrow_holds(sample: Plugin) -> None:
    with sample.open("1 1 far") as source:
        batch = source.next_batch()
    assert batch is not None
    assert batch.column("time").cast(pa.int64()).to_pylist() == [2**63 - 1]


def test_events_before_a_failure_are_kept(sample: Plugin) -> None:
    with sample.open("5 2 fail") as source:
        assert len(payloads(source.next_batch())) == 5
        with pytest.raises(PluginError) as caught:
            source.next_batch()
        assert str(caught.value) == (
            "plugin sample: plugin_next_batch at event 6: "
            "failed (code 1): the sample's source broke"
        )
        assert (caught.value.event, caught.value.function) == (6, "next_batch")
        assert source.next_batch() is None


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("type", "type 402 with 2 parameters"),
        ("params", "type 322 with 3 parameters"),
        ("short", "its length is 12 bytes"),
        ("huge", "its length is 4294967295 bytes"),
        ("lengths", "its parameters have 4 and 4000000000 bytes"),
        ("id", "an event of plugin id 7; its own id is 999"),
        ("null", "a null pointer for an event"),
        ("strange", "failed (code 77): the sample's source broke"),
    ],
)
def test_malformed_events_are_refused(sample: Plugin, end: str, message: str) -> None:
    with sample.open(f"4 2 {end}") as source:
        expected = 4 if end == "strange" else 3
        assert len(payloads(source.next_batch())) == expected
        with pytest.raises(PluginError) as caught:
            source.next_batch()
    assert message in str(caught.value)
    assert caught.value.event == expected + 1


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("nulls", "claims 2 events but gives a null pointer"),
        ("many", "claims 4000000000 events at once"),
        ("throw", "thrown by next_batch"),
    ],
)
def test_malformed_batches_are_refused(sample: Plugin, end: str, message: str) -> None:
    with sample.open(f"4 2 {end}") as source:
        assert len(payloads(source.next_batch())) == 2
        with pytest.raises(PluginError, match=message):
            source.next_batch()


def test_success_without_events_is_a_failure(sample: Plugin) -> None:
    with sample.open("2 2 none") as source:
        assert len(payloads(source.next_batch())) == 2
        with pytest.raises(PluginError, match="success without any event"):
            source.next_batch()


def test_a_failing_open_gives_its_reason(sample: Plugin) -> None:
    with pytest.raises(PluginError) as caught:
        sample.open("nonsense")
    assert str(caught.value) == (
        "plugin sample: plugin_open: failed (code 1): cannot open 'nonsense'"
    )
    with pytest.raises(PluginError, match="NUL"):
        sample.open("1 1\0")


def test_open_params_are_listed(sample: Plugin) -> None:
    listed = [(each.value, each.description, each.separator) for each in sample.list_open_params()]
    assert listed == [("10 2 eof", "ten events", ","), ("1 1 fail", "", "")]


def test_a_source_outlived_by_its_plugin(compile_sample: Compile) -> None:
    plugin = load_plugin(compile_sample())
    plugin.init()
    source = plugin.open("10 1 eof")
    plugin.close()
    with pytest.raises(PluginError, match="is closed"):
        source.next_batch()
    source.close()
    again = load_plugin(compile_sample())
    again.init()
    closed = again.open("10 1 eof")
    closed.close()
    closed.close()
    assert closed.next_batch() is None
    again.close()


def test_event_to_string(sample: Plugin) -> None:
    batch = batch_of("5", "silent", b"\x01", first_num=41).slice(0)
    assert sample.event_to_string(batch, 0) == "sample 41: 5"
    assert sample.event_to_string(batch.slice(1), 0) == "datalen=6 data=silent"
    assert sample.event_to_string(batch, 2) == "datalen=1 data=<binary>"
    with pytest.raises(IndexError):
        sample.event_to_string(batch, 3)
