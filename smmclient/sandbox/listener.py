"""Everything that touches uvicorn: its HTTP protocols on a socket, in a thread that ends at once.

uvicorn.Server is not used. It looks at its exit flag ten times a second and waits for open connections: right
for a web site, slow for a test. Its protocols are what is wanted, made here with a way to hang up.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Literal, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from .app import HANG_UP, App, Message, Receive, Send

Http = Literal["auto", "httptools", "h11"]

_PATIENCE = 1.0
_BACKLOG = 2048


def _protocol_class(http: Http) -> Callable[..., asyncio.Protocol]:
    if http in ("auto", "httptools"):
        try:
            from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
        except ImportError:
            if http == "httptools":
                raise
        else:
            return HttpToolsProtocol
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return H11Protocol


class Listener:
    """Answers the connections of a socket."""

    def __init__(self, app: App, sock: socket.socket, *, http: Http = "auto") -> None:
        self._app = app
        self._sock = sock
        self._protocol = _protocol_class(http)
        # log_config=None: uvicorn's own would replace the handlers of the program that we are a guest in.
        self._config = Config(
            cast("Callable[..., object]", app),
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()

    @contextmanager
    def running(self, *, name: str) -> Iterator[None]:
        """Return a context in which the socket is listened to, in a thread of this name."""
        started: Future[Callable[[], None]] = Future()

        def body() -> None:
            try:
                # The one kind of loop that can watch a socket on every system.
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    runner.run(self._run(started))
            except BaseException as failure:
                # Before the start it is the caller's to know; later, the thread's own to report.
                if started.done():
                    raise
                started.set_exception(failure)

        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        stop = started.result()
        try:
            yield
        finally:
            stop()
            thread.join()

    async def _run(self, started: "Future[Callable[[], None]]") -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        arriving: set[asyncio.Task[object]] = set()

        def accept() -> None:
            with suppress(OSError):
                connection, _ = self._sock.accept()
                task: asyncio.Task[object] = loop.create_task(
                    loop.connect_accepted_socket(lambda: self._make_protocol(loop), connection)
                )
                arriving.add(task)
                task.add_done_callback(arriving.discard)

        # Accepted by hand: closing an asyncio server leaks the connections that it has accepted in that moment.
        self._sock.setblocking(False)
        self._sock.listen(_BACKLOG)
        loop.add_reader(self._sock, accept)
        started.set_result(lambda: _call_soon(loop, stopping.set))
        await stopping.wait()
        loop.remove_reader(self._sock)
        await asyncio.gather(*arriving, return_exceptions=True)
        await self._hang_up_on_all()

    async def _hang_up_on_all(self) -> None:
        """Close every connection; whoever waits inside the app sees that and returns."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while self._state.connections or self._state.tasks:
            for connection in list(self._state.connections):
                connection.transport.abort()
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0)

    def _make_protocol(self, loop: asyncio.AbstractEventLoop) -> asyncio.Protocol:
        protocol = self._protocol(config=self._config, server_state=self._state, app_state={}, _loop=loop)
        seam = cast("_Seam", protocol)
        # No line per request, whatever handlers the program has put on uvicorn's loggers.
        seam.access_log = False
        seam.app = _with_hang_up(self._app, seam)
        return protocol


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    # A loop that has died on its own has nothing left to stop.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)


class _Seam:
    """What both of uvicorn's protocols have, and is used here."""

    app: object
    access_log: bool
    transport: asyncio.Transport


def _with_hang_up(app: App, protocol: _Seam) -> Callable[[Message, Receive, Send], object]:
    async def connection_app(scope: Message, receive: Receive, send: Send) -> None:
        scope["extensions"] = {HANG_UP: protocol.transport.close}
        await app(scope, receive, send)

    return connection_app
