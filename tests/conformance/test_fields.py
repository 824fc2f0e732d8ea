"""Syscall fields against what the real Falco says of every event of every capture that has a dump.

The bounds are what falcowb promises; ``python -m tests.conformance.fields`` shows where it stands.
"""

from __future__ import annotations

import pytest

from tests.conformance.cases import needs_shared
from tests.conformance.fields import Agreement, agreement, captures, known_dumps

#: Shares of cells that agree: of one column over all captures, and of all columns together.
COLUMN, ALL = 0.97, 0.995


@needs_shared
@pytest.mark.parametrize("folder", ["field_dumps", "container_dumps"])
def test_columns_agree(folder: str) -> None:
    found = agreement(None, folder)
    assert found and all(counted.cells for counted in found.values())
    poor = {
        column: (round(counted.share, 4), counted.examples[:3])
        for column, counted in found.items()
        if counted.share < COLUMN
    }
    assert not poor
    cells = sum(counted.cells for counted in found.values())
    equal = sum(counted.equal for counted in found.values())
    assert equal / cells >= ALL, _worst(found)


@needs_shared
def test_every_dump_has_its_capture() -> None:
    assert set(captures()) == known_dumps()


def _worst(found: dict[str, Agreement]) -> list[tuple[str, float]]:
    by_share = sorted(found.items(), key=lambda item: item[1].share)
    return [(column, counted.share) for column, counted in by_share[:10]]
