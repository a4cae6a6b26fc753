"""What becomes of orders, refills and cancels: chance, but the same chance for the same seed."""

from random import Random

from attrs import evolve

from .values import Plan, RefillState, State

_CANCELS_GRANTED = 0.8


class Fates:
    """Decides how fast things go and how they end; the n-th order of a seed has the same fate every time."""

    def __init__(self, *, seed: int, seconds: float, troubled: float, surplus: int) -> None:
        self._seed = seed
        self._seconds = seconds
        self._troubled = troubled
        self._surplus = surplus

    def of_order(self, number: int) -> Random:
        """Return the source of chance for the n-th order."""
        return self._chance(1, number)

    def of_refill(self, number: int) -> Random:
        """Return the source of chance for the n-th refill."""
        return self._chance(3, number)

    def plan(self, chance: Random, quantity: int, *, runs: int, now: float) -> Plan:
        """Return what becomes of an order that is made now."""
        starts_at = now + self._seconds * chance.uniform(0.05, 0.3)
        # The minutes between the runs of a drip-feed would outlast any test: each run takes one order's time.
        ends_at = starts_at + self._seconds * chance.uniform(0.5, 1.2) * runs
        luck, part = chance.random(), chance.random()
        fate, delivered = State.COMPLETED, quantity + (chance.randint(0, self._surplus) if self._surplus else 0)
        if luck < self._troubled:
            delivered = int(quantity * part) if luck < self._troubled / 2 else 0
            fate = State.PARTIAL if delivered else State.CANCELED
        return Plan(starts_at=starts_at, ends_at=ends_at, fate=fate, delivered=delivered)

    def canceled(self, plan: Plan, number: int, *, now: float) -> Plan:
        """Return what becomes of the n-th order, which is open, once a cancel of it has been asked for."""
        if plan.state(now) is State.PENDING:
            return Plan(starts_at=now, ends_at=now, fate=State.CANCELED, delivered=0)
        chance = self._chance(2, number)
        decided_at = now + self._seconds * chance.uniform(0.05, 0.3)
        if chance.random() >= _CANCELS_GRANTED or decided_at >= plan.ends_at:
            return plan
        delivered = plan.delivered_by(decided_at)
        fate = State.PARTIAL if delivered else State.CANCELED
        return evolve(plan, ends_at=decided_at, fate=fate, delivered=delivered)

    def refill(self, chance: Random, *, now: float) -> tuple[float, RefillState]:
        """Return when a refill that is accepted now ends, and how."""
        ends_at = now + self._seconds * chance.uniform(0.5, 1.5)
        return ends_at, RefillState.REJECTED if chance.random() < self._troubled else RefillState.COMPLETED

    def _chance(self, what: int, number: int) -> Random:
        return Random(((self._seed * 8 + what) << 40) + number)  # noqa: S311 - chance, not secrets
