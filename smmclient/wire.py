"""What goes over the wire, and how safe it is to send it again. Pure values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from smmclient.settings import Timeouts

__all__ = [
    "MAX_BODY",
    "BodyTooLarge",
    "Delivery",
    "Operation",
    "Safety",
    "TransportFailed",
    "WireReply",
    "WireRequest",
]

T = TypeVar("T")

#: A reply body of more bytes than this is not read to its end.
MAX_BODY = 16 * 1024 * 1024


class Safety(enum.Enum):
    """What a second send of the same call would do."""

    #: Nothing: it only reads.
    READ = "read"
    #: Nothing: the panel knows the call again by its ``request_id``.
    KEYED = "keyed"
    #: It could be acted upon twice, so it is sent again only if it surely did not arrive.
    ONCE = "once"


class Delivery(enum.Enum):
    """Whether bytes of a request may have reached the panel when its transport failed."""

    NOT_SENT = "not sent"
    MAYBE_SENT = "may have been sent"


@frozen
class WireRequest:
    """One POST: address, signed body, headers, timeouts. The body holds the key, so no repr shows it."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    timeouts: Timeouts
    max_body: int = MAX_BODY


@frozen
class WireReply:
    """One reply: status, headers by lower-case name, and the whole body."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    #: No repr shows it: a webhook's secret can be in it.
    body: bytes = field(default=b"", repr=False)


class TransportFailed(Exception):
    """No whole reply came; ``delivery`` says whether the request may have arrived.

    ``timed_out`` is True when we gave up waiting: a request that may have arrived can then still be acted upon.
    Raised by transports only. Callers of a provider meet `Unavailable` or `OutcomeUnknown` instead.
    """

    def __init__(self, reason: str, *, delivery: Delivery, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delivery = delivery
        self.timed_out = timed_out


class BodyTooLarge(TransportFailed):
    """The reply's body passed ``max_body``; the rest was not read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the reply is larger than {limit} bytes", delivery=Delivery.MAYBE_SENT)


@frozen
class Operation(Generic[T]):
    """One call in the panel's terms: an unsigned form, what it costs, and how to read the reply.

    ``decode`` takes the reply's decoded JSON and returns the typed result, raises `Refused` where the
    reply says no, and `smmclient.dialect.Unreadable` where it cannot be understood.
    """

    name: str
    form: tuple[tuple[str, str], ...]
    decode: Callable[[object], T]
    safety: Safety
    request_id: str | None = None
    #: What the call is about: the order to place, or the ids. Goes into `OrderInDoubt`.
    subject: object = None
    #: What to do when nobody can know whether it happened; None is what to do about an order.
    advice: str | None = None
    #: Whether a secret can be in the reply: then no error quotes it.
    is_secret: bool = False
    #: A quicker ``decode``, for the body of a 200 that is no refusal by its shape; None where it does not fit.
    decode_body: Callable[[bytes], T | None] | None = None
