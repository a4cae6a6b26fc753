"""Raw servers on loopback, where every byte and every connection counts, and each transport on each event loop."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import anyio.to_thread
import pytest
import trustme
from attrs import define, field, frozen

from smmclient.settings import Timeouts
from smmclient.transport import AiohttpTransport, DefaultTransport, HttpxTransport
from smmclient.transport.base import HttpTransport
from smmclient.wire import TransportFailed, WireReply, WireRequest

#: What the server does with one connection. When it returns, the connection is closed.
Behaviour = Callable[["Peer"], object]

KINDS: dict[str, tuple[type[HttpTransport] | type[DefaultTransport], str]] = {
    "httpx-asyncio": (HttpxTransport, "asyncio"),
    "httpx-trio": (HttpxTransport, "trio"),
    "aiohttp-asyncio": (AiohttpTransport, "asyncio"),
    "default-asyncio": (DefaultTransport, "asyncio"),
}
#: Small, so that a test that hangs fails soon; a test of a timeout sets a smaller one.
PATIENCE = {"connect": 3.0, "read": 3.0, "write": 3.0, "body": 3.0}


@frozen
class Arrived:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """The server's side of one connection."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection
        self._rest = b""

    def request(self) -> Arrived | None:
        """Read the next whole request; None when the client has left."""
        while b"\r\n\r\n" not in self._rest:
            if not self._receive():
                return None
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
        size = int(headers.get("content-length", "0"))
        while len(self._rest) < size:
            if not self._receive():
                return None
        body, self._rest = self._rest[:size], self._rest[size:]
        arrived = Arrived(line, headers, body)
        self.server.requests.append(arrived)
        self.server.arrived.release()
        return arrived

    def _receive(self) -> bool:
        piece = self.socket.recv(65536)
        self._rest += piece
        return bool(piece)

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(raw)

    def wait_for_leave(self) -> None:
        """Wait until the client has closed the connection, and say so."""
        with suppress(OSError):
            while self.socket.recv(65536):
                pass
        self.server.left.release()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def reset(self) -> None:
        """Close with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@define(eq=False)
class Server:
    """A loopback server in a thread, and a thread for each connection."""

    behaviour: Behaviour
    tls: ssl.SSLContext | None = None
    connections: int = 0
    #: Connections that the server has closed.
    ended: int = 0
    requests: list[Arrived] = field(factory=list)
    #: Released once for each request that arrived, and for each client that `Peer.wait_for_leave` saw leave.
    arrived: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    left: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    #: Where behaviours wait for the test.
    go_on: threading.Event = field(factory=threading.Event)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(factory=list)
    _threads: list[threading.Thread] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._start(self._accept)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The address to post to; ``localhost`` over TLS, for the certificate's sake."""
        return f"https://localhost:{self.port}/api/v2" if self.tls else f"http://127.0.0.1:{self.port}/api/v2"

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._handle, connection)

    def _handle(self, connection: socket.socket) -> None:
        peer = Peer(self, connection)
        with suppress(OSError):
            if self.tls is not None:
                peer.start_tls(self.tls)
            self.behaviour(peer)
        peer.socket.close()
        self.ended += 1

    async def saw_client_leave(self) -> bool:
        """Whether a client has closed the connection that `Peer.wait_for_leave` looks at."""
        return await anyio.to_thread.run_sync(lambda: self.left.acquire(timeout=3))

    async def got_request(self) -> bool:
        """Whether one more request has arrived."""
        return await anyio.to_thread.run_sync(lambda: self.arrived.acquire(timeout=3))

    def close(self) -> None:
        """End all threads."""
        self.go_on.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(5)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for connection in self._open:
            connection.close()


def _in_turn(*replies: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        for reply in replies:
            if peer.request() is None:
                return
            peer.send(reply)
        # Keep the connection, but answer no more.
        peer.request()

    return behave


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers: each has a behaviour, or raw replies for the requests of each connection in turn."""
    servers: list[Server] = []

    def start(*behaviour: Behaviour | bytes, tls: ssl.SSLContext | None = None) -> Server:
        replies = [one for one in behaviour if isinstance(one, bytes)]
        behaviours = [one for one in behaviour if not isinstance(one, bytes)]
        server = Server(behaviours[0] if behaviours else _in_turn(*replies), tls)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each transport on each event loop that it works on."""
    return str(request.param)


@pytest.fixture
def anyio_backend(kind: str) -> str:
    """The event loop that belongs to the transport under test."""
    return KINDS[kind][1]


@pytest.fixture
async def make(kind: str, anyio_backend: str, trusting: ssl.SSLContext) -> AsyncIterator[Callable[..., HttpTransport]]:
    """Make transports of the kind under test, which trust our authority; they are closed at the end."""
    made: list[HttpTransport] = []

    def make(**settings: object) -> HttpTransport:
        made.append(KINDS[kind][0](**{"verify": trusting, **settings}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def ask() -> Callable[..., WireRequest]:
    """Write requests: ``ask(url, form, read=0.1, max_body=10)``."""

    def ask(
        url: str,
        form: bytes = b"key=SECRET&action=balance",
        *,
        headers: dict[str, str] | None = None,
        max_body: int = 1 << 20,
        **timeouts: float,
    ) -> WireRequest:
        given = {"content-type": "application/x-www-form-urlencoded"} if headers is None else headers
        return WireRequest(url, form, given, Timeouts(**{**PATIENCE, **timeouts}), max_body=max_body)

    return ask


@pytest.fixture
def send(make: Callable[..., HttpTransport], ask: Callable[..., WireRequest]) -> Callable[..., Awaitable[WireReply]]:
    """Send one request through a transport with no settings."""
    transport = make()

    async def send(url: str, *arguments: object, **given: object) -> WireReply:
        return await transport.send(ask(url, *arguments, **given))

    return send


@pytest.fixture
def fail(send: Callable[..., Awaitable[WireReply]]) -> Callable[..., Awaitable[TransportFailed]]:
    """Send one request and give the failure it meets."""

    async def fail(url: str, *arguments: object, **given: object) -> TransportFailed:
        with pytest.raises(TransportFailed) as caught:
            await send(url, *arguments, **given)
        return caught.value

    return fail


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client uses that trusts our authority only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def certified(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    """What a server uses that has our authority's certificate for that name."""

    def certified(name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    return certified
