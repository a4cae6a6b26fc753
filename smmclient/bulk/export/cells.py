"""Figures and moments as text. Pure."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

__all__ = ["clock", "instant", "money", "short"]


def short(text: str, longest: int = 300) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def money(amount: Decimal | None) -> str:
    """The amount in plain digits, never ``1E-6``; empty where it is not known."""
    return "" if amount is None else f"{amount:f}"


def instant(seconds: float | None) -> str:
    """Seconds since the epoch as ISO 8601 in UTC; empty where there are none.

    >>> instant(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if seconds is None:
        return ""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def clock(seconds: float | None) -> str:
    """The same to the second, to be read by people.

    >>> clock(0.25)
    '1970-01-01 00:00:00'
    """
    return instant(seconds).partition(".")[0].replace("T", " ")
