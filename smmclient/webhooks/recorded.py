"""A delivery as it was recorded: HTTP text, or JSON with its headers and its body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

from attrs import field, frozen

from smmclient.errors import UsageError
from smmclient.webhooks.times import EARLIEST, LATEST

__all__ = ["Recorded", "read_all", "read_recorded"]

_SHAPES = 'give the HTTP text (headers, a blank line, the body), or {"headers": {…}, "body": "…"}'


@frozen
class Recorded:
    """One delivery's headers, names in lower case, and its body.

    ``at`` is when it came, in seconds since the epoch, if the recording says so: by ``"at"`` beside the headers in
    JSON, as `smm webhook listen --record` writes it, or by a ``Date`` header.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    at: float | None = None


def read_recorded(delivery: object) -> Recorded:
    """The delivery in a recording of either shape, the last of several; `UsageError` for what is none."""
    if isinstance(delivery, Recorded):
        return delivery
    if isinstance(delivery, Mapping):
        return _from_mapping(delivery)
    if isinstance(delivery, str):
        # Not by lines: Python knows more line ends than HTTP does.
        delivery = delivery.encode("utf-8", "surrogateescape")
    if not isinstance(delivery, bytes):
        raise UsageError(f"a delivery is text, bytes or a mapping, not {type(delivery).__name__}: {_SHAPES}")
    # Elsewhere a line of JSON is a part of the body.
    return read_all(delivery)[-1] if delivery.lstrip().startswith(b"{") else _from_http(delivery)


def read_all(content: bytes) -> list[Recorded]:
    """All deliveries in a recording: one on each line as JSON, or one alone.

    A line of something else is passed over, and so is one that was torn by a crash.
    """
    lines = [found for line in content.split(b"\n") if (found := _on_line(line)) is not None]
    return lines or [_alone(content)]


def _on_line(line: bytes) -> Recorded | None:
    if not line.startswith(b"{"):
        return None
    with suppress(ValueError, RecursionError, UsageError):
        told = json.loads(line)
        if isinstance(told, dict) and "headers" in told and "body" in told:
            return _from_mapping(told)
    return None


def _alone(content: bytes) -> Recorded:
    decoded: object = None
    with suppress(ValueError, RecursionError):
        decoded = json.loads(content)
    return _from_mapping(decoded) if isinstance(decoded, dict) and "headers" in decoded else _from_http(content)


def _from_mapping(delivery: Mapping[str, object]) -> Recorded:
    headers, body = delivery.get("headers"), delivery.get("body")
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogateescape")
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    if not isinstance(body, bytes) or pairs is None:
        raise UsageError(f"a recorded delivery has headers and a body that is text: {_SHAPES}")
    try:
        own = tuple((str(name).lower(), str(value)) for name, value in pairs)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise UsageError(f"the headers are no mapping and no list of pairs: {_SHAPES}") from None
    at = delivery.get("at")
    is_time = isinstance(at, (int, float)) and not isinstance(at, bool) and EARLIEST <= at < LATEST
    return Recorded(own, body, float(at) if is_time else _date_in(own))  # type: ignore[arg-type]


def _from_http(delivery: bytes) -> Recorded:
    ends = [(at, len(end)) for end in (b"\r\n\r\n", b"\n\n") if (at := delivery.find(end)) >= 0]
    if not ends:
        raise UsageError(f"there is no blank line between headers and body: {_SHAPES}")
    at, width = min(ends)
    headers: list[tuple[str, str]] = []
    for number, line in enumerate(delivery[:at].decode("latin-1").replace("\r\n", "\n").split("\n")):
        name, colon, value = line.partition(":")
        if colon and " " not in name.strip():
            headers.append((name.strip().lower(), value.strip()))
        elif number:
            raise UsageError(f"line {number + 1} of the recording is no header: {_SHAPES}")
    return Recorded(tuple(headers), delivery[at + width :], _date_in(headers))


def _date_in(headers: Iterable[tuple[str, str]]) -> float | None:
    for name, value in headers:
        if name == "date":
            try:
                return parsedate_to_datetime(value).timestamp()
            except (ValueError, OverflowError):
                return None
    return None
