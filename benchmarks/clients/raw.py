"""The HTTP libraries by themselves: the form posted by hand, and the id taken from the JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar

import aiohttp
import httpx

__all__ = ["RawAiohttp", "RawHttpx"]


class _Raw:
    blocks: ClassVar[bool] = False
    ids_a_call: ClassVar[int | None] = 0

    async def post(self, **form: object) -> Any:
        raise NotImplementedError

    async def add(self, number: int) -> object:
        reply = await self.post(action="add", service=1, link=f"https://example.com/{number}", quantity=1000)
        return reply["order"]

    async def balance(self) -> object:
        return (await self.post(action="balance"))["balance"]

    def statuses(self, ids: Sequence[str]) -> Awaitable[object]:
        raise NotImplementedError("a library for HTTP has no call for statuses")


class RawHttpx(_Raw):
    def __init__(self, url: str, at_once: int, **options: object) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._url = url
        self._client = httpx.AsyncClient(limits=limits, timeout=30.0, trust_env=False)

    async def post(self, **form: object) -> Any:
        reply = await self._client.post(self._url, data={"key": "key", **form})
        return reply.raise_for_status().json()

    async def aclose(self) -> None:
        await self._client.aclose()


class RawAiohttp(_Raw):
    def __init__(self, url: str, at_once: int, **options: object) -> None:
        connector = aiohttp.TCPConnector(limit=at_once)
        self._url = url
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30.0))

    async def post(self, **form: object) -> Any:
        async with self._session.post(self._url, data={"key": "key", **form}) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def aclose(self) -> None:
        await self._session.close()
