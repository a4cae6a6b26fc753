"""How many deliveries does the receiver take, and what does verifying, reading and taking each once cost?"""

from __future__ import annotations

import asyncio
import gc
import hmac
import itertools
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from benchmarks.panels import _process
from benchmarks.tables import Table, median, ratio, spread
from smmclient.webhooks import SQLiteReplays, WebhookApp

SECRET = "benchmark-secret-0123456789abcdef"
AT_ONCE = 16
BOUND = 60.0
BARE, BY_HAND = "Starlette: reads the body, answers 200", "Starlette: verifies by hand"
OURS, MOUNTED, ON_FILE = "WebhookApp", "WebhookApp, mounted in Starlette", "WebhookApp, guard in a file"


# ------------------------------------------------------------------------------------------------ the receivers


async def _bare(request: Request) -> Response:
    await request.body()
    return Response()


async def _by_hand(request: Request) -> Response:
    """What one writes without a library: signature, age, JSON; a repeat is not seen."""
    body = await request.body()
    told = request.headers["x-webhook-timestamp"]
    expected = hmac.new(SECRET.encode(), told.encode() + b"." + body, "sha256").hexdigest()
    is_right = hmac.compare_digest(expected.encode(), request.headers["x-webhook-signature"].encode())
    if not is_right or abs(time.time() - int(told)) > 300:
        return Response(status_code=401)
    _hear(json.loads(body)["event"])
    return Response()


def _hear(event: object) -> None:
    """A handler that does nothing."""


def _app(name: str, folder: str) -> Any:
    if name in (BARE, BY_HAND):
        return Starlette(routes=[Route("/hooks/", _bare if name == BARE else _by_hand, methods=["POST"])])
    guard = SQLiteReplays(Path(folder) / "replays.db") if name == ON_FILE else None
    ours = WebhookApp(SECRET, on_event=_hear, replays=guard)
    return Starlette(routes=[Mount("/hooks", ours)]) if name == MOUNTED else ours


def _serve(connection: Connection, name: str, folder: str) -> None:
    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        config = uvicorn.Config(
            _app(name, folder), http="httptools", loop="asyncio", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        connection.send(listener.getsockname()[1])
        # Readable means closed: nothing is ever sent this way.
        await asyncio.to_thread(connection.poll, None)
        server.should_exit = True
        await serving

    asyncio.run(run())


# ------------------------------------------------------------------------------------------------- the deliveries


def _deliveries(numbers: Iterator[int], count: int) -> list[bytes]:
    """So many requests, each about another order, signed now."""
    told = str(int(time.time()))
    made = []
    for number in itertools.islice(numbers, count):
        about = {"order": f"ord_{number:010d}", "status": "completed", "charge": "0.50", "start_count": "120"}
        body = json.dumps(
            {
                "event": "order.completed",
                "id": f"evt_{number:010d}",
                "created_at": int(told),
                "data": {**about, "remains": "0", "currency": "USD"},
            }
        ).encode()
        signature = hmac.new(SECRET.encode(), told.encode() + b"." + body, "sha256").hexdigest()
        head = (
            "POST /hooks/ HTTP/1.1\r\nhost: shop.example\r\nuser-agent: panel/1.0\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-webhook-timestamp: {told}\r\nx-webhook-signature: {signature}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


class _Sender(asyncio.Protocol):
    """Sends one delivery after the other over one connection, each when the last was answered."""

    def __init__(self, left: list[bytes], over: asyncio.Future[None]) -> None:
        self._left, self._over, self._buffer = left, over, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        if self._left:
            self._transport.write(self._left.pop())
        elif not self._over.done():
            self._over.set_result(None)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.endswith(b"\r\n\r\n"):
            # All of them answer with an empty body.
            if not self._buffer.startswith(b"HTTP/1.1 200 ") and not self._over.done():
                self._over.set_exception(AssertionError(self._buffer))
            self._buffer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_exception(exc or ConnectionResetError())


async def _drive(port: int, deliveries: list[bytes]) -> float:
    """Deliveries per second."""
    count, loop = len(deliveries), asyncio.get_running_loop()
    gc.collect()
    started = time.perf_counter()
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(AT_ONCE)]

    def sender(over: asyncio.Future[None]) -> Callable[[], _Sender]:
        return lambda: _Sender(deliveries, over)

    async with asyncio.timeout(BOUND):
        await asyncio.gather(*(loop.create_connection(sender(end), "127.0.0.1", port) for end in ends))
        await asyncio.gather(*ends)
    return count / (time.perf_counter() - started)


async def _rounds(ports: Mapping[str, int], *, rounds: int, count: int) -> dict[str, list[float]]:
    numbers = itertools.count(1)
    rates: dict[str, list[float]] = {name: [] for name in ports}
    for number in range(rounds + 1):
        for name, port in ports.items():
            rate = await _drive(port, _deliveries(numbers, count))
            if number:
                rates[name].append(rate)
    return rates


def _receiving(quick: bool) -> Table:
    names = (BARE, BY_HAND, OURS, MOUNTED, ON_FILE)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = {name: int(str(stack.enter_context(_process(_serve, name, folder))[0])) for name in names}
        rates = asyncio.run(_rounds(ports, rounds=2 if quick else 7, count=300 if quick else 2000))
    return Table(
        title="Webhooks: deliveries that a receiver takes",
        columns=(
            "",
            "deliveries per second",
            "lowest to highest",
            "ratio to the bare endpoint",
            "to verifying by hand",
        ),
        rows=[
            (
                name,
                f"{median(rates[name]):,.0f}",
                spread(rates[name], lambda figure: f"{figure:,.0f}"),
                ratio(_against(rates[name], rates[BARE])),
                ratio(_against(rates[name], rates[BY_HAND])),
            )
            for name in names
        ],
        reading=(
            "Each receiver runs under uvicorn with httptools in a process of its own, on one core; the other core "
            f"sends signed deliveries over {AT_ONCE} connections, each about another order. WebhookApp verifies, reads "
            "a typed event with the order's status, claims it in the replay guard (twice: the delivery and the event), "
            "and calls a handler that does nothing. By hand is signature, age and json.loads, without a guard. Ratios "
            "are medians of the rounds. A ratio above 1 is no mistake: WebhookApp by itself passes no router."
        ),
    )


def _against(rates: Sequence[float], peer: Sequence[float]) -> float:
    return median([ours / theirs for ours, theirs in zip(rates, peer, strict=True)])


def measure(quick: bool) -> tuple[Table, ...]:
    return (_receiving(quick),)
