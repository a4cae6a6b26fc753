"""The panel as an ASGI application: HTTP in, the panel's reply out, with nothing in between.

ASGI has no word for hanging up in the middle of an answer. The server puts a function that does so into the
scope (see listener.py); where there is none, a fault that needs it raises RuntimeError.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import cast
from urllib.parse import parse_qsl

from .panel import Ending, Reply
from .values import Reason

HANG_UP = "smmclient.sandbox.hang_up"
"""The name, among the scope's extensions, of the function that closes the connection."""

_LARGEST_BODY = 512 * 1024
_COOKIE = (b"set-cookie", b"PHPSESSID=sandbox; path=/; HttpOnly")

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handle = Callable[[dict[str, str], str, bool], Reply]
Refuse = Callable[[Reason], Reply]


class App:
    """An ASGI application that answers form posts on one path."""

    def __init__(self, path: str, *, handle: Handle, refuse: Refuse) -> None:
        self._path = path
        self._handle = handle
        self._refuse = refuse

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP only, not {scope['type']}")
        try:
            body = await _read_body(receive)
        except _Gone:
            return
        reply = self._refuse(Reason.TOO_LARGE) if body is None else self._reply(scope, body)
        if reply.delay > 0 and await _is_gone_within(reply.delay, receive):
            return
        if reply.ending is Ending.NOTHING:
            await _hang_up(scope, receive)
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
        headers += [(b"content-length", str(len(reply.body)).encode()), _COOKIE]
        if reply.status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if reply.ending is Ending.HALF:
            half = reply.body[: len(reply.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await _hang_up(scope, receive)
        else:
            await send({"type": "http.response.body", "body": reply.body})

    def _reply(self, scope: Message, body: bytes) -> Reply:
        if scope["path"] != self._path:
            return self._refuse(Reason.WRONG_PATH)
        if scope["method"] != "POST":
            return self._refuse(Reason.WRONG_METHOD)
        # A name that is sent twice counts with its last value, as in PHP.
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        client = cast("tuple[str, int] | None", scope.get("client"))
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        has_cookie = any(name == b"cookie" for name, _ in headers)
        return self._handle(form, client[0] if client else "", has_cookie)


class _Gone(Exception):
    """The customer hung up before the request was complete: nobody to answer, nothing to do."""


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body, or None if it is larger than any order."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += cast("bytes", message.get("body", b""))
        if len(body) > _LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body


async def _is_gone_within(seconds: float, receive: Receive) -> bool:
    """Wait; return True as soon as the customer, or the server, has closed the connection."""
    try:
        async with asyncio.timeout(seconds):
            await _until_gone(receive)
    except TimeoutError:
        return False
    return True


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(scope: Message, receive: Receive) -> None:
    extensions = cast("dict[str, Callable[[], None]]", scope.get("extensions") or {})
    if HANG_UP not in extensions:
        raise RuntimeError("this server cannot hang up: faults that drop the connection need smmclient.sandbox.serve")
    extensions[HANG_UP]()
    # Returning before the server has noticed would make it answer in our place.
    await _until_gone(receive)
