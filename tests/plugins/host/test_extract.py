"""The batch extractor against its plain twin, and against plugins that lie."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.host import Plugin, PluginError, load_plugin
from plugins.host.extract import arrow_type, no_values
from tests.plugins.host.conftest import Compile, batch_of
from tests.plugins.host.peer import Peer

EVERY: list[tuple[str, str | None]] = [
    ("sample.text", None), ("sample.number", None), ("sample.even", None),
    ("sample.elapsed", None), ("sample.when", None), ("sample.ip", None), ("sample.net", None),
    ("sample.words", None), ("sample.numbers", None), ("sample.flags", None),
    ("sample.ips", None), ("sample.key", "a.b[*].c"), ("sample.index", None),
    ("sample.index", "3"), ("sample.both", "7"), ("sample.both", "x"), ("sample.both", None),
    ("sample.input", None),
]  # fmt: skip


def check_against_peer(plugin: Plugin, batch: pa.RecordBatch) -> None:
    columns = plugin.extract(batch, EVERY)
    peer = Peer(plugin.path)
    try:
        wanted = [(plugin.field(name), argument) for name, argument in EVERY]
        expected = peer.extract(batch, wanted, "sample")
    finally:
        peer.close()
    for (field, _), column, values in zip(wanted, columns, expected, strict=True):
        column.validate(full=True)
        assert column.type == arrow_type(field)
        assert column.to_pylist() == values, field.name
        if pa.types.is_dictionary(column.type):
            codes = np.frombuffer(column.indices.buffers()[1], np.int32)[: len(column)]
            assert (codes == -1).tolist() == [value is None for value in values]
            assert len(set(column.dictionary.to_pylist())) == len(column.dictionary)


def test_every_type_agrees_with_the_plain_twin(sample: Plugin) -> None:
    check_against_peer(sample, batch_of(*map(str, range(300))))
    check_against_peer(sample, batch_of())
    check_against_peer(sample, batch_of("", "13"))
    check_against_peer(sample, batch_of(*map(str, range(100)), first_num=900).slice(37, 20))


@settings(max_examples=30, deadline=None)
@given(data=st.lists(st.binary(max_size=40) | st.integers(0, 2**64).map(str)))
def test_any_payload_agrees(compile_sample: Compile, data: list[bytes | str]) -> None:
    with load_plugin(compile_sample()) as plugin:
        plugin.init()
        check_against_peer(plugin, batch_of(*data))


def test_what_the_host_passes_along(sample: Plugin) -> None:
    (column,) = sample.extract(batch_of("1", first_num=77), [("sample.input", None)])
    assert column.to_pylist() == [b"sample/77/17/9/0/1/0"]
    by_name = sample.extract(
        batch_of("1"), [("sample.both", "7"), ("sample.both", "07"), ("sample.both", None)]
    )
    assert [column.to_pylist() for column in by_name] == [
        [b"7/7/1"],
        [b"07/18446744073709551615/1"],
        [b"-/18446744073709551615/0"],
    ]


def test_repeated_requests_are_asked_once(sample: Plugin) -> None:
    columns = sample.extract(batch_of("1"), [("sample.input", None), ("sample.text", None)] * 2)
    assert [column.to_pylist()[0] for column in columns] == [
        b"sample/1/17/9/0/2/0", b"1", b"sample/1/17/9/0/2/0", b"1",
    ]  # fmt: skip
    assert sample.extract(batch_of("1"), []) == []


def test_dictionaries_of_few_and_of_many_values(sample: Plugin) -> None:
    few = batch_of(*[str(n % 3) for n in range(10_000)])
    (column,) = sample.extract(few, [("sample.text", None)])
    assert len(column.dictionary) == 3
    many = batch_of(*map(str, range(100_000)))
    (column,) = sample.extract(many, [("sample.text", None)])
    assert len(column.dictionary) == 100_000
    assert column.to_pylist() == [b"%d" % n for n in range(100_000)]
    long = batch_of(*["x" * size for size in range(300)], *["x" * size for size in range(300)])
    (column,) = sample.extract(long, [("sample.text", None)])
    assert len(column.dictionary) == 299, "no text is no value"
    assert column.to_pylist()[300:] == column.to_pylist()[:300]
    turning = [*map(str, range(5000)), *(str(n % 3) for n in range(5000))]
    (column,) = sample.extract(batch_of(*turning), [("sample.text", None)])
    assert column.to_pylist() == [text.encode() for text in turning]


def test_results_outlive_the_plugin(compile_sample: Compile) -> None:
    with load_plugin(compile_sample()) as plugin:
        plugin.init()
        columns = plugin.extract(batch_of(*map(str, range(50))), EVERY)
    assert columns[0].to_pylist() == [b"%d" % n for n in range(50)]
    assert columns[7].to_pylist()[3] == [b"word0", b"word3", b"word6"]


def test_a_failing_field_has_no_value_and_is_counted(
    sample: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "falcowb.plugin")
    batch = batch_of("1", "2 fail", "3", "4 fail", first_num=11)
    requests = [("sample.bad", None), ("sample.number", None), ("sample.bad_list", None)]
    bad, number, bad_list = sample.extract(batch, requests)
    assert number.to_pylist() == [1, 2, 3, 4], "the other fields keep their values, as in Falco"
    assert bad.null_count == 4
    assert bad_list.null_count == 4
    failures = sample.failures
    assert (failures.events, failures.fields, failures.first_event) == (2, 4, 12)
    assert failures.message == "field sample.bad: the sample cannot say"
    sample.extract(batch, requests)
    assert sample.failures.events == 4
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "plugin sample: plugin_extract_fields at event 12: field sample.bad: the sample cannot say"
    )
    with pytest.raises(PluginError) as caught:
        sample.extract(batch, requests, strict=True)
    assert caught.value.event == 12


@pytest.mark.parametrize(
    ("how", "name", "message"),
    [
        ("null", "bad", "field sample.bad: claims 1 value(s) but gives a null pointer"),
        ("null", "bad_list", "claims 1 value(s) but gives a null pointer"),
        ("nullstr", "bad", "value 0 is a null pointer"),
        ("nullstr", "bad_list", "value 0 is a null pointer"),
        ("two", "bad", "claims 2 values; it is not a list and has one at most"),
        ("absurd", "bad", "claims 9223372036854775807 values"),
        ("absurd", "bad_list", "claims 9223372036854775807 values in one event"),
        ("address", "bad_ip", "an address has 5 bytes; it should have 4 or 16"),
        ("nulladdress", "bad_ip", "value 0 is a null pointer"),
        ("throw", "bad", "thrown by extract_fields"),
    ],
)
def test_answers_that_break_the_api(sample: Plugin, how: str, name: str, message: str) -> None:
    batch = batch_of("1", f"2 {how}", "3", first_num=100)
    with pytest.raises(PluginError) as caught:
        sample.extract(batch, [("sample.number", None), (f"sample.{name}", None)])
    assert message in str(caught.value)
    assert str(caught.value).startswith("plugin sample: plugin_extract_fields at event 101: ")
    (column,) = sample.extract(batch, [("sample.number", None)])
    assert column.to_pylist() == [1, 2, 3], "the plugin is still usable"


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("sample.nothing", None, "has no field sample.nothing"),
        ("sample.key", None, "requires an argument"),
        ("sample.text", "x", "takes no argument"),
        ("sample.index", "x", "digits only"),
    ],
)
def test_requests_that_are_refused(
    sample: Plugin, name: str, argument: str | None, message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        sample.extract(batch_of("1"), [(name, argument)])


def test_sources_and_types_that_a_plugin_does_not_take(compile_sample: Compile) -> None:
    batch = batch_of("1", "2")
    with load_plugin(compile_sample('EXTRACT_SOURCES="[\\"other\\"]"')) as plugin:
        plugin.init()
        assert plugin.extract_event_sources == {"other", "sample"}
        (column,) = plugin.extract(batch, [("sample.input", None)], source="other")
        assert column.to_pylist()[0].startswith(b"other/")
        columns = plugin.extract(batch, EVERY, source="third")
        for (name, _), column in zip(EVERY, columns, strict=True):
            column.validate(full=True)
            assert column.type == arrow_type(plugin.field(name))
            assert column.null_count == 2
    with load_plugin(compile_sample("EXTRACT_TYPES=402,16")) as plugin:
        plugin.init()
        assert plugin.extract_event_types == {402, 16}
        assert plugin.extract(batch, [("sample.text", None)])[0].null_count == 2


def test_columns_without_values_have_the_same_form(sample: Plugin) -> None:
    for field in sample.fields:
        column = no_values(field, 9)
        column.validate(full=True)
        assert (len(column), column.null_count, column.type) == (9, 9, arrow_type(field))


def test_batches_of_another_shape_are_refused(sample: Plugin) -> None:
    with pytest.raises(ValueError, match="no column num"):
        sample.extract(pa.record_batch({"data": [b""]}), [("sample.text", None)])
    nulls = pa.array([None], pa.binary())
    broken = pa.RecordBatch.from_arrays(
        [*batch_of("1").columns[:3], nulls], batch_of().schema.names
    )
    with pytest.raises(ValueError, match="holds nulls"):
        sample.extract(broken, [("sample.text", None)])


def test_offsets_that_contradict_the_data(sample: Plugin) -> None:
    good = batch_of("1", "2")
    for offsets in ([0, 2_000_000, 2], [0, 2, 1], [0, -5, 2]):
        data = pa.Array.from_buffers(
            pa.binary(), 2, [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(b"12")]
        )
        lying = pa.RecordBatch.from_arrays([*good.columns[:3], data], good.schema.names)
        with pytest.raises(PluginError, match="contradict"):
            sample.extract(lying, [("sample.text", None)])
