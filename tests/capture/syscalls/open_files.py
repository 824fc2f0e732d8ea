"""Opens one of each kind of file, says which on its output as JSON, and waits for its input to end.

``open_files.py FOLDER``: a folder to make files in.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import sys
import threading
from pathlib import Path


def main(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    kept: list[object] = []
    fds: dict[str, int] = {}
    (folder / "file").write_bytes(b"content")
    os.mkfifo(folder / "fifo")
    fds["read"] = os.open(folder / "file", os.O_RDONLY)
    fds["append"] = os.open(folder / "file", os.O_WRONLY | os.O_APPEND | os.O_SYNC | os.O_CLOEXEC)
    fds["both"] = os.open(folder / "file", os.O_RDWR | os.O_NONBLOCK)
    (folder / "gone").write_bytes(b"")
    fds["deleted"] = os.open(folder / "gone", os.O_RDONLY)
    (folder / "gone").unlink()
    fds["directory"] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fds["null"] = os.open("/dev/null", os.O_RDWR)
    fds["fifo"] = os.open(folder / "fifo", os.O_RDWR)
    fds["pipe"], fds["pipe end"] = os.pipe()
    fds["memfd"] = os.memfd_create("payload")
    epoll = select.epoll()
    kept.append(epoll)
    fds["epoll"] = epoll.fileno()
    fds["eventfd"] = os.eventfd(1)
    fds["inotify"] = libc.inotify_init1(0)
    fds["timerfd"] = libc.timerfd_create(1, 0)
    fds["signalfd"] = libc.signalfd(-1, ctypes.byref(ctypes.create_string_buffer(128)), 0)
    fds["pidfd"] = os.pidfd_open(os.getpid())

    def keep(name: str, made: socket.socket) -> socket.socket:
        kept.append(made)
        fds[name] = made.fileno()
        return made

    server = keep("tcp server", socket.socket())
    server.bind(("127.0.0.1", 0))
    server.listen()
    client = keep("tcp client", socket.create_connection(server.getsockname()))
    keep("tcp accepted", server.accept()[0])
    udp = keep("udp", socket.socket(type=socket.SOCK_DGRAM))
    udp.bind(("127.0.0.1", 0))
    talk = keep("udp connected", socket.socket(type=socket.SOCK_DGRAM))
    talk.connect(udp.getsockname())
    ports = {name: sock.getsockname()[1] for name, sock in (("tcp", server), ("udp", udp))}
    ports["tcp client"] = client.getsockname()[1]
    ports["udp connected"] = talk.getsockname()[1]
    server6 = keep("tcp6 server", socket.socket(socket.AF_INET6))
    server6.bind(("::1", 0))
    server6.listen()
    ports["tcp6"] = server6.getsockname()[1]
    client6 = keep("tcp6 client", socket.create_connection(("::1", ports["tcp6"])))
    ports["tcp6 client"] = client6.getsockname()[1]
    named = keep("unix", socket.socket(socket.AF_UNIX))
    named.bind(str(folder / "a socket"))
    keep("unix abstract", socket.socket(socket.AF_UNIX)).bind(b"\0falcowb test %d" % os.getpid())
    pair = socket.socketpair()
    keep("pair", pair[0])
    keep("pair end", pair[1])
    keep("netlink", socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)).bind((0, 0))
    keep("unbound", socket.socket())

    tids: list[int] = []
    begun = threading.Barrier(3)

    def stay() -> None:
        tids.append(threading.get_native_id())
        begun.wait()
        sys.stdin.read()

    for _ in range(2):
        threading.Thread(target=stay, daemon=True).start()
    begun.wait()
    said = {"pid": os.getpid(), "tids": tids, "fds": fds, "ports": ports}
    print(json.dumps(said), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
