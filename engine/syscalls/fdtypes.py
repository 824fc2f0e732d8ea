"""Types of open files: libscap's numbers, and the words and letters that stand for them.

From get_typestring, get_typechar of userspace/libsinsp/fdinfo.cpp and fdinfo.h in
falcosecurity/libs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.state_schema import FD_TYPES
from engine.columns import BytesColumn, Codes

_WORDS = {
    "file": b"file",
    "file_v2": b"file",
    "directory": b"directory",
    "ipv4": b"ipv4",
    "ipv4_listening": b"ipv4",
    "ipv6": b"ipv6",
    "ipv6_listening": b"ipv6",
    "unix": b"unix",
    "fifo": b"pipe",
    "event": b"event",
    "signalfd": b"signalfd",
    "eventpoll": b"eventpoll",
    "inotify": b"inotify",
    "timerfd": b"timerfd",
    "netlink": b"netlink",
    "bpf": b"bpf",
    "userfaultfd": b"userfaultfd",
    "io_uring": b"io_uring",
    "memfd": b"memfd",
    "pidfd": b"pidfd",
}
_LETTERS = {
    "file": b"f",
    "file_v2": b"f",
    "directory": b"d",
    "ipv4": b"4",
    "ipv4_listening": b"4",
    "ipv6": b"6",
    "ipv6_listening": b"6",
    "fifo": b"p",
    "unix": b"u",
    "event": b"e",
    "unknown": b"o",
    "unsupported": b"X",
    "signalfd": b"s",
    "eventpoll": b"l",
    "inotify": b"i",
    "timerfd": b"t",
    "netlink": b"n",
    "bpf": b"b",
    "userfaultfd": b"u",
    "io_uring": b"r",
    "memfd": b"m",
    "pidfd": b"P",
}
TYPE = {name: number for number, name in FD_TYPES.items()}

FILES = (TYPE["file"], TYPE["file_v2"])
DIRECTORY = TYPE["directory"]
IPV4, IPV6 = TYPE["ipv4"], TYPE["ipv6"]
IPV4_LISTENING, IPV6_LISTENING = TYPE["ipv4_listening"], TYPE["ipv6_listening"]
SOCKETS = (IPV4, IPV6, IPV4_LISTENING, IPV6_LISTENING)
UNIX = TYPE["unix"]

#: Transport protocols by libscap's number.
L4_NOT_A_SOCKET, L4_RAW = 1, 5
L4_WORDS = {2: b"tcp", 3: b"udp", 4: b"icmp", 5: b"raw"}
L4_LETTERS = {2: b"t", 3: b"u", 4: b"i", 5: b"r"}

#: Bits of the ``flags`` of an open file in libs' state.
ROLE_CLIENT, ROLE_SERVER = 1 << 2, 1 << 3
CONNECTED = 1 << 13
OVERLAY_UPPER, OVERLAY_LOWER = 1 << 17, 1 << 18


def word_of(number: int) -> bytes:
    """Type of an open file as ``fd.type`` has it."""
    return _WORDS.get(FD_TYPES.get(number, ""), b"<NA>")


def letter_of(number: int) -> bytes:
    """Type of an open file as one letter; ``?`` for none that is known."""
    return _LETTERS.get(FD_TYPES.get(number, ""), b"?")


_NUMBERS = tuple(FD_TYPES)


def words(types: npt.NDArray[np.generic], ids: Codes) -> BytesColumn:
    """The words for the types of the open files ``ids``, from the types of all versions."""
    texts = sorted({word_of(number) for number in (-1, *_NUMBERS)})
    places = {text: code for code, text in enumerate(texts)}
    by_type = np.full(256, places[b"<NA>"], np.int32)
    for number in _NUMBERS:
        by_type[number] = places[word_of(number)]
    codes = np.append(by_type[types.astype(np.int64) & 255], np.int32(-1))[ids]
    return BytesColumn(codes, pa.array(texts, pa.binary()))
