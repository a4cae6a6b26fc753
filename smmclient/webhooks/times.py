"""Times as senders write them, read without a guess."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

__all__ = ["EARLIEST", "LATEST", "read_time"]

#: Between these a delivery was sent: in 2001 at the earliest, in 2286 at the latest.
EARLIEST, LATEST = 10**9, 10**10

#: No sign, no blank, no exponent, no digit of another script. Up to the year 33658. A fraction may follow: what is
#: signed is the text as it came, so that nobody can write the same time otherwise.
_DIGITS = re.compile(rb"[0-9]{1,12}(\.[0-9]{1,9})?")
_MILLISECONDS = re.compile(rb"[0-9]{1,15}")
_ISO = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")


def read_time(value: object, style: str) -> float | None:
    """Seconds since the epoch, from a header's bytes or a field of a body; None for what is no such time.

    >>> read_time(b"1700000000", "seconds"), read_time("2023-11-14T22:13:20Z", "iso8601"), read_time("1e9", "seconds")
    (1700000000.0, 1700000000.0, None)
    """
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        # A number of a JSON body, which may have a fraction.
        if style == "iso8601" or not 0 <= value < 10**15:
            return None
        return _in_range(float(value) / (1000 if style == "milliseconds" else 1))
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    if not isinstance(value, bytes):
        return None
    if style == "iso8601":
        return _from_iso(value)
    if not (_MILLISECONDS if style == "milliseconds" else _DIGITS).fullmatch(value):
        return None
    return _in_range(float(value) / (1000 if style == "milliseconds" else 1))


def _in_range(seconds: float) -> float | None:
    return seconds if seconds < 10**12 else None


def _from_iso(value: bytes) -> float | None:
    if not _ISO.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.decode()).timestamp()
    except (ValueError, OverflowError):
        return None
