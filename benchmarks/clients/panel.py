"""A panel that costs next to nothing and keeps books, in a process of its own: what came, and which orders were made.

The first part of the path says how it behaves, so that one process is every panel that a benchmark needs: ``plain``
takes each order; ``lost`` makes each order and closes the connection instead of the first reply about it; ``null``,
``list`` and ``nothing`` answer an order with ``{"order": null}``, ``[]`` and ``null``; ``limited`` denies what is over
its limit; ``number`` tells the balance as a number. Each path has books of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from benchmarks.panels import _process, _receive

__all__ = ["MOST_IDS", "PER", "RATE", "Tally", "bookkeeping_panel"]

#: What ``limited`` takes: so many requests in any so many seconds.
RATE, PER = 100, 2.0
#: Ids of one call for statuses that are answered; the rest is left out, as panels in the field do.
MOST_IDS = 100
_BALANCE = b"9000.84292"
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_DENIED_BODY = b'{"error":"Too many requests"}'
_DENIED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: %d\r\n" % PER
_DENIED += b"content-length: %d\r\n\r\n%b" % (len(_DENIED_BODY), _DENIED_BODY)
_STATUS = b'{"charge":"0.27819","start_count":"3572","status":"In progress","remains":"157","currency":"USD"}'
#: What is said in place of a receipt.
_ODD_RECEIPTS = {"null": b'{"order":null}', "list": b"[]", "nothing": b"null"}


@frozen
class Tally:
    """What the books of one path say."""

    requests: int
    denied: int
    orders: int
    twice: int


@define
class _Books:
    requests: int = 0
    denied: int = 0
    made: Counter[str] = field(factory=Counter)
    #: The order that a request_id stands for.
    known: dict[str, int] = field(factory=dict)
    taken_at: deque[float] = field(factory=deque)

    def tally(self) -> Tally:
        orders = self.made.total()
        return Tally(self.requests, self.denied, orders, orders - len(self.made))

    def may_pass(self) -> bool:
        now = time.monotonic()
        while self.taken_at and now - self.taken_at[0] >= PER:
            self.taken_at.popleft()
        if len(self.taken_at) >= RATE:
            self.denied += 1
            return False
        self.taken_at.append(now)
        return True


class _Panel:
    def __init__(self, catalog: bytes) -> None:
        self._books: dict[bytes, _Books] = {}
        self._catalog = _OK % (len(catalog), catalog)

    def tally(self, path: str) -> Tally:
        return self._books.get(path.encode(), _Books()).tally()

    def answer(self, path: bytes, form: bytes) -> bytes | None:
        """The reply; None for a connection that is closed without one."""
        books = self._books.get(path) or self._books.setdefault(path, _Books())
        books.requests += 1
        if path.startswith(b"/limited/") and not books.may_pass():
            return _DENIED
        if b"action=services" in form:
            return self._catalog
        if b"action=add" in form:
            if path.startswith(b"/plain/"):
                # Nobody looks at who ordered what here: the client is what is measured.
                return _json(b'{"order":%d}' % books.requests)
            return self._add(path.split(b"/")[1].decode(), dict(parse_qsl(form.decode())), books)
        if b"action=status" in form:
            return _json(_statuses(dict(parse_qsl(form.decode()))))
        figure = _BALANCE if path.startswith(b"/number/") else b'"%b"' % _BALANCE
        return _json(b'{"balance":%b,"currency":"USD"}' % figure)

    def _add(self, way: str, form: dict[str, str], books: _Books) -> bytes | None:
        link, request_id = form["link"], form.get("request_id")
        is_first = link not in books.made
        number = books.known.get(request_id or "")
        if number is None:
            books.made[link] += 1
            number = books.made.total()
            if request_id is not None:
                books.known[request_id] = number
        if way == "lost" and is_first:
            return None
        return _json(_ODD_RECEIPTS.get(way, b'{"order":%d}' % number))


def _json(body: bytes) -> bytes:
    return _OK % (len(body), body)


def _statuses(form: dict[str, str]) -> bytes:
    if "orders" not in form:
        return _STATUS
    ids = form["orders"].split(",")[:MOST_IDS]
    return b"{" + b",".join(b'"%b":%b' % (one.encode(), _STATUS) for one in ids) + b"}"


class _Front(asyncio.Protocol):
    def __init__(self, answer: Callable[[bytes, bytes], bytes | None]) -> None:
        self._answer = answer
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            folded = head.lower()
            length = int(folded.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            body = self._buffer[end + 4 : end + 4 + length]
            if len(body) < length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            path, _, query = head.split(b" ", 2)[1].partition(b"?")
            reply = self._answer(path, body or query)
            if reply is not None:
                self._transport.write(reply)
            if reply is None or b"connection: close" in folded:
                self._transport.close()
                return


def _serve(connection: Connection, catalog: bytes) -> None:
    async def run() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        panel = _Panel(catalog)
        server = await loop.create_server(lambda: _Front(panel.answer), "127.0.0.1", 0, backlog=1024)
        connection.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

        def tell() -> None:
            try:
                connection.send(panel.tally(connection.recv()))
            except EOFError:
                over.set()

        loop.add_reader(connection.fileno(), tell)
        await over.wait()
        loop.remove_reader(connection.fileno())
        server.close()

    asyncio.run(run())


@contextmanager
def bookkeeping_panel(catalog: bytes) -> Iterator[tuple[str, Callable[[str], Tally]]]:
    """Run the panel; yields its origin, and what tells the tally of a path such as ``/plain/anything``."""
    with _process(_serve, catalog) as (origin, connection):

        def tally(path: str) -> Tally:
            connection.send(path)
            return cast("Tally", _receive(connection))

        yield str(origin), tally
