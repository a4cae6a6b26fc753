"""optsmm, as its README does, from tasks of asyncio."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar

__all__ = ["Optsmm"]


class Optsmm:
    """It opens a session for each request, so there is none to keep, and knows one order a call."""

    blocks: ClassVar[bool] = False
    ids_a_call: ClassVar[int | None] = 1

    def __init__(self, url: str, at_once: int, **options: object) -> None:
        self._client: Any = importlib.import_module("optsmm").OptSMM("key")
        self._client.base_url = url

    def add(self, number: int) -> Awaitable[object]:
        order: Awaitable[object] = self._client.create_order(
            service=1, link=f"https://example.com/{number}", quantity=1000
        )
        return order

    async def statuses(self, ids: Sequence[str]) -> object:
        return {one: await self._client.order_status(int(one)) for one in ids}

    async def balance(self) -> object:
        amount, _ = await self._client.balance()
        return amount

    async def aclose(self) -> None:
        """It keeps nothing open."""
