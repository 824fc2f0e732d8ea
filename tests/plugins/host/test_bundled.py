"""The host with the bundled plugin: a real library, with a Python source inside."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from benchmarks.extract import LIBRARY, audit_batch, measure, wanted_fields
from benchmarks.make_audit import lines
from plugins.host import load_plugin
from tests.plugins.host.peer import Peer

needs_library = pytest.mark.skipif(
    not LIBRARY.is_file(), reason="k8s_audit.so is not built (make setup builds it)"
)


@needs_library
def test_every_field_agrees_with_the_plain_twin() -> None:
    batch = audit_batch(150)
    with load_plugin(LIBRARY) as plugin:
        plugin.init()
        requests: list[tuple[str, str | None]] = [
            (field.name, None)
            for field in plugin.fields
            if not (field.argument and field.argument.required)
        ]
        requests += [("k8s.audit", "user.groups[*]"), ("k8s.audit", "verb")]
        assert {name for name, _ in wanted_fields(plugin)} <= {name for name, _ in requests}
        columns = plugin.extract(batch, requests)
        assert plugin.failures.events == 0
        fields = [(plugin.field(name), argument) for name, argument in requests]
        peer = Peer(LIBRARY)
        try:
            values = peer.extract(batch, fields, plugin.event_source)
        finally:
            peer.close()
    for (field, _), column, expected in zip(fields, columns, values, strict=True):
        column.validate(full=True)
        assert column.to_pylist() == expected, field.name


@needs_library
def test_a_file_read_through_the_plugin(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    written = [line.strip() for line in itertools.islice(lines(3000), 3000)]
    log.write_bytes(b"\n".join(written) + b"\n")
    with load_plugin(LIBRARY) as plugin:
        plugin.init()
        with plugin.open(str(log)) as source:
            read = []
            for batch in source.batches(1000):
                batch.validate(full=True)
                (verbs,) = plugin.extract(batch, [("ka.verb", None)])
                read += zip(batch.column("data").to_pylist(), verbs.to_pylist(), strict=True)
    assert [json.loads(data) for data, _ in read] == [json.loads(line) for line in written]
    assert all(verb == json.loads(data)["verb"].encode() for data, verb in read)


@needs_library
def test_batches_are_much_faster_than_single_calls() -> None:
    result = measure(count=4000, repeats=3)
    assert result.ratio > 5, result
    assert result.ratio_at_once > 2, result
