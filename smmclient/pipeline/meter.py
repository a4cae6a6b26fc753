"""How much of a limit is left: arithmetic over a clock, without tasks or timers.

The rule. A limit of ``rate`` in ``per`` seconds is ``rate`` slots. A request holds a slot from before it is sent
until ``per`` seconds after its reply came back. The panel counted it at some moment between the two, so however
slow or jittery the network is, no window of ``per`` seconds at the panel, fixed or sliding, can hold more than
``rate`` of ours.

What replies tell is believed when it is less than our own count: then somebody else uses the limit too, and his
requests are entered as slots held until the panel's reset. A 429 closes the meter.
"""

from __future__ import annotations

import heapq
import threading
import weakref
from collections.abc import Iterable

from attrs import define, frozen

from smmclient.dialect.classify import Told
from smmclient.pipeline.key import ApiKey
from smmclient.settings import Limit, Scope

__all__ = ["Account", "AccountBook", "Meter", "Ticket"]

#: Seconds after which a waiter looks again while it cannot know when a slot will be free.
_LOOK_AGAIN = 0.01
#: A 429 that asks for more seconds than this is taken to ask for so many.
LONGEST_CLOSURE = 900.0


@frozen
class _Stamp:
    """What a meter had counted when a request took its slot."""

    used: int
    taken: int


class Meter:
    """The slots of one limit; without a limit it only knows whether it is closed."""

    def __init__(self, limit: Limit | None = None, *, scout: bool = False) -> None:
        self.limit = limit
        self.closed_until = 0.0
        self._rate = limit.rate if limit else 0
        #: Until the first reply one request goes alone: an earlier process may have used the limit up.
        self._scouting = scout and limit is not None
        self._in_air = 0
        self._held: list[float] = []
        self._taken = 0
        self._allowed: int | None = None
        self._allowed_until = 0.0
        self._probing = False
        #: How many accounts hold it; one that nobody holds is forgotten once it is idle.
        self.users = 0

    @property
    def per(self) -> float:
        """The period in seconds."""
        return self.limit.per if self.limit else 60.0

    def wait(self, now: float) -> float:
        """Seconds until a slot can be free at the earliest; 0 if one is free now."""
        if self.closed_until > now:
            return self.closed_until - now
        if self._allowed is not None and self._allowed <= 0:
            if now < self._allowed_until:
                return _LOOK_AGAIN if self._probing else self._allowed_until - now
            # The panel's reset has come: one request finds out what is left now, the others wait for its reply.
            self._allowed, self._allowed_until = 1, now + self.per
            self._probing = True
        if self.limit is None:
            return 0.0
        self._release(now)
        if self._scouting and self._in_air:
            return _LOOK_AGAIN
        if self._in_air + len(self._held) < self._rate:
            return 0.0
        # With all in the air, a reply that came this moment would free its slot one period from now.
        return self._held[0] - now if self._held else self.per

    def take(self, now: float) -> _Stamp:
        """Take a slot; `wait` said 0."""
        self._in_air += 1
        self._taken += 1
        if self._allowed is not None:
            self._allowed -= 1
        return _Stamp(self._in_air + len(self._held), self._taken)

    def give_back(self) -> None:
        """Undo a `take` whose request was never sent."""
        self._in_air -= 1

    def settle(self, now: float, *, grace: float = 0.0) -> None:
        """The reply came, or will not come; ``grace`` is how much later the panel may still count the request."""
        self._in_air -= 1
        if self.limit is not None:
            heapq.heappush(self._held, now + self.per + grace)

    def close(self, until: float) -> None:
        """Let nothing pass until then."""
        self.closed_until = max(self.closed_until, until)

    def hear(self, stamp: _Stamp, now: float, *, remaining: int, limit: int | None, reset_in: float) -> None:
        """Believe what the reply to that request told, where it is less than our own count.

        Requests that were taken after it may or may not be in the panel's figure; they are taken to be.
        """
        if self.limit is None:
            return
        if limit is not None and limit > 0:
            self._rate = min(self.limit.rate, limit)
        since = self._taken - stamp.taken
        left_by_our_count = self._rate - stamp.used - since
        for _ in range(min(left_by_our_count - remaining, self._rate)):
            heapq.heappush(self._held, now + reset_in)

    def allow(self, stamp: _Stamp, now: float, *, remaining: int, reset_in: float) -> None:
        """Let at most that many pass until the reset: for a limit whose rate is not known (the tier's)."""
        self._allowed = remaining - (self._taken - stamp.taken)
        self._allowed_until = now + reset_in
        self._probing = False

    def heard(self) -> None:
        """A reply has come: the scout is back."""
        self._scouting = False

    def is_idle(self, now: float) -> bool:
        """Whether forgetting the meter would lose nothing."""
        self._release(now)
        return not self._in_air and not self._held and self.closed_until <= now and self._allowed_until <= now

    def _release(self, now: float) -> None:
        while self._held and self._held[0] <= now:
            heapq.heappop(self._held)


@define
class Ticket:
    """The slots that one request holds, one a meter."""

    stamps: tuple[_Stamp, ...]


#: The one piece of module state: limits belong to the account and the address, not to the object that uses them.
_meters: dict[tuple[str, ...], Meter] = {}
_lock = threading.Lock()


class Account:
    """The meters that one API key meets at one panel, shared with everybody in this process who uses them.

    Those of the key and its tier are shared by (origin, key), those of the address by (origin, way out).
    """

    def __init__(self, *, origin: str, account: str, way_out: str, limits: Iterable[Limit], tells: bool) -> None:
        self._limits = tuple(limits)
        self._tells = tells
        self._ids = {Scope.KEY: ("key", origin, account), Scope.TIER: ("tier", origin, account)}
        self._ids[Scope.ADDRESS] = ("ip", origin, way_out)
        self._own: dict[Scope, tuple[Meter, ...]] | None = None

    def _meters(self, now: float) -> dict[Scope, tuple[Meter, ...]]:
        if self._own is None:
            for name in [name for name, meter in _meters.items() if not meter.users and meter.is_idle(now)]:
                del _meters[name]
            self._own = {scope: self._shared(scope) for scope in Scope}
            held = [meter for group in self._own.values() for meter in group]
            for meter in held:
                meter.users += 1
            weakref.finalize(self, _let_go, held)
        return self._own

    def _shared(self, scope: Scope) -> tuple[Meter, ...]:
        meters = []
        # Every scope has a meter without a limit, for what replies tell: closures and allowances.
        for limit in (None, *(limit for limit in self._limits if limit.scope is scope)):
            name = (*self._ids[scope], repr(limit))
            meters.append(_meters.setdefault(name, Meter(limit, scout=self._tells)))
        return tuple(meters)

    def take(self, now: float) -> Ticket | float:
        """A slot of every meter, or the seconds until one can be free at the earliest."""
        with _lock:
            meters = [meter for group in self._meters(now).values() for meter in group]
            wait = max(meter.wait(now) for meter in meters)
            return wait if wait > 0 else Ticket(tuple(meter.take(now) for meter in meters))

    def wait(self, now: float) -> float:
        """Seconds until a slot can be free at the earliest."""
        with _lock:
            return max(meter.wait(now) for group in self._meters(now).values() for meter in group)

    def give_back(self) -> None:
        """Undo a `take` whose request was never sent."""
        with _lock:
            for group in self._meters(0.0).values():
                for meter in group:
                    meter.give_back()

    def settle(self, ticket: Ticket, now: float, told: Told | None, *, grace: float = 0.0) -> None:
        """The request of that ticket is over; ``told`` is what its reply's headers said."""
        with _lock:
            meters = self._meters(now)
            stamps = iter(ticket.stamps)
            stamped = {scope: [(meter, next(stamps)) for meter in group] for scope, group in meters.items()}
            if told is not None:
                self._hear(stamped, now, told)
            for group in meters.values():
                for meter in group:
                    meter.heard()
                    meter.settle(now, grace=grace)

    def _hear(self, stamped: dict[Scope, list[tuple[Meter, _Stamp]]], now: float, told: Told) -> None:
        if told.remaining is not None:
            scope = Scope.KEY
            if any(meter.limit and meter.limit.rate == told.limit for meter, _ in stamped[Scope.ADDRESS]):
                scope = Scope.ADDRESS
            for meter, stamp in stamped[scope]:
                reset = _clamp(told.reset_in, meter.per)
                meter.hear(stamp, now, remaining=told.remaining, limit=told.limit, reset_in=reset)
        if told.tier_remaining is not None:
            meter, stamp = stamped[Scope.TIER][0]
            reset = _clamp(told.reset_in, meter.per)
            meter.allow(stamp, now, remaining=told.tier_remaining, reset_in=reset)

    def deny(self, now: float, told: Told, *, otherwise: float) -> float:
        """A 429 came: let nothing pass for as long as it told within reason, or as ``otherwise``; returns the seconds.

        It concerns everybody who shares the meter that the panel names.
        """
        if told.retry_after:
            seconds = min(told.retry_after, LONGEST_CLOSURE)
        elif told.reset_in is not None and told.reset_in > 0:
            # On their clock, which may be wrong: no more than one period.
            seconds = min(told.reset_in, max((limit.per for limit in self._limits), default=60.0))
        else:
            seconds = otherwise
        scope = {"ip": Scope.ADDRESS, "tier": Scope.TIER}.get(told.denied_by or "", Scope.KEY)
        with _lock:
            self._meters(now)[scope][0].close(now + seconds)
        return seconds


def _let_go(meters: list[Meter]) -> None:
    for meter in meters:
        meter.users -= 1


class AccountBook:
    """The accounts of one provider, by key: there are several while a key is being rotated."""

    def __init__(self, *, origin: str, way_out: str, limits: Iterable[Limit], tells: bool) -> None:
        self._origin, self._way_out, self._limits, self._tells = origin, way_out, tuple(limits), tells
        self._last: Account | None = None
        self._last_name = ""

    def of(self, key: ApiKey) -> Account:
        """The account that the key belongs to."""
        if self._last is None or self._last_name != key.account:
            self._last_name = key.account
            self._last = Account(
                origin=self._origin,
                account=key.account,
                way_out=self._way_out,
                limits=self._limits,
                tells=self._tells,
            )
        return self._last


def _clamp(reset_in: float | None, per: float) -> float:
    """A reset within one period: it is on the panel's clock, which may be wrong."""
    return per if reset_in is None or reset_in > per else max(reset_in, 0.0)
