"""The ways in which senders sign, made into schemes for one recorded delivery; the likeliest first."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from attrs import evolve, field, frozen

from smmclient.dialect.read import Unreadable, read_json
from smmclient.errors import UsageError
from smmclient.webhooks.keys import keys_of
from smmclient.webhooks.recorded import Recorded
from smmclient.webhooks.scheme import KNOWN_SCHEMES, OF_SIGNING, Algorithm, Encoding, Scheme, TimestampFormat
from smmclient.webhooks.times import EARLIEST, LATEST, read_time

__all__ = ["Guess", "fold", "guesses", "times_in"]


@frozen(kw_only=True)
class Guess:
    """One scheme, and whether the signature may be what the secret makes by it."""

    scheme: Scheme
    body: bytes = field(repr=False)
    fits: bool
    is_trimmed: bool


@frozen
class _Signature:
    """Something in a header that has the form of a signature."""

    header: str
    separator: str
    prefix: str
    digest: bytes = field(repr=False)
    encoding: Encoding
    algorithm: Algorithm


@frozen
class _Time:
    """A time that a delivery tells, and where."""

    text: str
    seconds: float
    style: TimestampFormat
    header: str = ""
    prefix: str = ""
    body_field: str = ""


_LENGTHS: dict[int, Algorithm] = {32: "sha256", 48: "sha384", 64: "sha512"}
_HEX = re.compile(r"(.*?)([0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})")
_BASE64 = re.compile(r"(.*?)([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{86}==)")
#: What can stand between the parts of a signed string.
_BETWEEN = (".", ":", "", "|", "-", "_", ",", ";", " ", "/", "+", "&", "\n")
_STYLES: tuple[TimestampFormat, ...] = ("seconds", "milliseconds", "iso8601")
#: Names, as `fold` has them, that say that a time is the one of sending; the surest first.
_SENDING = ("sentat", "timestamp", "ts", "time")
#: What a secret's text can be: how it is encoded, and what is cut off its front.
_SECRETS: tuple[tuple[Literal["text", "hex", "base64"], str], ...] = (
    ("text", ""),
    ("base64", "whsec_"),
    ("base64", ""),
    ("text", "whsec_"),
    ("hex", ""),
)


def guesses(recorded: Recorded, secret: str | bytes, names: Scheme) -> Iterator[Guess]:
    """Each way of signing that the delivery's headers and body leave room for."""
    forms = list(_secret_forms(secret))
    bodies = [(recorded.body, False)]
    if (trimmed := recorded.body.rstrip(b"\r\n")) != recorded.body:
        bodies.append((trimmed, True))
    for body, is_trimmed in bodies:
        for known in KNOWN_SCHEMES.values():
            own = evolve(names, **{one: getattr(known, one) for one in OF_SIGNING})
            yield Guess(scheme=own, body=body, fits=True, is_trimmed=is_trimmed)
        for signature in _signatures(recorded):
            for scheme, time, delivery_id in _schemes(recorded, body, signature, names):
                for encoding, cut in forms:
                    own = evolve(scheme, secret_encoding=encoding, secret_prefix=cut)
                    yield Guess(
                        scheme=own,
                        body=body,
                        fits=_fits(own, body, secret, signature, time, delivery_id),
                        is_trimmed=is_trimmed,
                    )


def _fits(
    scheme: Scheme, body: bytes, secret: str | bytes, signature: _Signature, time: _Time | None, delivery_id: str
) -> bool:
    told = time.text.encode() if time is not None and not time.body_field else b""
    message = scheme.message(body, timestamp=told, id=delivery_id.encode())
    return any(
        hmac.compare_digest(hmac.digest(key, message, scheme.algorithm), signature.digest)
        for key in keys_of(secret, scheme)
    )


def _secret_forms(secret: str | bytes) -> Iterator[tuple[Literal["text", "hex", "base64"], str]]:
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    for encoding, prefix in _SECRETS:
        if text.startswith(prefix):
            with suppress(UsageError):
                keys_of(secret, Scheme(secret_encoding=encoding, secret_prefix=prefix))
                yield encoding, prefix


# ------------------------------------------------------------------------------------------ what the headers hold


def _signatures(recorded: Recorded) -> Iterator[_Signature]:
    for header, value in recorded.headers:
        for separator in ("", ",", " ", ";"):
            for part in value.split(separator) if separator else [value]:
                if (found := _signature(header, separator, part.strip())) is not None:
                    yield found


def _signature(header: str, separator: str, part: str) -> _Signature | None:
    if matched := _HEX.fullmatch(part):
        digest, encoding = bytes.fromhex(matched[2]), "hex"
    elif matched := _BASE64.fullmatch(part):
        digest, encoding = base64.b64decode(matched[2]), "base64"
    else:
        return None
    prefix = matched[1]
    # A prefix that has a number in it is a time and another prefix.
    is_prefix = prefix.isascii() and len(prefix) <= 20 and not re.search("[0-9]{6}", prefix)
    if not is_prefix or (separator and not prefix) or len(digest) not in _LENGTHS:
        return None
    return _Signature(
        header, separator, prefix, digest, "hex" if encoding == "hex" else "base64", _LENGTHS[len(digest)]
    )


def _times(recorded: Recorded, body: bytes, signature: _Signature, names: Scheme) -> list[_Time]:
    found: list[_Time] = []
    for header, value in recorded.headers:
        found += [_Time(value, at, style, header=header) for style, at in _readings(value)]
        if header == signature.header and signature.separator:
            for part in value.split(signature.separator):
                name, equals, told = part.strip().partition("=")
                found += [_Time(told, at, style, prefix=name + equals) for style, at in _readings(told) if equals]
    return [*found, *_own_times(body, names)]


def _own_times(body: bytes, names: Scheme) -> list[_Time]:
    """Fields of the body that may be the time of sending, by their names: any number can look like a time."""
    ranked = [
        (_SENDING.index(fold(time.body_field)) if fold(time.body_field) in _SENDING else len(_SENDING), time)
        for time in times_in(body)
        if fold(time.body_field) in _SENDING or time.body_field in names.time_fields
    ]
    return [time for _, time in sorted(ranked, key=lambda one: one[0])]


def fold(name: str) -> str:
    """A field's name as all its spellings have it: ``sentAt``, ``sent_at`` and ``Sent-At``."""
    return re.sub(r"[\W_]+", "", name).casefold()


def times_in(body: bytes) -> Iterator[_Time]:
    """Whatever of the body's own fields can be read as a time."""
    payload: object = None
    with suppress(Unreadable):
        payload = read_json(body)
    for name, told in payload.items() if isinstance(payload, dict) else ():
        if isinstance(name, str) and name.isascii() and name.isprintable() and name:
            yield from (_Time("", at, style, body_field=name) for style, at in _readings(told))


def _readings(value: object) -> Iterator[tuple[TimestampFormat, float]]:
    """The formats in which a value is a likely time."""
    for style in _STYLES:
        raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        if (found := read_time(raw, style)) is not None and EARLIEST <= found < LATEST:
            yield style, found


def _ids(recorded: Recorded, signature: _Signature) -> list[tuple[str, str]]:
    """Headers whose value may be an id: those whose name says so first."""
    fit = [
        (header, value)
        for header, value in recorded.headers
        if header != signature.header and re.fullmatch(r"[A-Za-z0-9_.:=-]{4,100}", value)
    ]
    return sorted(fit, key=lambda one: not one[0].endswith(("id", "delivery")))


# ------------------------------------------------------------------------------------------------- what is signed


def _schemes(
    recorded: Recorded, body: bytes, signature: _Signature, names: Scheme
) -> Iterator[tuple[Scheme, _Time | None, str]]:
    """Signed strings by what is in them: time and body, id and time and body, the body alone."""
    times, ids = _times(recorded, body, signature, names), _ids(recorded, signature)
    base = evolve(
        names,
        signature_header=signature.header,
        separator=signature.separator,
        prefix=signature.prefix,
        encoding=signature.encoding,
        algorithm=signature.algorithm,
        timestamp_header="",
        timestamp_prefix="",
        timestamp_field="",
        id_header="",
        signed="{body}",
        unsigned_timestamp=True,
    )
    named = next((header for header, _ in ids if header.endswith("id")), "")
    for time in (one for one in times if not one.body_field):
        placed = evolve(base, timestamp_header=time.header, timestamp_prefix=time.prefix, timestamp_format=time.style)
        for signed in _with_time():
            yield evolve(placed, signed=signed, id_header=named, unsigned_timestamp=False), time, ""
        for header, delivery_id in ids:
            if header != time.header:
                for signed in _with_time_and_id():
                    own = evolve(placed, signed=signed, id_header=header, unsigned_timestamp=False)
                    yield own, time, delivery_id
    for time in (one for one in times if one.body_field):
        own = evolve(base, timestamp_field=time.body_field, timestamp_format=time.style, id_header=named)
        yield evolve(own, unsigned_timestamp=False), time, ""
        for header, delivery_id in ids:
            for between in _BETWEEN:
                signed = f"{{id}}{between}{{body}}"
                yield evolve(own, signed=signed, id_header=header, unsigned_timestamp=False), time, delivery_id
    yield evolve(base, id_header=named), None, ""
    for header, delivery_id in ids:
        for between in _BETWEEN:
            yield evolve(base, signed=f"{{id}}{between}{{body}}", id_header=header), None, delivery_id


def _with_time() -> Iterator[str]:
    for between in _BETWEEN:
        yield f"{{timestamp}}{between}{{body}}"
        yield f"{{body}}{between}{{timestamp}}"
        for version in ("v0", "v1"):
            yield f"{version}{between}{{timestamp}}{between}{{body}}"


def _with_time_and_id() -> Iterator[str]:
    for between in _BETWEEN:
        yield f"{{id}}{between}{{timestamp}}{between}{{body}}"
        yield f"{{timestamp}}{between}{{id}}{between}{{body}}"
