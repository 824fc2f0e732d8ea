"""The webhook that a Kubernetes API server posts its audit events to.

A request is answered only once its events are taken in, and each answer says what became of them:
200 taken, 400 no audit events, 413 too large, 429 no room now (the API server then tries again).
Events wait in a queue with a bound; nothing that was answered with 200 is dropped for lack of room.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from collections import deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from capture.errors import FalcowbError
from plugins.k8s_audit.source_file import Reports
from plugins.sdk.model import Config
from plugins.sdk.source import Batch, EndOfSource, Log, Native

QUEUE_BYTES = 64 << 20  #: payload bytes that may wait for the host
QUEUE_WAIT = 5.0  #: seconds that a request waits for room before it is sent away
MOST_CONNECTIONS = 64
IDLE = 60.0  #: seconds without a byte after which a connection is closed
LINGER = 5.0  #: seconds, and bytes, that a refused client may go on sending what nobody reads
LINGER_BYTES = 64 << 20
WAIT = 0.03  #: seconds that a call for events waits for some


class Queue:
    """Batches between the requests and the host, bounded by their bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._batches: deque[Batch] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self.closed = False
        self.events = 0  #: taken in so far
        self.waiting = 0  #: not yet taken out

    def put(self, batch: Batch, wait: float) -> bool:
        """Takes the batch in; False if there was no room in time, or the queue is closed."""
        size = batch.nbytes
        deadline = time.monotonic() + wait
        with self._changed:
            # A batch above the bound is let in when it is alone.
            while self._batches and self._bytes + size > self._most and not self.closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
            if self.closed:
                return False
            self._batches.append(batch)
            self._bytes += size
            self.events += len(batch)
            self.waiting += len(batch)
            self._changed.notify_all()
        return True

    def get(self, wait: float) -> Batch | None:
        with self._changed:
            if not self._batches:
                self._changed.wait(wait)
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self._bytes -= batch.nbytes
            self.waiting -= len(batch)
            self._changed.notify_all()
            return batch

    def close(self) -> int:
        """Lets nothing in any more; returns how many events nobody has fetched."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
            return self.waiting


class _Refused(Exception):
    """A request that gets an answer other than 200."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "falcowb"
    sys_version = ""
    timeout = IDLE

    def do_POST(self) -> None:
        try:
            if self.path.partition("?")[0] != self.server.endpoint:
                raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {self.path} here")
            kind = self.headers.get("Content-Type", "")
            if "application/json" not in kind.lower():
                raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
            self.server.take(self._body(), self.client_address[0])
        except _Refused as refusal:
            self._refuse(refusal.status, refusal.why)
        except (TimeoutError, ConnectionError):
            self.close_connection = True
        else:
            self._answer(HTTPStatus.OK, b"")

    def _not_allowed(self) -> None:
        found = self.path.partition("?")[0] == self.server.endpoint
        status = HTTPStatus.METHOD_NOT_ALLOWED if found else HTTPStatus.NOT_FOUND
        self._refuse(status, f"{self.command} is not allowed" if found else "not found")

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _not_allowed

    def _body(self) -> bytes:
        limit = self.server.most_body
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._chunked(limit)
        else:
            length = self.headers.get("Content-Length", "")
            if not length:
                raise _Refused(HTTPStatus.LENGTH_REQUIRED, "how long is the body?")
            if not (length.isascii() and length.isdigit()):
                raise _Refused(HTTPStatus.BAD_REQUEST, "Content-Length is no number")
            if len(length) > 18 or int(length) > limit:
                raise _too_large(limit)
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                raise ConnectionError("the body was cut short")
        return self._decoded(body, limit)

    def _decoded(self, body: bytes, limit: int) -> bytes:
        coding = self.headers.get("Content-Encoding", "identity").lower()
        if coding == "identity":
            return body
        if coding != "gzip":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{coding} cannot be decoded")
        unpack = zlib.decompressobj(wbits=31)
        try:
            plain = unpack.decompress(body, limit + 1)
        except zlib.error as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"the body is not gzip: {error}") from None
        if len(plain) > limit:
            raise _too_large(limit)
        if not unpack.eof:
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body's gzip is cut short")
        return plain

    def _chunked(self, limit: int) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(128)
            digits = line.partition(b";")[0].strip()
            try:
                if not line.endswith(b"\n") or not digits.isalnum():
                    raise ValueError
                size = int(digits, 16)
            except ValueError:
                raise _Refused(HTTPStatus.BAD_REQUEST, "a chunk has no size") from None
            if len(body) + size > limit:
                raise _too_large(limit)
            if size == 0:
                break
            piece = self.rfile.read(size)
            if len(piece) < size or self.rfile.read(2) != b"\r\n":
                raise _Refused(HTTPStatus.BAD_REQUEST, "a chunk was cut short")
            body += piece
        for _ in range(100):
            if self.rfile.readline(8192) in (b"\r\n", b"\n", b""):
                return bytes(body)
        raise _Refused(HTTPStatus.BAD_REQUEST, "too many trailers")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        # Part of the body may still be on its way, so the connection is not used again.
        self.close_connection = True
        self._answer(status, (why + "\n").encode("utf-8", "replace"))
        self._linger()

    def _linger(self) -> None:
        """Reads on for a while: closing at once would reset the connection, and the client, still
        sending, would never see the answer."""
        left = LINGER_BYTES
        deadline = time.monotonic() + LINGER
        try:
            self.wfile.flush()
            if not isinstance(self.connection, ssl.SSLSocket):
                self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (wait := deadline - time.monotonic()) > 0:
                self.connection.settimeout(wait)
                piece = self.rfile.read1(1 << 16)
                if not piece:
                    return
                left -= len(piece)
        except (OSError, ValueError):
            return

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        try:
            self.send_response(status)
            if status is HTTPStatus.METHOD_NOT_ALLOWED:
                self.send_header("Allow", "POST")
            if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                self.send_header("Retry-After", "1")
            if body:
                self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (TimeoutError, OSError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not told one by one."""


def _too_large(limit: int) -> _Refused:
    return _Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than webhookMaxBatchSize ({limit} bytes)",
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        family: socket.AddressFamily,
        endpoint: str,
        tls: ssl.SSLContext | None,
        source: WebhookSource,
    ) -> None:
        self.address_family = family
        self.endpoint = endpoint
        self.most_body = source.most_body
        self.take = source.take
        self._tls = tls
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the name service for its own name, which can take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is left to the connection's own thread: a slow client holds up nobody.
            connection.settimeout(IDLE)
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off, or speaks no TLS, is its own affair."""


class WebhookSource:
    """The server, from opening to closing, and the queue behind it."""

    def __init__(self, url: str, config: Config, log: Log, native: Native) -> None:
        self._native = native
        self._log = log
        self._reports = Reports(log)
        self._reports_lock = threading.Lock()
        self._most_event = config.number("maxEventSize")
        self.most_body = config.number("webhookMaxBatchSize")
        self._queue = Queue(QUEUE_BYTES)
        parts = urlsplit(url)
        tls = _certificate(config.text("sslCertificate")) if parts.scheme == "https" else None
        self._server = self._listen(url, parts, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="k8s_audit webhook", daemon=True
        )
        self._thread.start()
        host, port = self._server.server_address[:2]
        log.info(f"listening on {parts.scheme}://{host!s}:{port}{self._server.endpoint}")

    def _listen(self, url: str, parts: SplitResult, tls: ssl.SSLContext | None) -> _Server:
        try:
            port = parts.port
            host = parts.hostname or ""
        except ValueError as error:
            raise FalcowbError(f"{url} is no address: {error}") from None
        if port is None:
            port = 443 if tls else 80
        endpoint = parts.path or "/"
        try:
            # No host is every address, of both families where the machine has both.
            if not host and socket.has_dualstack_ipv6():
                return _DualServer(("::", port), socket.AF_INET6, endpoint, tls, self)
            found = socket.getaddrinfo(
                host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            name, number = found[0][4][:2]
            return _Server((str(name), int(number)), found[0][0], endpoint, tls, self)
        except OSError as error:
            raise FalcowbError(
                f"the webhook cannot listen at {url}: {error.strerror or error}",
                hint="another program may use the port; choose one as in http://127.0.0.1:9766/k8s-audit",
            ) from error

    def take(self, body: bytes, client: str) -> None:
        """Takes the events of a request in, or raises what to answer instead."""
        if self._queue.closed:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "closing")
        batch = self._native.batch()
        splitter = self._native.splitter(self._most_event, self.most_body)
        count = splitter.feed(body, batch, last=True)
        problems = [f"line {problem.line}: {problem.text}" for problem in splitter.problems()]
        if count:
            with self._reports_lock:
                for problem in problems:
                    self._reports.tell(f"request from {client}, {problem}")
                self._reports.count += count - len(problems)
        if len(batch) == 0:
            if problems:
                raise _Refused(HTTPStatus.BAD_REQUEST, problems[0])
            return
        if not self._queue.put(batch, QUEUE_WAIT):
            if self._queue.closed:
                raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "closing")
            raise _Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many events are waiting; try again")

    def next_batch(self) -> Batch | None:
        batch = self._queue.get(WAIT)
        if batch is None and not self._thread.is_alive():
            raise EndOfSource
        return batch

    def progress(self) -> tuple[float, str]:
        queue = self._queue
        words = f"{queue.events} events received, {queue.waiting} waiting"
        return -1.0, words + self._reports.in_words()

    def close(self) -> None:
        left = self._queue.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        self._reports.close()
        if left:
            self._log.warning(f"closed with {left} events received that nobody has read")


class _DualServer(_Server):
    """Listens on IPv6 and IPv4 with one socket."""

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def _certificate(file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(file)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or str(error)
        raise FalcowbError(
            f"the certificate {file} cannot be used: {reason}",
            hint="sslCertificate in the init configuration names a PEM file with key and "
            "certificate",
        ) from error
    return context
