"""What a delivery looks like. The shape is ours: NotPanel documents no payload, no event id and no content type.

{"event": "order.completed", "id": "evt_…", "created_at": unix seconds, "data": {"order": "ord_…", …}}, where the rest
of the data is the row that `action=status` had at that moment; for balance.low it is what `action=balance` answers,
only live: the balance that is asked for may be up to 30 s older.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from attrs import field, frozen

from ..happenings import Event, Happening
from .faults import WebhookFault
from .hooks import Hook
from .signing import Signing

Payload = Literal["full", "bare"]
Describe = Callable[[Happening], Mapping[str, object]]
"""Returns the data of what happened, in the panel's own shapes."""

_LIES = {"status": "completed", "charge": "0.00", "remains": "0", "balance": "0.00"}


@frozen(kw_only=True)
class Letter:
    """One POST, to the byte."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Writer:
    """Writes what happened, and signs it."""

    def __init__(self, signing: Signing, *, payload: Payload, describe: Describe) -> None:
        self._signing = signing
        self._payload = payload
        self._describe = describe
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def write(
        self, hook: Hook, event_id: str, happening: Happening, *, at: float, fault: WebhookFault | None
    ) -> Letter:
        """Return the delivery as it is sent at this moment; every attempt is signed anew."""
        is_forged = fault is WebhookFault.FORGE
        event: str = happening.event
        data = self._describe(happening)
        if self._payload == "bare":
            data = {name: value for name, value in data.items() if name == "order"}
        if is_forged:
            event_id = f"{event_id[:-6]}FORGED"
            event = Event.COMPLETED if happening.order is not None else event
            data = {name: _LIES.get(name, value) for name, value in data.items()}
        body = self._encode({"event": event, "id": event_id, "created_at": int(happening.at), "data": data})
        headers = self._signing.headers(
            body, secret=hook.secret, event_id=event_id, timestamp=int(at), is_forged=is_forged
        )
        if fault is WebhookFault.TRUNCATE:
            body = body[: len(body) // 2]
        return Letter(url=hook.url, headers={"content-type": "application/json", **headers}, body=body)
