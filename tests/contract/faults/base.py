"""What the faulty providers stand on: where they are entered, and a `Panel` whose orders go through one method."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from smmclient import (
    Dialect,
    Receipt,
    SMMError,
)
from smmclient.dialect import V2
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.provider import BeforeSend

P = TypeVar("P", bound=type[Panel])
T = TypeVar("T")
Ids = Iterable[int | str]

#: The contract's test that must catch it, the faulty provider, and the dialect it runs.
BROKEN: list[tuple[str, type[Panel], Dialect]] = []


def breaks(*tests: str, dialect: Dialect = V2) -> Callable[[P], P]:
    """Enter a provider as one that breaks the promises which these tests name."""

    def decorate(provider: P) -> P:
        BROKEN.extend((f"test_{test}", provider, dialect) for test in tests)
        return provider

    return decorate


def knock(url: str | None) -> None:
    """Make a connection, and send nothing."""
    parts = urlsplit(str(url))
    socket.create_connection((str(parts.hostname), int(parts.port or 0))).close()


def good(values: Mapping[str, T | SMMError]) -> dict[str, T | SMMError]:
    """The values without the errors among them."""
    return {one: value for one, value in values.items() if not isinstance(value, SMMError)}


class Faulty(Panel):
    """A `Panel` whose orders go through `placed`, so that a fault is one method."""

    async def add_order(
        self,
        order: AnyOrder,
        *,
        request_id: str | None = None,
        resume: bool = False,
        before_send: BeforeSend | None = None,
    ) -> Receipt:
        """Place it as the faulty provider does."""

        async def place(**other: Any) -> Receipt:
            given = {"request_id": request_id, "resume": resume, "before_send": before_send, **other}
            return await super(Faulty, self).add_order(order, **given)

        return await self.placed(place, order)

    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Place it well."""
        return await place()
