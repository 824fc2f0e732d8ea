"""Calls of a gRPC service on a Unix socket, one after the other, one answer each.

HTTP/2 (RFC 9113) as far as that needs: headers of requests are sent as they are; those of answers
are passed over, for a call has gone well when it brings one whole message. The service is trusted
with nothing: an answer is awaited for as long as the deadline allows and kept up to a size.
"""

from __future__ import annotations

import struct
from types import TracebackType
from typing import Self

from capture.syscalls.runtime_http import MAX_ANSWER, Deadline, RuntimeRefused, connect

# Types and flags of frames.
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 1, 1, 4, 8
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: No table of headers to keep, no pushes, room for an answer of full length.
_OURS = struct.pack("!HIHIHI", 1, 0, 2, 0, 4, MAX_ANSWER + 1024)
_MAX_FRAME = 1 << 20


class Service:
    """A connection to a gRPC service. A context manager."""

    def __init__(self, path: str, deadline: Deadline) -> None:
        self._deadline = deadline
        self._stream = -1
        self._held = bytearray()
        self._socket = connect(path, deadline)
        self._send(_PREFACE + _frame(_SETTINGS, 0, 0, _OURS) + _window(MAX_ANSWER))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def call(self, method: str, message: bytes) -> bytes:
        """The message that answers a call, such as ``/runtime.v1.RuntimeService/Version``.

        Raises :class:`RuntimeRefused` where there is none.
        """
        self._stream += 2
        self._send(
            _frame(_HEADERS, _END_HEADERS, self._stream, _headers(method))
            + _frame(
                _DATA, _END_STREAM, self._stream, struct.pack("!BI", 0, len(message)) + message
            )
        )
        body = bytearray()
        ended = False
        while not ended:
            kind, flags, stream, payload = self._receive()
            if kind == _SETTINGS and not flags & _ACK:
                self._send(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                self._send(_frame(_PING, _ACK, 0, payload))
            elif kind == _GOAWAY:
                raise RuntimeRefused("hangs up")
            if stream != self._stream:
                continue
            if kind == _RESET:
                raise RuntimeRefused(f"refuses the call {method}")
            if kind == _DATA:
                body += _unpadded(payload, flags)
                if len(body) > MAX_ANSWER:
                    raise RuntimeRefused(f"gives an answer longer than {MAX_ANSWER >> 20} MiB")
                if payload:
                    self._send(_window(len(payload)))
            ended = kind in (_DATA, _HEADERS) and bool(flags & _END_STREAM)
        return self._message(method, bytes(body))

    def _message(self, method: str, body: bytes) -> bytes:
        if len(body) < 5:
            raise RuntimeRefused(f"refuses the call {method}")
        compressed, size = struct.unpack("!BI", body[:5])
        if compressed or size != len(body) - 5:
            raise RuntimeRefused("does not speak gRPC")
        return body[5:]

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._deadline.left())
            self._socket.sendall(data)
        except OSError as error:
            raise self._failed(error) from None

    def _receive(self) -> tuple[int, int, int, bytes]:
        """Type, flags, stream and payload of the next frame."""
        head = self._read(9)
        size = int.from_bytes(head[:3], "big")
        if size > _MAX_FRAME:
            raise RuntimeRefused("does not speak HTTP/2")
        stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        return head[3], head[4], stream, self._read(size)

    def _read(self, size: int) -> bytes:
        while len(self._held) < size:
            try:
                self._socket.settimeout(self._deadline.left())
                part = self._socket.recv(65536)
            except OSError as error:
                raise self._failed(error) from None
            if not part:
                raise RuntimeRefused("hangs up")
            self._held += part
        told = bytes(self._held[:size])
        del self._held[:size]
        return told

    def _failed(self, error: OSError) -> RuntimeRefused:
        if isinstance(error, TimeoutError):
            return self._deadline.over()
        return RuntimeRefused(f"hangs up: {error.strerror or error}")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack("!BBI", kind, flags, stream) + payload


def _window(size: int) -> bytes:
    """Room for so many bytes more on the connection; each stream has enough from its start."""
    return _frame(_WINDOW, 0, 0, struct.pack("!I", size))


def _unpadded(payload: bytes, flags: int) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise RuntimeRefused("does not speak HTTP/2")
    return payload[1 : len(payload) - payload[0]]


def _headers(method: str) -> bytes:
    """A block of headers (RFC 7541): names by their numbers of the static table, values as they
    are, none to be remembered."""
    return (
        b"\x83\x86\x04"  # :method POST, :scheme http, :path
        + _string(method)
        + b"\x01"  # :authority
        + _string("localhost")
        + b"\x0f\x10"  # content-type
        + _string("application/grpc")
        + b"\x00"
        + _string("te")
        + _string("trailers")
    )


def _string(text: str) -> bytes:
    data = text.encode("ascii")
    if len(data) > 126:
        raise ValueError("too long for one byte")
    return bytes([len(data)]) + data
