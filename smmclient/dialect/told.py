"""What a reply's headers tell about limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from attrs import frozen

__all__ = ["Told", "told_limits"]


@frozen
class Told:
    """What a reply's headers tell about limits; every figure may be missing.

    ``reset_in`` is in seconds from now and not clamped; it is on the panel's clock where the reply has a ``Date``.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in: float | None = None
    tier_remaining: int | None = None
    denied_by: str | None = None
    retry_after: float | None = None


#: NotPanel and smm.bz document these three; NotPanel adds the tier and who denied.
_FIRST = "x-ratelimit-"
_EPOCH = 1_000_000_000


def told_limits(headers: Mapping[str, str], now: float) -> Told | None:
    """What the headers tell about limits, or None where they tell nothing. ``now`` is our wall clock."""
    if "x-ratelimit-remaining" not in headers and "retry-after" not in headers and "x-ratelimit-reset" not in headers:
        return None
    panel_now = _date(headers.get("date"))
    base = now if panel_now is None else panel_now
    reset = _number(headers.get(_FIRST + "reset"))
    if reset is not None and reset >= _EPOCH:
        reset -= base
    retry_after = _number(headers.get("retry-after"))
    if retry_after is None and (until := _date(headers.get("retry-after"))) is not None:
        retry_after = until - base
    denied_by = headers.get(_FIRST + "deniedby", "").strip().casefold()
    return Told(
        limit=_whole(headers.get(_FIRST + "limit")),
        remaining=_whole(headers.get(_FIRST + "remaining")),
        reset_in=reset,
        tier_remaining=_whole(headers.get(_FIRST + "tier-remaining")),
        denied_by=denied_by if denied_by in ("key", "tier", "ip") else None,
        retry_after=retry_after,
    )


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if text.replace(".", "", 1).isdecimal() and text.isascii() and len(text) < 20 else None


def _whole(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
