"""Whether a delivery was sent by who holds the secret, and lately. Pure: bytes in, `Verified` or an error out.

Rules: what was signed is the bytes as they came; every comparison takes the same time; nothing of the secret, the
expected signature or the body is in what is raised nor in its traceback, and no error is another's context.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import ParamSpec, TypeVar

from attrs import frozen

from smmclient.dialect.read import Unreadable, read_json
from smmclient.errors import BadSignature, MissingHeader, StaleTimestamp, UsageError
from smmclient.webhooks.keys import DECODERS, Secrets, keys_of
from smmclient.webhooks.scheme import Scheme
from smmclient.webhooks.times import read_time

__all__ = ["Headers", "Verified", "check_tolerance", "verify", "without_arguments"]

P = ParamSpec("P")
T = TypeVar("T")
Headers = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]

#: Signatures in one header that are looked at: a sender in rotation has two.
_MOST_SIGNATURES = 16
#: Neither blanks, quotes nor braces: no part of a JSON body can pass for an id, nor the other way round.
_ID = re.compile(rb"[!#$%&'()*+,./0-9:;<=>?@A-Z\[\]^_`a-z|~-]{1,256}")
_OURS = Scheme()


@frozen
class Verified:
    """A delivery that holds: when it was sent, its id if it has one, and what stands for it in a replay guard.

    ``timestamp`` is None where the scheme has none. ``id`` is signed only if the scheme's ``signed`` has ``{id}``.
    ``token`` is the same for the same delivery, and tells nothing about it.
    """

    timestamp: float | None
    id: str | None
    token: str


def without_arguments(call: Callable[P, T]) -> Callable[P, T]:
    """The function, but the traceback of what it raises leads to no frame that holds its arguments.

    What collects errors keeps the values of all frames with them, and one of these is a secret.
    """

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except Exception as met:
            error = met.with_traceback(None)
        error.__cause__ = error.__context__ = None
        del args, kwargs
        try:
            # Not in the block: there it would carry the frames of what was met.
            raise error
        finally:
            del error

    return guarded


@without_arguments
def verify(
    body: bytes,
    headers: Headers,
    secrets: Secrets,
    *,
    scheme: Scheme = _OURS,
    now: float | None = None,
    tolerance: float = 300,
) -> Verified:
    """What is proven about a delivery: that it was signed with one of the secrets, not ``tolerance`` seconds from now.

    ``body`` are the bytes that came, before anything has read them. ``headers`` may have any case, as a mapping or as
    pairs. Several secrets are for rotation. Raises `MissingHeader`, `BadSignature` or `StaleTimestamp`, which are
    `WebhookRejected` and name the ``check`` that failed; `UsageError` for a call that cannot be right.

    >>> import hashlib, hmac
    >>> body = b'{"event": "balance.low"}'
    >>> signature = hmac.new(b"s3cret", b"1700000000." + body, hashlib.sha256).hexdigest()
    >>> headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": "1700000000"}
    >>> verify(body, headers, "s3cret", now=1700000042.0).timestamp
    1700000000.0
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise UsageError(
            f"the body must be the bytes that came, not {type(body).__name__}: text or JSON that was written anew is "
            "not what was signed; take the raw body of your framework"
        )
    check_tolerance(tolerance)
    body = bytes(body)
    keys = keys_of(secrets, scheme)
    found = _picked(headers, (scheme.signature_header, scheme.timestamp_header, scheme.id_header))
    parts = _parts(found, scheme)
    told, timestamp = _told_timestamp(found, parts, scheme)
    delivery_id = _id_of(found, scheme)
    message = scheme.message(body, timestamp=told, id=delivery_id or b"")
    if not _is_signed(message, keys, _signatures(parts, scheme), scheme.algorithm):
        raise BadSignature("no signature fits the body and a secret: it was not sent with them", check="signature")
    if scheme.timestamp_field:
        timestamp = _time_in(body, scheme)
    if timestamp is not None:
        away = (time.time() if now is None else now) - timestamp
        if not abs(away) <= tolerance:
            way = "ago" if away > 0 else "ahead"
            raise StaleTimestamp(f"it was sent {abs(away):.0f} s {way}, beyond {tolerance:g} s", check="timestamp")
    token = hashlib.sha256(b"smmclient.webhooks\0" + message).hexdigest()
    return Verified(timestamp, delivery_id.decode() if delivery_id is not None else None, token)


def check_tolerance(tolerance: float) -> None:
    """Raise `UsageError` unless it is a number of seconds that ends."""
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < math.inf:
        raise UsageError(f"tolerance: it must be seconds, 0 or more, not {tolerance!r}")


# ---------------------------------------------------------------------------------------------------- the headers


def _picked(headers: Headers, wanted: tuple[str, ...]) -> dict[str, list[bytes]]:
    """The values of the headers that are asked for: one each, if nobody has put in a second."""
    names = {name.encode(): name for name in wanted if name}
    found: dict[str, list[bytes]] = {}
    for name, value in _pairs_of(headers):
        # What is not ASCII is no value of ours, whatever bytes stand for it; as bytes it can be compared all the same.
        raw = _raw(name).lower()
        if raw in names:
            found.setdefault(names[raw], []).append(_raw(value))
    return found


def _pairs_of(headers: Headers) -> list[tuple[object, object]]:
    pairs: Iterable[tuple[object, object]] = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise UsageError(f"headers must be a mapping or a list of pairs, not {type(headers).__name__}") from None


def _raw(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    raise UsageError(f"headers are text or bytes, not {type(text).__name__}: give one pair for each line that came")


def _parts(found: Mapping[str, list[bytes]], scheme: Scheme) -> list[bytes]:
    """What the signature's header holds."""
    values = found.get(scheme.signature_header)
    if values is None:
        raise MissingHeader(f"there is no {scheme.signature_header}", check="signature-header")
    if len(values) > 1:
        raise BadSignature(f"{scheme.signature_header} is there twice", check="signature-header")
    if not scheme.separator:
        return values
    parts = values[0].split(scheme.separator.encode(), _MOST_SIGNATURES + 1)
    if len(parts) > _MOST_SIGNATURES:
        raise BadSignature(
            f"{scheme.signature_header} has more than {_MOST_SIGNATURES} parts", check="signature-header"
        )
    return [part.strip(b" \t") for part in parts]


def _signatures(parts: Sequence[bytes], scheme: Scheme) -> list[bytes]:
    """The signatures that are of this scheme, decoded."""
    prefix = scheme.prefix.encode()
    own = [part[len(prefix) :] for part in parts if part.startswith(prefix)]
    decode = DECODERS[scheme.encoding]
    signatures = [found for part in own if (found := decode(part)) is not None]
    if not signatures:
        raise BadSignature(f"{scheme.signature_header} holds no signature of the scheme", check="signature-header")
    return signatures


def _told_timestamp(
    found: Mapping[str, list[bytes]], parts: Sequence[bytes], scheme: Scheme
) -> tuple[bytes, float | None]:
    """The timestamp as it stands in the headers, and as a time; None where the scheme has it elsewhere or nowhere."""
    if scheme.timestamp_prefix:
        prefix = scheme.timestamp_prefix.encode()
        where = f"{scheme.signature_header} ({scheme.timestamp_prefix})"
        values = [part[len(prefix) :] for part in parts if part.startswith(prefix)]
    elif scheme.timestamp_header:
        where, values = scheme.timestamp_header, found.get(scheme.timestamp_header, [])
    else:
        return b"", None
    if not values:
        raise MissingHeader(f"there is no {where}", check="timestamp-header")
    if len(values) > 1:
        raise StaleTimestamp(f"{where} is there twice", check="timestamp-header")
    if (timestamp := read_time(values[0], scheme.timestamp_format)) is None:
        raise StaleTimestamp(f"{where} is no time in {scheme.timestamp_format}", check="timestamp-header")
    return values[0], timestamp


def _id_of(found: Mapping[str, list[bytes]], scheme: Scheme) -> bytes | None:
    values = found.get(scheme.id_header, []) if scheme.id_header else []
    if not values:
        if "{id}" in scheme.signed:
            raise MissingHeader(f"there is no {scheme.id_header}", check="id-header")
        return None
    if len(values) > 1 or not _ID.fullmatch(values[0]):
        why = "is there twice" if len(values) > 1 else "is no id"
        raise BadSignature(f"{scheme.id_header} {why}", check="id-header")
    return values[0]


# ------------------------------------------------------------------------------------------- signature and time


def _is_signed(message: bytes, keys: Sequence[bytes], signatures: Sequence[bytes], algorithm: str) -> bool:
    """Whether one of the signatures is right. All are compared: the time taken does not tell which was."""
    is_right = False
    for key in keys:
        expected = hmac.digest(key, message, algorithm)
        for signature in signatures:
            is_right |= hmac.compare_digest(expected, signature)
    return is_right


def _time_in(body: bytes, scheme: Scheme) -> float:
    payload: object = None
    with suppress(Unreadable):
        payload = read_json(body)
    stands = payload.get(scheme.timestamp_field) if isinstance(payload, dict) else None
    found = read_time(stands, scheme.timestamp_format)
    if found is None:
        raise StaleTimestamp(f"the body's {scheme.timestamp_field} is no time", check="timestamp")
    return found
