"""A small plugin made with the SDK, in falcowb's own host."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.host import Plugin, PluginError, load_plugin
from tests.plugins.k8s_audit.support import one_event


@pytest.fixture
def plugin(sample: Path) -> Plugin:
    made = load_plugin(sample)
    made.init({"step": 2})
    return made


def test_declarations(plugin: Plugin) -> None:
    assert plugin.name == "sample"
    assert plugin.description == 'Counts "things" \u2013 a\\b??/'
    assert plugin.version == "1.2.3"
    assert [param.value for param in plugin.list_open_params()] == ["5"]


def test_a_source_that_makes_its_events_one_by_one(plugin: Plugin) -> None:
    with plugin.open("6") as source:
        batch = source.next_batch()
        assert batch is not None
        assert batch["data"].to_pylist() == [b'{"n":%d,"ok":false}' % n for n in (0, 2, 4)]
        assert [time.value for time in batch["time"]] == [0, 2, 4]
        assert batch["plugin_id"].to_pylist() == [999] * 3


def test_a_failure_keeps_the_events_before_it(sample: Path) -> None:
    plugin = load_plugin(sample)
    plugin.init()
    with plugin.open("9") as source:
        batch = source.next_batch()
        assert batch is not None
        assert batch.num_rows == 7
        with pytest.raises(PluginError, match=r"seven is broken(.|\n)*stop before"):
            source.next_batch()
    with pytest.raises(PluginError, match="x is no number"):
        plugin.open("x")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"n":18446744073709551615,"ok":true,"at":5}', [2**64 - 1, True, 5]),
        (b'{"n":18446744073709551616,"ok":1,"at":"2024-05-01T00:00:00.5+01:00"}',
         [None, None, 1714518000500000000]),
        (b'{"n":-1,"ok":null,"at":"soon"}', [None, None, None]),
        (b'{"n":"1","ok":"true","at":-1}', [None, None, None]),
        (b"{}", [None, None, None]),
    ],
)  # fmt: skip
def test_numbers_times_and_truths(plugin: Plugin, payload: bytes, expected: list[object]) -> None:
    columns = plugin.extract(one_event(payload), [("s.n", None), ("s.ok", None), ("s.at", None)])
    assert [column[0].as_py() for column in columns] == expected


def test_texts_lists_and_functions(plugin: Plugin) -> None:
    batch = one_event(b'{"text":"ab\\u00e9","list":["x",1,null,{"a": 2}]}')
    requests = [("s.text", None), ("s.list", None), ("s.up", None), ("s.any", "/list/3/a")]
    columns = plugin.extract(batch, requests)
    assert [column[0].as_py() for column in columns] == [
        "ab\u00e9".encode(),
        [b"x", b"1", b"null", b'{"a":2}'],
        "AB\u00e9".encode(),
        b"2",
    ]
    assert plugin.extract(one_event(b'{"text":null}'), [("s.text", None)])[0][0].as_py() is None


def test_two_plugins_of_the_sdk_in_one_process(plugin: Plugin, tmp_path: Path) -> None:
    from tests.plugins.k8s_audit.support import audit_event, ids, new_plugin, read_all

    other = new_plugin()
    log = tmp_path / "audit.log"
    import json

    log.write_text(json.dumps(audit_event(1)))
    with plugin.open("4") as source:
        first = source.next_batch()
        assert ids(read_all(other, str(log))) == ["id-1"]
        assert first is not None
        assert first.num_rows == 2
