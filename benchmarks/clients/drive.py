"""Drives one client in a process of its own: many calls at once, with their time, their CPU, and how each ended."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, ClassVar, Protocol, TypeVar, cast

from attrs import frozen

__all__ = ["PLACED", "Client", "Ended", "Timed", "drive"]

T = TypeVar("T")
PLACED = "placed"


class Client(Protocol):
    """How a client is used, as its own README does. An asyncio client's methods return awaitables."""

    #: Called from a pool of threads; if not, from tasks of asyncio.
    blocks: ClassVar[bool]
    #: Ids that its caller hands over in one call for statuses: None for any number, 0 where there is no such call.
    ids_a_call: ClassVar[int | None]

    def __init__(self, url: str, at_once: int, **options: Any) -> None: ...
    def add(self, number: int) -> object:
        """Order number so-and-so, with a link of its own: what the client's caller gets."""

    def statuses(self, ids: Sequence[str]) -> object:
        """A mapping of statuses by id."""

    def balance(self) -> object:
        """The amount."""


@frozen
class Ended:
    """How many calls ended in which way: an error's type, `PLACED`, or what was returned that is no order."""

    ways: Mapping[str, int]

    @property
    def placed(self) -> int:
        return self.ways.get(PLACED, 0)

    @property
    def text(self) -> str:
        return ", ".join(f"{count} {way}" for way, count in sorted(self.ways.items()))

    @property
    def way(self) -> str:
        return ", ".join(sorted(self.ways))


@frozen
class Timed:
    seconds: float
    cpu: float
    ended: Ended


def _in_threads(pool: ThreadPoolExecutor, act: Callable[[T], object], items: Iterable[T], at_once: int) -> list[object]:
    waiting, results = iter(items), list[object]()

    def work() -> None:
        for item in waiting:
            try:
                results.append(act(item))
            except Exception as error:
                results.append(error)

    for worker in [pool.submit(work) for _ in range(at_once)]:
        worker.result()
    return results


async def _in_tasks(act: Callable[[T], Awaitable[object]], items: Iterable[T], at_once: int) -> list[object]:
    waiting, results = iter(items), list[object]()

    async def work() -> None:
        for item in waiting:
            try:
                results.append(await act(item))
            except Exception as error:
                results.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    return results


def _way(result: object) -> str:
    """How an order ended, as far as the client told."""
    if isinstance(result, Exception):
        return type(result).__name__
    order = result.get("order") if isinstance(result, Mapping) else getattr(result, "order", result)
    return PLACED if order and isinstance(order, (int, str)) else f"returns {result!r}"


class _Driver:
    """The commands that a benchmark may send; each names the URL of the panel that it is about."""

    def __init__(self, make: Callable[..., Client], at_once: int, runner: asyncio.Runner) -> None:
        self._make, self._at_once, self._runner = make, at_once, runner
        self._clients: dict[str, Client] = {}
        self._pool = ThreadPoolExecutor(at_once)

    def _client(self, url: str, options: Mapping[str, object]) -> Client:
        if url not in self._clients:

            async def make() -> Client:  # sessions of asyncio must be made where a loop runs
                return self._make(url, self._at_once, **options)

            self._clients[url] = self._runner.run(make())
        return self._clients[url]

    def _many(self, client: Client, act: Callable[[Any], object], items: Iterable[object]) -> list[object]:
        if client.blocks:
            return _in_threads(self._pool, act, items, self._at_once)
        return self._runner.run(_in_tasks(cast("Callable[[Any], Awaitable[object]]", act), items, self._at_once))

    def orders(self, url: str, first: int, count: int, **options: object) -> Timed:
        client = self._client(url, options)
        started, cpu = time.perf_counter(), time.process_time()
        results = self._many(client, client.add, range(first, first + count))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        return Timed(seconds, cpu, Ended(Counter(map(_way, results))))

    def ids_a_call(self, url: str) -> int | None:
        return self._client(url, {}).ids_a_call

    def statuses(self, url: str, ids: Sequence[str], size: int) -> int:
        """How many statuses are known when the ids were handed over in calls of that size."""
        client = self._client(url, {})
        slices = [ids[at : at + size] for at in range(0, len(ids), size)]
        known: set[object] = set()
        for result in self._many(client, client.statuses, slices):
            if isinstance(result, Mapping):
                known |= {one for one, status in result.items() if not isinstance(status, Exception)}
        return len(known & set(ids))

    def balance(self, url: str) -> str:
        client = self._client(url, {})
        (amount,) = self._many(client, lambda _: client.balance(), [None])
        return type(amount).__name__

    def close(self) -> None:
        async def close() -> None:
            for client in self._clients.values():
                if not client.blocks:
                    await cast("Any", client).aclose()

        self._runner.run(close())


def _stay_home() -> None:
    """See to it that no client, whatever its defaults, reaches anything but this machine."""

    def check(event: str, args: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            return
        host = args[1][0] if event == "socket.connect" else args[0]
        if host not in ("127.0.0.1", b"127.0.0.1"):
            raise PermissionError(f"a benchmark may not reach {host!r}")

    sys.addaudithook(check)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


def drive(connection: Connection, client: str, place: str | None, at_once: int) -> None:
    """Be the client ``module:class`` of this folder, its libraries taken from ``place`` first."""
    _stay_home()
    if place is not None:
        sys.path.insert(0, place)
    module, _, name = client.partition(":")
    try:
        make = getattr(importlib.import_module(f"benchmarks.clients.{module}"), name)
    except Exception as error:
        connection.send(error)
        return
    with asyncio.Runner() as runner:
        driver = _Driver(make, at_once, runner)
        connection.send(None)
        while True:
            try:
                command, options = connection.recv()
            except EOFError:
                break
            try:
                connection.send(getattr(driver, command)(**options))
            except Exception as error:
                connection.send(error)
        driver.close()
