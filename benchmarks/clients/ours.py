"""smmclient over each of its transports."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar

from smmclient import Limit, Order, Settings, connect
from smmclient.transport import AiohttpTransport, HttpxTransport

__all__ = ["OverAiohttp", "OverHttpx"]

#: A limit that is never reached: pacing is at work, and nothing waits.
_WIDE = (Limit(10**6, 0.005),)


class _Ours:
    blocks: ClassVar[bool] = False
    ids_a_call: ClassVar[int | None] = None
    transport: type[HttpxTransport] | type[AiohttpTransport]

    def __init__(self, url: str, at_once: int, *, panel: str = "v2", limit: tuple[int, float] | None = None) -> None:
        self._knows_request_ids = panel == "notpanel"
        self._transport = self.transport(max_connections=at_once)
        self._panel = connect(
            panel,
            # A key for each panel: limits are shared by those who share one.
            api_key=f"key-of-{url}",
            base_url=url,
            settings=Settings(max_connections=at_once, limits=(Limit(*limit),) if limit else _WIDE),
            transport=self._transport,
        )

    def add(self, number: int) -> Awaitable[Any]:
        order = Order(service=1, link=f"https://example.com/{number}", quantity=1000)
        # One that follows from the number, so that the same order can be asked for again.
        return self._panel.add_order(order, request_id=f"order-{number}" if self._knows_request_ids else None)

    def statuses(self, ids: Sequence[str]) -> Awaitable[Any]:
        return self._panel.order_statuses(ids)

    async def balance(self) -> object:
        return (await self._panel.balance()).amount

    async def aclose(self) -> None:
        await self._panel.aclose()
        await self._transport.aclose()


class OverHttpx(_Ours):
    transport = HttpxTransport


class OverAiohttp(_Ours):
    transport = AiohttpTransport
