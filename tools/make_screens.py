"""Draws docs/workbench.svg: the workbench on the bundled sample, at an alert, with its explanation.

.venv/bin/python tools/make_screens.py
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from workbench.tui.app import FalcowbApp  # noqa: E402 - the path comes first
from workbench.tui.bench import Arguments  # noqa: E402 - the path comes first
from workbench.tui.state import State  # noqa: E402 - the path comes first

SIZE = (132, 42)
#: Of the sample's alerts, the one that is shown.
ALERT = "Program Run from Shared Memory"


async def draw() -> str:
    arguments = Arguments("samples/intrusion.fcap", ("rules/syscall_rules.yaml",))
    with tempfile.TemporaryDirectory() as folder:
        app = FalcowbApp(arguments, State(Path(folder) / "state.json"))
        async with app.run_test(size=SIZE) as pilot:

            async def until(holds: Callable[[], object]) -> None:
                while not holds():
                    await pilot.pause(0.05)

            bench = app.bench
            await until(lambda: bench.judged is not None and bench.judged.complete)
            await until(lambda: bench.looked is not None and bench.looked.complete)
            events = app.pane("events")
            while ALERT not in _rules(bench):
                before = bench.event
                await pilot.press("n")
                await until(lambda before=before: bench.event != before)  # type: ignore[misc] # default
                await pilot.pause(0.5)
            app.show_pane("explain")
            await pilot.pause(2)
            await until(lambda: events is not None)
            title = "falcowb samples/intrusion.fcap -r rules/syscall_rules.yaml"
            # A picture fetches nothing: without these the viewer takes a font of its own.
            svg = app.export_screenshot(title=title)
            picture = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
            await asyncio.to_thread(bench.engine.close)
            return picture


def _rules(bench: object) -> set[str]:
    """The rules that alert at the event under the cursor."""
    from workbench.tui.bench import Bench

    assert isinstance(bench, Bench)
    panes = {pane.id: pane for pane in bench.panes()}
    table = panes["events"].table  # type: ignore[attr-defined] # it is the events pane
    row = table.row(table.cursor)
    return set() if row is None or row.rule is None else {row.rule}


if __name__ == "__main__":
    (ROOT / "docs" / "workbench.svg").write_text(asyncio.run(draw()), encoding="utf-8")
