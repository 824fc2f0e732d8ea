"""Joining paths as the state engine of libs does (``sinsp_utils::concatenate_paths``)."""

from __future__ import annotations

#: libs' room for a path. Longer ones become a fixed text.
MAX_PATH = 1024
TOO_LONG = b"/DIR_TOO_LONG/FILENAME_TOO_LONG"

_SLASH = ord("/")


def join_paths(directory: bytes, path: bytes) -> bytes:
    """``path`` as seen from ``directory``, with ``.``, ``..`` and repeated slashes resolved.

    An absolute (or empty) path stands alone. The directory is taken as it is and no slash is put
    between: it is expected to end with one.
    """
    if len(directory) + len(path) + 1 > MAX_PATH:
        return TOO_LONG
    relative = bool(path) and path[0] != _SLASH
    out = bytearray(directory) if relative else bytearray()
    bare = not out  # a path that never had a base may begin with a slash
    at = 0
    while at < len(path):
        byte = path[at]
        begins_part = not out or out[-1] == _SLASH
        if byte == ord(".") and begins_part:
            rest = path[at : at + 3]
            if rest in (b"../", b".."):
                _up(out)
                at += len(rest)
            elif rest[:2] == b"./" or rest == b".":
                at += min(2, len(rest))
            else:
                out.append(byte)
                at += 1
        elif byte == _SLASH:
            if not (out and out[-1] == _SLASH) and not (not out and not bare):
                out.append(byte)
            at += 1
        else:
            out.append(byte)
            at += 1
    if len(out) > 1 and out[-1] == _SLASH:
        del out[-1]
    return bytes(out)


def _up(path: bytearray) -> None:
    """Take the last part off; what remains ends with a slash or is at most one byte."""
    if len(path) <= 1:
        return
    del path[-1]
    while path and path[-1] != _SLASH:
        del path[-1]
