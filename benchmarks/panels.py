"""Panels in a process of their own, so that the client that is measured has a core to itself."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, cast

from smmclient.sandbox import Options, Sandbox, serve
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.server import build

__all__ = ["bare_panel", "sandbox_process"]

_spawn = multiprocessing.get_context("spawn")
#: Seconds after which a panel that does not start, answer or end is given up.
_PATIENCE = 60.0


@contextmanager
def _process(body: Callable[..., None], *arguments: object) -> Iterator[tuple[object, Connection]]:
    """Run a body that sends one thing when it is ready, and ends when the connection is closed."""
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=body, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _receive(ours), ours
    finally:
        ours.close()
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()


def _receive(connection: Connection) -> object:
    if not connection.poll(_PATIENCE):
        raise TimeoutError("the panel's process does not answer")
    answer = connection.recv()
    if isinstance(answer, BaseException):
        raise answer
    return cast("object", answer)


class _Remote:
    """Stands for a `Sandbox` in another process: what is asked of it is asked there."""

    def __init__(self, connection: Connection, base_url: str) -> None:
        self._connection = connection
        self.base_url = base_url

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(Sandbox, name, None)):
            return lambda *args, **options: self._ask(name, args, options)
        return self._ask(name, None, {})

    def _ask(self, name: str, args: tuple[object, ...] | None, options: dict[str, object]) -> object:
        self._connection.send((name, args, options))
        return _receive(self._connection)


def _serve_sandbox(connection: Connection, panel: str, options: Options) -> None:
    with serve(panel, **options) as sandbox:
        connection.send(sandbox.base_url)
        while True:
            try:
                name, args, named = connection.recv()
            except EOFError:
                return
            try:
                asked = getattr(sandbox, name)
                connection.send(asked if args is None else asked(*args, **named))
            except Exception as error:
                connection.send(error)


@contextmanager
def sandbox_process(panel: str, **options: Any) -> Iterator[Sandbox]:
    """Run a sandbox in another process; what is yielded can be used like its handle."""
    with _process(_serve_sandbox, panel, options) as (base_url, connection):
        yield cast("Sandbox", _Remote(connection, str(base_url)))


# ------------------------------------------------------------------------------------------------ the bare panel

#: As long as NotPanel's receipts; the number tells the orders apart.
_RECEIPT = b'{"order":"ord_01HG9X7KJP4N5Q6R%010d","charge":"0.09000"}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_ADDED = _HEAD % len(_RECEIPT % 0) + _RECEIPT


class _Bare(asyncio.Protocol):
    """Answers every POST with a receipt, as fast as asyncio can: no router, no books.

    ``canned`` holds what is answered to the few actions that are not orders; ``latency`` is what each reply takes.
    """

    def __init__(self, numbers: Iterator[int], canned: dict[bytes, bytes], latency: float) -> None:
        self._buffer = b""
        self._numbers, self._canned, self._latency = numbers, canned, latency

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            answer = _ADDED % next(self._numbers) if b"action=add" in body else self._other(body)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _other(self, body: bytes) -> bytes:
        return next(answer for action, answer in self._canned.items() if b"action=%b" % action in body)


def _canned() -> dict[bytes, bytes]:
    """NotPanel's catalog and a balance, as the sandbox has them."""
    sandbox = build(find_dialect("notpanel"), base_url="", options={"balance": 10**9})
    answers = {}
    for action in ("services", "balance"):
        body = sandbox.handle({"key": sandbox.api_key, "action": action}).body
        answers[action.encode()] = _HEAD % len(body) + body
    return answers


def _serve_bare(connection: Connection, latency: float) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        numbers, canned = count(), _canned()
        server = await loop.create_server(lambda: _Bare(numbers, canned, latency), "127.0.0.1", 0, backlog=1024)
        connection.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v2")
        # Readable means closed: nothing is ever sent this way.
        await asyncio.to_thread(connection.poll, None)
        server.close()

    asyncio.run(run())


@contextmanager
def bare_panel(latency: float = 0.0) -> Iterator[str]:
    """Run a panel that costs next to nothing in another process, and yield its address."""
    with _process(_serve_bare, latency) as (url, _):
        yield str(url)
