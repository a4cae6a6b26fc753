"""What the faulty providers stand on: where they are entered, and a `Panel` whose orders go through one method."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import frozen

from smmclient import (
    Dialect,
    Receipt,
    SMMError,
)
from smmclient.dialect import V2
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.provider import BeforeSend
from smmclient.testing import Speech
from smmclient_notpanel import NOTPANEL

P = TypeVar("P", bound=type[Panel])
T = TypeVar("T")
Ids = Iterable[int | str]


class Remembering(Speech):
    """A panel that makes one order of two calls with one request_id."""

    remembers_request_ids = True


@frozen
class Broken:
    """A provider with one fault, the test that must catch it, how its panel speaks, and a dialect without the fault."""

    promise: str
    kind: type[Panel]
    dialect: Dialect
    speech: Speech
    sound: Dialect


BROKEN: list[Broken] = []


def breaks(
    *tests: str, dialect: Dialect = V2, speech: Speech | None = None, sound: Dialect | None = None
) -> Callable[[P], P]:
    """Enter a provider as one that breaks the promises which these tests name."""
    sound = sound or (NOTPANEL if dialect is NOTPANEL else V2)
    speech = speech or (Remembering() if sound is NOTPANEL else Speech())

    def decorate(provider: P) -> P:
        BROKEN.extend(Broken(f"test_{test}", provider, dialect, speech, sound) for test in tests)
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
