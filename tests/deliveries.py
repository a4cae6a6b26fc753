"""Webhook deliveries as a panel sends them, signed here with nothing of smmclient, and a small ASGI server."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

SECRET = "whs-4f1c9a77e0d25b83"
NOW = 1_700_000_000.0


def payload(event: str = "order.completed", event_id: str | None = "evt_1", **fields: object) -> bytes:
    """A body by our defaults."""
    about = {"order": "ord_7", "status": "completed", "charge": "0.50", "start_count": "12", "remains": "0"}
    whole = {"event": event, "id": event_id, "created_at": int(NOW), "data": {**about, "currency": "USD"}}
    return json.dumps({**whole, **fields}).encode()


def signature(body: bytes, at: float | str = NOW, secret: str = SECRET) -> str:
    """The signature by our defaults, in hex."""
    told = at if isinstance(at, str) else str(int(at))
    return hmac.new(secret.encode(), told.encode() + b"." + body, "sha256").hexdigest()


def signed(body: bytes, at: float | str = NOW, secret: str = SECRET) -> list[tuple[str, str]]:
    """The headers by our defaults."""
    told = at if isinstance(at, str) else str(int(at))
    return [("X-Webhook-Signature", signature(body, told, secret)), ("X-Webhook-Timestamp", told)]


@frozen
class Answer:
    """What the application answered; ``status`` is None where it said nothing."""

    status: int | None
    headers: dict[bytes, bytes]
    body: bytes


@define
class Caller:
    """An ASGI server's side of one request: the parts of its body come in turn, then the connection is closed."""

    parts: Sequence[bytes]
    #: Whether it hangs up before the last part.
    is_cut: bool = False
    sent: list[dict[str, Any]] = field(factory=list)
    _number: int = 0

    async def receive(self) -> dict[str, Any]:
        """The next part."""
        number, self._number = self._number, self._number + 1
        last = len(self.parts) - 1
        if number > last or (self.is_cut and number == last):
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.parts[number], "more_body": number < last or self.is_cut}

    async def send(self, message: Any) -> None:
        """Keep what is answered."""
        self.sent.append(dict(message))


async def deliver(
    app: Any,
    body: bytes | Sequence[bytes] = b"",
    headers: Sequence[tuple[str | bytes, str | bytes]] | None = None,
    *,
    method: str = "POST",
    is_cut: bool = False,
) -> Answer:
    """Post a body, whole or in parts, with the headers that our defaults give it, or with others."""
    parts = [body] if isinstance(body, bytes) else body
    given = signed(b"".join(parts)) if headers is None else headers
    raw = [(_raw(name).lower(), _raw(value)) for name, value in given]
    caller = Caller(parts, is_cut=is_cut)
    scope = {"type": "http", "method": method, "path": "/hooks", "root_path": "", "headers": raw}
    await app(scope, caller.receive, caller.send)
    if not caller.sent:
        return Answer(None, {}, b"")
    start, *rest = caller.sent
    assert [start["type"], *(one["type"] for one in rest)] == ["http.response.start", "http.response.body"]
    return Answer(start["status"], dict(start["headers"]), b"".join(one["body"] for one in rest))


def _raw(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
