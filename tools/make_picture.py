"""Draws the picture of the README: a real replay of the sample, as a terminal shows it.

Run from the top of the repository: ``.venv/bin/python tools/make_picture.py``.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = "replay samples/k8s_intrusion.jsonl -c samples/falco.yaml -p error"
COLORS = {"Critical": "bold red", "Error": "red", "Warning": "yellow", "Notice": "cyan"}


def main() -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name("falcowb"), *ARGUMENTS.split()],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    console = Console(record=True, width=112, file=io.StringIO(), highlight=False)
    console.print(Text(f"$ falcowb {ARGUMENTS}", "bold"))
    for line in (ran.stdout + ran.stderr).splitlines():
        text = Text(line, overflow="ellipsis", no_wrap=True)
        for word, style in COLORS.items():
            text.highlight_regex(rf"(?<=^\d\d:\d\d:\d\d\.\d{{9}}: ){word}|^{word}", style)
        console.print(text)
    svg = console.export_svg(title="falcowb replay")
    # A picture fetches nothing: without these the viewer takes a font of its own.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (ROOT / "docs" / "replay.svg").write_text(svg, encoding="utf-8")


main()
