"""A web server that a sandbox pushes to. It knows nothing of us: signatures are made by hand."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from attrs import frozen

ADD = {"service": 1, "link": "https://example.com/1", "quantity": 1000, "request_id": "r1"}
LONG = 1_000.0
"""Seconds in which every order ends."""

Answer = bytes | Callable[[], Iterator[bytes]]


def answer(status: int, *headers: str, body: bytes = b"ok") -> bytes:
    """Return an answer, to the byte."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@frozen
class Post:
    """What came in one POST; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def content(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Return whether the signature is the one that the defaults are said to make."""
        signed = self.headers["x-webhook-timestamp"].encode() + b"." + self.body
        made = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(made, self.headers["x-webhook-signature"])


class Receiver(ThreadingHTTPServer):
    """A web server that knows nothing of us: it notes what comes and answers 200, or by the script."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[Answer] = []
        self.posts: list[Post] = []
        self.came = threading.Condition()
        self.has_closed = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook?a=b"

    def wait_for(self, count: int) -> list[Post]:
        """Return what came, as soon as there is so much of it."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.posts) >= count, 5), f"{len(self.posts)} of {count} came"
            return list(self.posts)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and note that it is closed."""
        super().shutdown_request(request)
        self.has_closed.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a sender that has hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        server = cast("Receiver", self.server)
        with server.came:
            server.posts.append(Post(self.path, headers, body, self.client_address[1]))
            said = server.script.pop(0) if server.script else answer(200)
            server.came.notify_all()
        for part in [said] if isinstance(said, bytes) else said():
            self.wfile.write(part)
        self.close_connection = not isinstance(said, bytes) or not said or b"connection: close" in said.lower()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def listening() -> Iterator[Receiver]:
    """Run a receiver in a thread."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
