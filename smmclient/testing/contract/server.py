"""A small HTTP server on a loopback port, in a thread of its own: it keeps nothing, and answers as it is told."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from attrs import field, frozen

from smmclient.wire import WireReply

__all__ = ["Request", "Sent", "Server", "encode"]

#: What goes back for a request: a reply, raw bytes before the connection is closed, or None to close it at once.
Sent: TypeAlias = "WireReply | bytes | None"


@frozen
class Request:
    """One HTTP request as it arrived; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def encode(reply: WireReply) -> bytes:
    """The whole reply as it goes over the wire; the connection ends with it."""
    headers = {"content-type": "application/json", **reply.headers}
    headers |= {"content-length": str(len(reply.body)), "connection": "close"}
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


class _Handler(socketserver.StreamRequestHandler):
    #: A client that says nothing more does not keep its thread.
    timeout = 10

    def handle(self) -> None:
        """Read one request and answer it."""
        try:
            request = self._read()
            if request is None:
                return
            sent = cast("Server", self.server).answer(request)
            if sent is not None:
                self.wfile.write(encode(sent) if isinstance(sent, WireReply) else sent)
        except OSError:
            # The client has gone: it was cancelled, or gave up waiting.
            return

    def _read(self) -> Request | None:
        method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
        if not rest:
            return None
        headers: dict[str, str] = {}
        while (line := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(method, rest.split(" ")[0], headers, body)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        return self.rfile.read(size + 2)[:size]


class Server(socketserver.ThreadingTCPServer):
    """Holds its port from the start, and refuses connections until `open`."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer: Callable[[Request], Sent]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.answer = answer
        self._came_from: list[int] = []
        self._somebody_came = threading.Condition()
        self._thread: threading.Thread | None = None
        self.server_bind()
        self.port = int(self.server_address[1])

    @property
    def origin(self) -> str:
        """Where it is: scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Take connections from now on."""
        self.server_activate()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more, and let the port go."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def count_connections(self) -> int:
        """How many connections were made to this moment, whether anything was sent on them or not."""
        with socket.create_connection(("127.0.0.1", self.port)) as own, self._somebody_came:
            # Connections are taken in the order they were made, so that all before this one are counted then.
            port = own.getsockname()[1]
            self._somebody_came.wait_for(lambda: port in self._came_from, 5)
            self._came_from.remove(port)
            return len(self._came_from)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection, and give it a thread."""
        with self._somebody_came:
            self._came_from.append(client_address[1])
            self._somebody_came.notify_all()
        super().process_request(request, client_address)
