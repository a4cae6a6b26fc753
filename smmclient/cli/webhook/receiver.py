"""A receiver on this machine: uvicorn on a socket that was bound before anything else was done.

Imported only after `check_server`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from smmclient.cli.outcome import CallError
from smmclient.cli.webhook.refusals import refuse

if TYPE_CHECKING:
    from smmclient.webhooks.bodies import App, Message, Receive, Send

__all__ = ["Paths", "address_of", "bound", "serving"]

#: Seconds that a delivery which is being handled may take at the end.
_PATIENCE = 2
_BACKLOG = 2048


class Paths:
    """Leads each path to its receiver, with or without a slash at the end; 404 for any other."""

    def __init__(self, receivers: Mapping[str, App]) -> None:
        self._receivers = {_plain(path): receiver for path, receiver in receivers.items()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server."""
        found = self._receivers.get(_plain(scope["path"]))
        if found is None:
            await refuse(send, 404, "path")
        else:
            await found(scope, receive, send)


def _plain(path: str) -> str:
    return path.rstrip("/") or "/"


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens at that address; a `UsageError` where there can be none, or somebody listens already.

    From now on nobody is turned away: who comes before `serving` begins waits for it.
    """
    if not host:
        # An empty variable of a shell would open it to everybody.
        raise CallError(
            "the host is empty", hint="nothing was sent; give an address of this machine, such as 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, or asyncio leaves Nagle's algorithm on for the connections.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        try:
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(_BACKLOG)
        except (OSError, OverflowError, UnicodeError, TypeError) as error:
            # TypeError: how Python says that a name cannot be written.
            why = getattr(error, "strerror", None) or error
            raise CallError(
                f"{host} port {port} cannot be listened on: {why}",
                hint="nothing was sent; give another port, 0 takes a free one",
            ) from error
        yield sock


def address_of(sock: socket.socket) -> str:
    """Where the socket is, as the beginning of a URL."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Leaves the signals to the command that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: App, sock: socket.socket) -> AsyncIterator[None]:
    """A context in which the application answers at the socket, in this event loop."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        ws="none",
        # uvicorn's own would write a line for each request.
        log_config=None,
        access_log=False,
        # Who it was is not asked: a header can say anything.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
