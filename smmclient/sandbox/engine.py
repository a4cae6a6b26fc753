"""The panel's books: accounts, orders, refills and cancels, as arithmetic over a given time.

Rules that hold between any two calls:

* nothing here reads a clock or does I/O: the caller says what time it is, and time never runs backwards;
* the n-th order of a seed has the same speed and the same fate, whatever else is asked in between;
* for every account: deposited - sum(charges) + sum(refunds) == balance;
* what happened is told once, oldest first for one order, at the first look at the books that is not before it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from heapq import heappop, heappush

from attrs import evolve

from .fates import Fates
from .happenings import Event, Happening, Tell, tell_nobody, tell_of_end
from .kinds import units_of
from .values import (
    SMALLEST,
    Account,
    Draft,
    IdMaker,
    Order,
    Reason,
    Refill,
    RefillState,
    Refusal,
    Service,
    State,
    round_money,
)


class Engine:
    """A panel's books."""

    def __init__(
        self,
        catalog: Mapping[int, Service],
        *,
        order_id: IdMaker,
        refill_id: IdMaker,
        seed: int = 0,
        seconds_to_finish: float = 3.0,
        troubled: float = 0.1,
        refills_per_order: int = 3,
        coupons: Mapping[str, int] | None = None,
        smallest: Decimal = SMALLEST,
        surplus: int = 0,
        one_order_a_link: bool = False,
        balance_low: Decimal = Decimal(0),
        tell: Tell = tell_nobody,
    ) -> None:
        self.catalog = catalog
        self._smallest = smallest
        self._one_order_a_link = one_order_a_link
        self._latest_on: dict[tuple[str, int, str], str] = {}
        self._order_id = order_id
        self._refill_id = refill_id
        self._fates = Fates(seed=seed, seconds=seconds_to_finish, troubled=troubled, surplus=surplus)
        self._balance_low = balance_low
        self._tell = tell
        self._refills_per_order = refills_per_order
        self._coupons = dict(coupons or {})
        self._now = float("-inf")
        self._keys: dict[str, str] = {}
        self._accounts: dict[str, Account] = {}
        self._orders: dict[str, Order] = {}
        self._refills: dict[str, Refill] = {}
        self._refills_of: dict[str, list[Refill]] = {}
        self._answered: dict[tuple[str, str], tuple[Draft, str]] = {}
        self._ends: list[tuple[float, str]] = []
        self._balances: dict[str, tuple[float, Decimal]] = {}

    # -- accounts -------------------------------------------------------------------------------------------

    def open_account(self, name: str, *, balance: Decimal, discount: int = 0) -> None:
        """Open an account with this money in it."""
        self._accounts[name] = Account(name=name, deposited=balance, discount=discount)

    def issue_key(self, account: str, key: str) -> None:
        """Let this key act for the account, beside any other key it has."""
        self._keys[key] = account

    def revoke_key(self, key: str) -> None:
        """Make the key unknown from now on."""
        self._keys.pop(key, None)

    def authenticate(self, key: str) -> str:
        """Return the name of the account that the key acts for."""
        name = self._keys.get(key)
        if name is None:
            raise Refusal(Reason.INVALID_KEY)
        return name

    def account(self, name: str, *, now: float) -> Account:
        """Return the account as it stands, refunds that are due by now included."""
        self._settle(now)
        return self._accounts[name]

    def set_balance(self, name: str, amount: Decimal, *, now: float) -> None:
        """Pay in, or take out, what makes the balance this amount; the panel shows it at once."""
        account = self.account(name, now=now)
        self._balances.pop(name, None)
        self._enter(evolve(account, deposited=account.deposited + amount - account.balance))

    def set_suspended(self, name: str, *, is_suspended: bool) -> None:
        """Suspend the account, or let it act again."""
        self._accounts[name] = evolve(self._accounts[name], is_suspended=is_suspended)

    def shown_balance(self, name: str, *, now: float, max_age: float = 0.0) -> Decimal:
        """Return the balance that the panel shows, which may be a figure of up to max_age seconds ago."""
        live = self.account(name, now=now).balance
        if max_age > 0:
            seen_at, seen = self._balances.get(name, (float("-inf"), live))
            if self._now - seen_at < max_age:
                return seen
            self._balances[name] = (self._now, live)
        return live

    # -- orders ---------------------------------------------------------------------------------------------

    def add(self, account: str, draft: Draft, *, now: float, request_id: str | None = None) -> Order:
        """Make the order and charge for it; return the first order again if the request id is known.

        An id is remembered once it has led to an order. A refused request may be corrected and sent again
        under its id: the panels that document ids say so for a 400.
        """
        self._settle(now)
        if request_id is not None and (earlier := self._answered.get((account, request_id))) is not None:
            known_draft, known_order = earlier
            # No panel documents what one id with two different bodies gets. Refusing is the only answer that
            # can neither make a second order nor pass the first one off as what was asked for.
            if known_draft != draft:
                raise Refusal(Reason.REQUEST_ID_REUSED, field="request_id")
            return self._orders[known_order]

        service = self.catalog.get(draft.service)
        if service is None:
            raise Refusal(Reason.UNKNOWN_SERVICE, field="service")
        quantity = units_of(service, draft)
        self._check_link(account, draft)
        price = round_money(service.rate * quantity / service.priced_per, self._smallest)
        charge = self._discounted(price, self._accounts[account].discount, draft.coupon)
        if charge > self._accounts[account].balance:
            raise Refusal(Reason.NO_FUNDS)

        number = len(self._orders) + 1
        chance = self._fates.of_order(number)
        order = Order(
            id=self._order_id(number, self._now, chance),
            number=number,
            account=account,
            service=service,
            link=draft.link,
            quantity=quantity,
            original_price=price,
            charge=charge,
            request_id=request_id,
            made_at=self._now,
            start_count=chance.randrange(50_000),
            plan=self._fates.plan(chance, quantity, runs=draft.runs, now=self._now),
        )
        self._credit(account, charged=charge)
        self._orders[order.id] = order
        self._latest_on[account, draft.service, draft.link] = order.id
        heappush(self._ends, (order.plan.ends_at, order.id))
        if request_id is not None:
            self._answered[(account, request_id)] = (draft, order.id)
        return order

    def order(self, account: str, order_id: str, *, now: float) -> Order:
        """Return the account's order of this id."""
        self._settle(now)
        order = self._orders.get(order_id)
        # Another customer's order is as unknown as one that never was.
        if order is None or order.account != account:
            raise Refusal(Reason.UNKNOWN_ORDER, field="order")
        return order

    def orders(self, *, now: float) -> Iterable[Order]:
        """Return every order of every account, oldest first."""
        self._settle(now)
        return self._orders.values()

    def cancel(self, account: str, order_id: str, *, now: float) -> Order:
        """Cancel a pending order and give the charge back, or queue the wish if it is already running.

        A queued wish is decided later, and not always granted: the order then simply goes on.
        """
        order = self.order(account, order_id, now=now)
        state = order.plan.state(self._now)
        if not order.service.cancel or state not in (State.PENDING, State.IN_PROGRESS):
            raise Refusal(Reason.NOT_CANCELABLE, field="order")
        if order.is_cancel_requested:
            return order
        plan = self._fates.canceled(order.plan, order.number, now=self._now)
        self._orders[order.id] = evolve(order, plan=plan, is_cancel_requested=True)
        heappush(self._ends, (plan.ends_at, order.id))
        self._settle(self._now)
        return self._orders[order.id]

    # -- refills --------------------------------------------------------------------------------------------

    def refill(self, account: str, order_id: str, *, now: float) -> Refill:
        """Accept a refill of a completed or partial order."""
        order = self.order(account, order_id, now=now)
        earlier = self._refills_of.setdefault(order.id, [])
        if not order.service.refill:
            raise Refusal(Reason.NOT_REFILLABLE, field="order")
        if order.plan.state(self._now) not in (State.COMPLETED, State.PARTIAL):
            raise Refusal(Reason.NOT_FINISHED, field="order")
        if any(refill.state(self._now) is RefillState.IN_PROGRESS for refill in earlier):
            raise Refusal(Reason.REFILL_ACTIVE, field="order")
        if len(earlier) >= self._refills_per_order:
            raise Refusal(Reason.REFILL_CAP, field="order", limit=self._refills_per_order)
        number = len(self._refills) + 1
        chance = self._fates.of_refill(number)
        refill_id = self._refill_id(number, self._now, chance)
        ends_at, fate = self._fates.refill(chance, now=self._now)
        refill = Refill(id=refill_id, order=order.id, account=account, ends_at=ends_at, fate=fate)
        self._refills[refill.id] = refill
        earlier.append(refill)
        return refill

    def refill_of(self, account: str, refill_id: str, *, now: float) -> Refill:
        """Return the account's refill of this id."""
        self._settle(now)
        refill = self._refills.get(refill_id)
        if refill is None or refill.account != account:
            raise Refusal(Reason.UNKNOWN_REFILL, field="refill")
        return refill

    def last_refill(self, account: str, order_id: str, *, now: float) -> Refill:
        """Return the refill that the account's order had last."""
        self.order(account, order_id, now=now)
        if not (refills := self._refills_of.get(order_id)):
            raise Refusal(Reason.UNKNOWN_REFILL, field="refill")
        return refills[-1]

    # -- what happens by itself -----------------------------------------------------------------------------

    def settle(self, now: float) -> None:
        """Bring the books up to this moment, and tell what happened."""
        self._settle(now)

    @property
    def next_end(self) -> float | None:
        """When to look again: an order ends then, or was to before it was cancelled; None if none is open."""
        return self._ends[0][0] if self._ends else None

    # -- inside ---------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        """Give back the unspent part of every charge whose order has ended by now."""
        self._now = max(now, self._now)
        while self._ends and self._ends[0][0] <= self._now:
            ended_at, order_id = heappop(self._ends)
            order = self._orders[order_id]
            # A cancel moves the end: the entry for the old end is then of no meaning.
            if order.is_settled or order.plan.ends_at != ended_at:
                continue
            refund = order.unspent(self._smallest)
            self._orders[order_id] = ended = evolve(order, refunded=refund, is_settled=True)
            self._credit(order.account, refunded=refund)
            tell_of_end(ended, self._tell)

    def _credit(self, name: str, *, charged: Decimal = Decimal(0), refunded: Decimal = Decimal(0)) -> None:
        account = self._accounts[name]
        self._enter(evolve(account, charged=account.charged + charged, refunded=account.refunded + refunded))

    def _enter(self, account: Account) -> None:
        was_low = self._accounts[account.name].balance < self._balance_low
        self._accounts[account.name] = account
        if account.balance < self._balance_low and not was_low:
            self._tell(Happening(event=Event.BALANCE_LOW, account=account.name, at=self._now, about=account.balance))

    def _discounted(self, price: Decimal, discount: int, coupon: str) -> Decimal:
        if coupon:
            if coupon not in self._coupons:
                raise Refusal(Reason.BAD_COUPON, field="coupon")
            discount = min(100, discount + self._coupons[coupon])
        return round_money(price * (100 - discount) / 100, self._smallest)

    def _check_link(self, account: str, draft: Draft) -> None:
        latest = self._latest_on.get((account, draft.service, draft.link)) if self._one_order_a_link else None
        if latest is not None and not self._orders[latest].is_settled:
            raise Refusal(Reason.DUPLICATE, field="link")
