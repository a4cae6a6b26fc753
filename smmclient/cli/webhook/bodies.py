"""What the applications of this room have in common: ASGI's types, and a body that is read within bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["MOST", "App", "Message", "Receive", "Send", "read_body"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: Bytes that a delivery may have: ours, because no panel documents how long one can be.
MOST = 256 * 1024


class TooLarge(Exception):
    """More came than a delivery may have."""


class Gone(Exception):
    """Who sent it hung up before it was complete."""


async def read_body(receive: Receive) -> bytes:
    """The whole body; raises `TooLarge` or `Gone`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body") or b""
        if len(body) > MOST:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(body)
