"""A delivery's body over ASGI, read within bounds, and ASGI's types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from smmclient.errors import WebhookRejected

__all__ = ["BODY_TIMEOUT", "MAX_BODY", "STATUSES", "App", "Gone", "Message", "Receive", "Send", "read_body"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: Bytes that a delivery may have, and seconds that they may take: ours, because no panel documents either.
MAX_BODY = 256 * 1024
BODY_TIMEOUT = 30.0
#: What is answered to a delivery that fails a check; 401 to what proves nothing.
STATUSES = {"payload": 400, "size": 413, "method": 405, "body": 408}


class Gone(Exception):
    """Who sent it hung up before it was complete."""


async def read_body(receive: Receive, *, most: int = MAX_BODY, timeout: float = BODY_TIMEOUT) -> bytes:
    """The whole body; raises `WebhookRejected` for one that is too large or does not come, and `Gone`."""
    with anyio.move_on_after(timeout):
        return await _whole(receive, most)
    raise WebhookRejected("it did not come whole: something may have read it before", check="body")


async def _whole(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        part = message.get("body") or b""
        # What a sender says of the length is not what it sends.
        if (most := most - len(part)) < 0:
            raise WebhookRejected("it is too large", check="size")
        if part:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
