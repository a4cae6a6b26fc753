"""Whose limits a request uses up: the meters of its key, its tier and its address, shared across the process."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable

from attrs import frozen

from smmclient.dialect.told import Told
from smmclient.pipeline.clock import Clock
from smmclient.pipeline.key import ApiKey
from smmclient.pipeline.meter import Meter, Stamp
from smmclient.pipeline.pace import Line, Priority
from smmclient.settings import Limit, Scope

__all__ = ["Account", "AccountBook", "Ticket"]

#: A 429 that asks for more seconds than this is taken to ask for so many.
LONGEST_CLOSURE = 900.0

#: The one piece of module state: limits belong to the account and the address, not to the object that uses them.
_meters: dict[tuple[str, ...], Meter] = {}
_lock = threading.Lock()
_SCOPES = tuple(Scope)


@frozen
class Ticket:
    """The slots that one request holds, one of each meter, in the order of `Scope`."""

    stamps: tuple[Stamp, ...]


class Account:
    """One API key at one panel: its meters, and the line of those who wait for them.

    The meters of the key and its tier are shared by (origin, key), that of the address by (origin, way out).
    """

    def __init__(
        self, *, origin: str, account: str, way_out: str, limits: Iterable[Limit], tells: bool, clock: Clock
    ) -> None:
        limits = tuple(limits)
        self._limits = {scope: tuple(limit for limit in limits if limit.scope is scope) for scope in Scope}
        self._names = {
            Scope.KEY: ("key", origin, account),
            Scope.TIER: ("tier", origin, account),
            Scope.ADDRESS: ("ip", origin, way_out),
        }
        self._longest = max((limit.per for limit in limits), default=60.0)
        self._tells = tells
        #: Each meter with the limits that it is asked about, in the order of `Scope`; looked up when one is needed.
        self._own: tuple[tuple[Meter, tuple[Limit, ...]], ...] = ()
        self._clock = clock
        self._line = Line(clock)

    # ---------------------------------------------------------------------------------------------- whose turn it is

    def take_now(self) -> Ticket | None:
        """A ticket if one is free and nobody waits for it."""
        if not self._line.is_empty:
            return None
        taken = self.take(self._clock.now())
        return taken if isinstance(taken, Ticket) else None

    async def turn(self, priority: Priority) -> Ticket:
        """A ticket, when one is free and everybody who goes first has gone."""
        async with self._line.head(priority) as head:
            while True:
                taken = self.take(self._clock.now())
                if isinstance(taken, Ticket):
                    return taken
                await head.nap(taken)

    # --------------------------------------------------------------------------------------------------- the meters

    def _meters(self, now: float) -> tuple[tuple[Meter, tuple[Limit, ...]], ...]:
        if not self._own:
            for name in [name for name, meter in _meters.items() if not meter.users and meter.is_idle(now)]:
                del _meters[name]
            self._own = tuple((self._shared(scope), self._limits[scope]) for scope in Scope)
            meters = [meter for meter, _ in self._own]
            for meter in meters:
                meter.users += 1
            weakref.finalize(self, _let_go, meters)
        return self._own

    def _shared(self, scope: Scope) -> Meter:
        meter = _meters.get(self._names[scope])
        if meter is None:
            meter = _meters[self._names[scope]] = Meter(scout=self._tells and scope is Scope.KEY)
        meter.watch(self._limits[scope])
        return meter

    def take(self, now: float) -> Ticket | float:
        """A slot of every meter, or the seconds until one can be free at the earliest."""
        with _lock:
            wait = self._wait(now)
            return wait if wait > 0 else Ticket(tuple([meter.take(now) for meter, _ in self._own]))

    def wait(self, now: float) -> float:
        """Seconds until a slot can be free at the earliest."""
        with _lock:
            return self._wait(now)

    def _wait(self, now: float) -> float:
        wait = 0.0
        for meter, limits in self._own or self._meters(now):
            wait = max(wait, meter.wait(now, limits))
        return wait

    def give_back(self) -> None:
        """Undo a `take` whose request was never sent."""
        with _lock:
            for meter, _ in self._meters(0.0):
                meter.give_back()

    def settle(self, ticket: Ticket, now: float, told: Told | None, *, grace: float = 0.0) -> None:
        """The request of that ticket is over; ``told`` is what its reply's headers said."""
        with _lock:
            meters = self._meters(now)
            if told is not None:
                self._hear(ticket, now, told)
            for meter, _ in meters:
                meter.settle(now, grace=grace)

    def _hear(self, ticket: Ticket, now: float, told: Told) -> None:
        if told.remaining is not None and (limit := self._meant(told.limit)) is not None:
            reset_in = _clamp(told.reset_in, limit.per)
            at = _SCOPES.index(limit.scope)
            self._own[at][0].hear(ticket.stamps[at], now, limit, told.limit, told.remaining, reset_in)
        if told.tier_remaining is not None:
            reset_in = _clamp(told.reset_in, self._longest)
            at = _SCOPES.index(Scope.TIER)
            self._own[at][0].allow(ticket.stamps[at], now, remaining=told.tier_remaining, reset_in=reset_in)

    def _meant(self, told: int | None) -> Limit | None:
        """The limit that a panel speaks of: one with the rate it tells, else the key's, if there is but one."""
        for scope in (Scope.KEY, Scope.ADDRESS, Scope.TIER):
            for limit in self._limits[scope]:
                if limit.rate == told:
                    return limit
        of_key = self._limits[Scope.KEY]
        return of_key[0] if len(of_key) == 1 else None

    def deny(self, now: float, told: Told, *, otherwise: float) -> float:
        """A 429 came: let nothing pass for as long as it told within reason, or as ``otherwise``; returns the seconds.

        It concerns everybody who shares the meter that the panel names.
        """
        if told.retry_after:
            seconds = min(told.retry_after, LONGEST_CLOSURE)
        elif told.reset_in is not None and told.reset_in > 0:
            # On their clock, which may be wrong: no more than one period.
            seconds = min(told.reset_in, self._longest)
        else:
            seconds = otherwise
        scope = {"ip": Scope.ADDRESS, "tier": Scope.TIER}.get(told.denied_by or "", Scope.KEY)
        with _lock:
            self._meters(now)[_SCOPES.index(scope)][0].close(now + seconds)
        return seconds


def _let_go(meters: list[Meter]) -> None:
    for meter in meters:
        meter.users -= 1


class AccountBook:
    """The accounts of one provider, by key: there are two while a key is being rotated."""

    def __init__(self, *, origin: str, way_out: str, limits: Iterable[Limit], tells: bool, clock: Clock) -> None:
        self._origin, self._way_out, self._limits, self._tells = origin, way_out, tuple(limits), tells
        self._clock = clock
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
                clock=self._clock,
            )
        return self._last


def _clamp(reset_in: float | None, per: float) -> float:
    """A reset within one period: it is on the panel's clock, which may be wrong."""
    return per if reset_in is None or reset_in > per else max(reset_in, 0.0)
