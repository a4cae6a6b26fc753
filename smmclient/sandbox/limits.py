"""Rate limits as a server keeps them: per address, per key and per tier, as arithmetic over a given time.

The address is counted before anything is known about the key, so a wrong key costs its address a request.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from math import ceil, floor

from attrs import frozen


class Window(Enum):
    """How a limit forgets."""

    FIXED = "fixed"
    """Every `per` seconds, on the clock, the count starts again: two full windows may touch."""
    SLIDING = "sliding"
    """No stretch of `per` seconds, wherever it starts, holds more than `rate` requests."""


@frozen
class Limit:
    """So many requests in so many seconds."""

    rate: int
    per: float = 60.0
    window: Window = Window.FIXED


@frozen(kw_only=True)
class Limits:
    """The limits of a panel; None means that there is none of this kind."""

    address: Limit | None = None
    key: Limit | None = None
    tier: Limit | None = None


@frozen(kw_only=True)
class Verdict:
    """What one limit says about one request."""

    kind: str
    is_allowed: bool
    limit: int
    remaining: int
    resets_at: float


class Meter:
    """Counts the requests of each name against one limit."""

    def __init__(self, kind: str, limit: Limit) -> None:
        self._kind = kind
        self._limit = limit
        self._fixed: dict[str, tuple[int, int]] = {}
        self._sliding: dict[str, deque[float]] = {}

    def take(self, name: str, *, now: float) -> Verdict:
        """Count one request if there is room for it; a denied request costs nothing."""
        if self._limit.window is Window.FIXED:
            used, resets_at = self._take_fixed(name, now)
        else:
            used, resets_at = self._take_sliding(name, now)
        rate = self._limit.rate
        return Verdict(
            kind=self._kind,
            is_allowed=used <= rate,
            limit=rate,
            remaining=max(0, rate - used),
            resets_at=resets_at,
        )

    def _take_fixed(self, name: str, now: float) -> tuple[int, float]:
        number = floor(now / self._limit.per)
        known, used = self._fixed.get(name, (number, 0))
        used = used + 1 if known == number else 1
        if used <= self._limit.rate:
            self._fixed[name] = (number, used)
        return used, (number + 1) * self._limit.per

    def _take_sliding(self, name: str, now: float) -> tuple[int, float]:
        times = self._sliding.setdefault(name, deque())
        while times and times[0] <= now - self._limit.per:
            times.popleft()
        used = len(times) + 1
        if used <= self._limit.rate:
            times.append(now)
        return used, (times[0] if times else now) + self._limit.per


class Limiter:
    """Applies a panel's limits in the panel's order."""

    def __init__(self, limits: Limits) -> None:
        self._address = _meter("ip", limits.address)
        self._key = _meter("key", limits.key)
        self._tier = _meter("tier", limits.tier)
        self.nearest = limits.key or limits.tier or limits.address

    def admit_address(self, address: str, *, now: float) -> tuple[Verdict, ...]:
        """Return the verdict for the address, which comes before the key is looked at."""
        return () if self._address is None else (self._address.take(address, now=now),)

    def admit_key(self, key: str, account: str, *, now: float) -> tuple[Verdict, ...]:
        """Return the verdicts for the key and, if the key has room, for the tier that all keys share."""
        verdicts = () if self._key is None else (self._key.take(key, now=now),)
        if self._tier is None or not all(verdict.is_allowed for verdict in verdicts):
            return verdicts
        return (*verdicts, self._tier.take(account, now=now))


def is_denied(verdicts: Sequence[Verdict]) -> bool:
    """Return whether one of the limits has no room."""
    return any(not verdict.is_allowed for verdict in verdicts)


def limit_headers(verdicts: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    """Return the X-RateLimit headers: of the limit that denied, else of the one that is nearest to it."""
    if not verdicts:
        return ()
    tightest = min(verdicts, key=lambda verdict: (verdict.is_allowed, verdict.remaining))
    headers = [
        ("X-RateLimit-Limit", str(tightest.limit)),
        ("X-RateLimit-Remaining", str(tightest.remaining)),
        # Whole unix seconds, rounded up: rounded down it would name a moment that is still too early.
        ("X-RateLimit-Reset", str(ceil(tightest.resets_at))),
    ]
    headers += [("X-RateLimit-Tier-Remaining", str(v.remaining)) for v in verdicts if v.kind == "tier"]
    if not tightest.is_allowed:
        headers.append(("X-RateLimit-DeniedBy", tightest.kind))
    return tuple(headers)


def _meter(kind: str, limit: Limit | None) -> Meter | None:
    return None if limit is None else Meter(kind, limit)
