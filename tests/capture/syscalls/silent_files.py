"""A file system that stops answering: ``silent_files.py FOLDER``, as root.

It mounts itself at FOLDER with one file, ``file``, and says ``ready``. Told ``stop`` on its input
it falls silent. When it ends, whoever waits for it is let go.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import stat
import struct
import sys

# Requests of the protocol (linux/fuse.h).
_LOOKUP, _GETATTR, _OPEN, _FORGET, _INIT, _OPENDIR = 1, 3, 14, 2, 26, 27
#: Files can be closed without asking.
_NO_FLUSH = 1 << 5
_INODES = {1: stat.S_IFDIR | 0o755, 4242: stat.S_IFREG | 0o644}


def _attributes(node: int) -> bytes:
    return struct.pack(
        "=6Q3I2I2I3I", node, 0, 0, 0, 0, 0, 0, 0, 0, _INODES[node], 1, 0, 0, 0, 512, 0
    )


def answer(request: bytes) -> bytes | None:
    _, code, unique, node = struct.unpack_from("=IIQQ", request)

    def reply(body: bytes, error: int = 0) -> bytes:
        return struct.pack("=IiQ", 16 + len(body), error, unique) + body

    if code == _INIT:
        return reply(struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0, *[0] * 7))
    if code == _LOOKUP:
        if request[40:].rstrip(b"\0") != b"file":
            return reply(b"", -2)
        return reply(struct.pack("=4Q2I", 4242, 0, 0, 0, 0, 0) + _attributes(4242))
    if code == _GETATTR:
        return reply(struct.pack("=QII", 0, 0, 0) + _attributes(node))
    if code in (_OPEN, _OPENDIR):
        return reply(struct.pack("=QII", 7, _NO_FLUSH, 0))
    return None if code == _FORGET else reply(b"", -38)


def main(folder: str) -> None:
    signal.alarm(300)  # nobody waits for ever
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"falcowb", folder.encode(), b"fuse", 0, options.encode()):
        sys.exit(os.strerror(ctypes.get_errno()))
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([device, 0], [], [])
        if 0 in ready:
            break
        reply = answer(os.read(device, 1 << 20))
        if reply is not None:
            os.write(device, reply)
    os.read(0, 100)
    print("silent", flush=True)
    os.read(0, 100)


if __name__ == "__main__":
    main(sys.argv[1])
