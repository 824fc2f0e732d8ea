"""Tabs as indentation, which yaml-cpp takes (a column each) and libyaml refuses."""

from __future__ import annotations

import re

_LEAD = re.compile(r"[ \t]*(?:-[ \t]+)*")
_BLOCK_HEADER = re.compile(r"(?:^|[\s:-])[|>][-+0-9]{0,2}[ \t]*(?:#.*)?$")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


def without_tabs(text: str) -> str:
    """``text`` of the same length with a blank for each tab before the first word of a line.

    Lines of block scalars, where tabs are content, stay as they are.
    """
    lines = []
    block = -1  # the indentation of the line that began a block scalar
    for match in _LINE.finditer(text):
        line = match[0]
        if "\t" in line or block >= 0 or "|" in line or ">" in line:
            lead = _LEAD.match(line)
            assert lead is not None
            indent = len(line) - len(line.lstrip(" \t"))
            if block >= 0 and (indent > block or not line.strip()):
                lines.append(line)
                continue
            block = indent if _BLOCK_HEADER.search(line.rstrip("\r\n")) else -1
            line = lead[0].replace("\t", " ") + line[lead.end() :]
        lines.append(line)
    return "".join(lines)
