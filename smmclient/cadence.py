"""How often an order is asked about that is being followed. Pure."""

from __future__ import annotations

import math

from attrs import frozen

__all__ = ["Cadence", "beside_pushes", "gather", "polling"]

#: Seconds between two looks at an order, where nothing else is said.
_USUAL = 30.0


@frozen
class Cadence:
    """How often an order is asked about: every ``least`` seconds, then after this share of the time it was followed.

    So an order that takes days is not polled like one that takes minutes.
    """

    least: float
    share: float
    most: float

    def pause(self, age: float) -> float:
        """Seconds until an order that has been followed for so long is asked about again."""
        return max(self.least, min(self.most, age * self.share))

    def looks(self, age: float) -> float:
        """About how many times an order that has been followed for so long was asked about, but for the first time."""
        slower = self.least / self.share
        if age <= slower:
            return age / self.least
        slowest = max(slower, self.most / self.share)
        growing = math.log(min(age, slowest) / slower) / math.log1p(self.share)
        return slower / self.least + growing + max(0.0, age - slowest) / max(self.least, self.most)


def polling(every: float | None, *, at_most: float = math.inf) -> Cadence:
    """Where nothing is pushed."""
    return Cadence(min(every or _USUAL, at_most), 0.1, 600.0)


def beside_pushes(every: float | None) -> tuple[Cadence, Cadence]:
    """Where ends are pushed: what one of them that got lost costs at most; and for what was pushed and is not final."""
    return Cadence(every or 600.0, 0.5, 3600.0), polling(every, at_most=_USUAL)


def gather(age: float) -> float:
    """Seconds in which orders that were pushed share a request: a share of the time they were followed for."""
    return max(1.0, min(60.0, age * 0.04))
