"""Asking a container runtime over HTTP on its Unix socket, trusting it with nothing.

An answer is awaited for as long as the deadline allows and kept up to a size.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from types import TracebackType
from typing import Self

#: Longest answer that is read.
MAX_ANSWER = 8 << 20


class RuntimeRefused(Exception):
    """A runtime did not answer, or not as it should; the text says how."""


class Deadline:
    """A moment until which everything together may last."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._open: list[socket.socket] = []

    def connection(self, family: socket.AddressFamily) -> socket.socket:
        """A new socket that :meth:`cut` will end. Raises :class:`RuntimeRefused`."""
        made = socket.socket(family, socket.SOCK_STREAM)
        made.settimeout(self.left())
        self._open.append(made)
        return made

    def cut(self) -> None:
        """End every connection: whoever waits for an answer is woken."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def remaining(self) -> float:
        """Seconds left; negative once it is over."""
        return self._end - time.monotonic()

    def left(self) -> float:
        """Seconds left. Raises :class:`RuntimeRefused` where there are none."""
        left = self.remaining
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> RuntimeRefused:
        return RuntimeRefused(f"gave no answer within {self.seconds:g} s")


def connect(path: str, deadline: Deadline) -> socket.socket:
    """A connection to a Unix socket. Raises :class:`RuntimeRefused`."""
    connection = deadline.connection(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        if isinstance(error, TimeoutError):
            raise deadline.over() from None
        raise RuntimeRefused(f"cannot be connected to: {error.strerror or error}") from None
    return connection


class _OnSocket(http.client.HTTPConnection):
    def __init__(self, path: str, deadline: Deadline) -> None:
        super().__init__("localhost")
        self._path, self._deadline = path, deadline

    def connect(self) -> None:
        self.sock = connect(self._path, self._deadline)


class Asked:
    """A runtime's HTTP service. A context manager."""

    def __init__(self, path: str, deadline: Deadline) -> None:
        self._connection = _OnSocket(path, deadline)
        self._deadline = deadline

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def get(self, path: str) -> object:
        """The JSON at a path. Raises :class:`RuntimeRefused`."""
        body, _ = self.get_text(path)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise RuntimeRefused(f"does not answer in JSON at {path}"[:200]) from None

    def get_text(self, path: str) -> tuple[bytes, dict[str, str]]:
        """The body at a path and its headers, whose names are in lower case."""
        connection = self._connection
        try:
            if connection.sock is not None:
                connection.sock.settimeout(self._deadline.left())
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = self._body(answer)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise self._deadline.over() from None
            raise RuntimeRefused(f"does not speak HTTP: {error!r}"[:200]) from None
        if answer.status != 200:
            raise RuntimeRefused(f"answers {answer.status} at {path}"[:200])
        return body, {name.lower(): value for name, value in answer.getheaders()}

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            if self._connection.sock is not None:
                # A service that drips must not last for longer than one that is silent.
                self._connection.sock.settimeout(self._deadline.left())
            self._deadline.left()
            part = answer.read1(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                self._connection.close()
                raise RuntimeRefused(f"gives an answer longer than {MAX_ANSWER >> 20} MiB")
