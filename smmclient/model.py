"""What a panel's replies say, normalised, with the decoded reply kept beside it in ``raw``.

Ids are text, money is `Decimal`, times are seconds since the epoch. None means that the panel did not say.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, overload

import attrs
from attrs import field, frozen

from smmclient.search import rank

if TYPE_CHECKING:
    from smmclient.orders import AnyOrder

__all__ = [
    "Balance",
    "Cancellation",
    "Catalog",
    "OrderState",
    "OrderStatus",
    "Problem",
    "Receipt",
    "Refill",
    "RefillState",
    "RefillStatus",
    "Service",
]


class OrderState(enum.Enum):
    """Where an order stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the panel will not change the order any more. A word we do not know is not final."""
        return self in _FINAL


_FINAL = frozenset(
    {OrderState.COMPLETED, OrderState.PARTIAL, OrderState.CANCELED, OrderState.REFUNDED, OrderState.FAILED}
)


class RefillState(enum.Enum):
    """Where a refill stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the panel will not change the refill any more."""
        return self in (RefillState.COMPLETED, RefillState.REJECTED, RefillState.FAILED)


@frozen
class Balance:
    """What is left on the account.

    The figure was fetched at ``fetched_at`` and may then have been up to ``max_age`` seconds old, because
    the panel answers from a cache: an order placed in that time may be missing from it.
    """

    amount: Decimal
    currency: str | None
    fetched_at: float
    max_age: float = 0.0
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Receipt:
    """The panel took the order: its id there, and what it cost as far as the panel said.

    ``charge`` is what is paid, ``original_price`` what it was before ``discount``. ``request_id`` is the idempotency
    key that was sent, None on panels without one.
    """

    order: str
    request_id: str | None = None
    charge: Decimal | None = None
    original_price: Decimal | None = None
    discount: Decimal | None = None
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class OrderStatus:
    """Where an order stands. ``raw_state`` is the panel's own word for ``state``.

    ``start_count`` is the counter before the order began, ``remains`` what is still to come (panels that
    deliver too much send it below zero).
    """

    order: str
    state: OrderState
    raw_state: str
    charge: Decimal | None = None
    start_count: int | None = None
    remains: int | None = None
    currency: str | None = None
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Refill:
    """The panel took a refill of ``order``.

    ``refill`` is what the panel answered: its id on most, but ``1`` or the order's own id on some, so do not
    count on `refill_statuses` knowing it.
    """

    order: str
    refill: str
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class RefillStatus:
    """Where a refill stands. ``raw_state`` is the panel's own word for ``state``."""

    refill: str
    state: RefillState
    raw_state: str
    raw: object = field(default=None, repr=False, eq=False)


@frozen
class Cancellation:
    """The panel accepted the wish to cancel ``order``; whether it was stopped, its status tells later."""

    order: str
    raw: object = field(default=None, repr=False, eq=False)


_EXACT = Context(prec=100)


@frozen
class Service:
    """One line of the catalog. ``rate`` is the price of 1,000 units in the account's currency.

    ``original_rate`` and ``discount_percent`` are there when the panel tells the price before the key's discount;
    ``rate`` is already discounted. The flags are None where the panel does not say.
    """

    id: str
    name: str
    type: str
    category: str | None
    rate: Decimal
    min: int
    max: int
    refill: bool | None = None
    cancel: bool | None = None
    dripfeed: bool | None = None
    original_rate: Decimal | None = None
    discount_percent: Decimal | None = None
    #: Units that the panel bills for a package of this service; None where it does not document that.
    package_units: int | None = None
    raw: object = field(default=None, repr=False, eq=False)

    def cost(self, order: AnyOrder) -> Decimal | None:
        """What the order costs at this rate: exact, not rounded, in the account's currency.

        A drip-feed costs all its runs. None where nobody can know before placing it: a package or a subscription
        on a panel that does not document what it bills, or a `RawOrder`. Coupons are not counted in.

        >>> from decimal import Context, Decimal
        >>> from smmclient import Order, Service
        >>> service = Service("1", "Followers", "Default", None, Decimal("0.50"), 10, 5000)
        >>> service.cost(Order(service=1, link="https://example.com/p", quantity=1500))
        Decimal('0.75')
        """
        if str(order.service) != self.id:
            raise ValueError(f"the order is for service {order.service}, not {self.id}")
        units = self.package_units if order.billed_as_package else order.units
        # In a context of our own: the caller's may round to a few digits.
        return None if units is None else _EXACT.divide(_EXACT.multiply(self.rate, Decimal(units)), Decimal(1000))


@frozen
class Problem:
    """A catalog row that could not be read: its number from 1, the field, and why. ``raw`` is the row."""

    row: int
    field: str | None
    reason: str
    raw: object = attrs.field(default=None, repr=False, eq=False)


@frozen(eq=False)
class Catalog(Sequence[Service]):
    """The services of a panel, in the panel's order, fetched at ``fetched_at``.

    ``problems`` lists the rows that could not be read; no row is dropped without a trace.
    """

    services: tuple[Service, ...]
    problems: tuple[Problem, ...] = ()
    fetched_at: float = 0.0
    _by_id: Mapping[str, Service] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        by_id: dict[str, Service] = {}
        for service in self.services:
            by_id.setdefault(service.id, service)
        object.__setattr__(self, "_by_id", by_id)

    def __repr__(self) -> str:
        return f"<Catalog: {len(self.services)} services, {len(self.problems)} problems>"

    def __len__(self) -> int:
        return len(self.services)

    def __iter__(self) -> Iterator[Service]:
        return iter(self.services)

    @overload
    def __getitem__(self, index: int) -> Service: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Service, ...]: ...
    def __getitem__(self, index: int | slice) -> Service | tuple[Service, ...]:
        return self.services[index]

    def get(self, service: int | str) -> Service | None:
        """The service with that id, or None; ``catalog[0]`` is the first line instead."""
        return self._by_id.get(str(service))

    def search(self, words: str) -> list[Service]:
        """The services that hold every word, in name, category or type, the best match first.

        >>> from decimal import Context, Decimal
        >>> from smmclient import Catalog, Service
        >>> catalog = Catalog((Service("1", "Instagram Followers", "Default", None, Decimal(1), 1, 9),))
        >>> [service.id for service in catalog.search("followers insta")]
        ['1']
        """
        texts = [(service.name, f"{service.category or ''} {service.type} {service.id}") for service in self.services]
        return [self.services[index] for index in rank(words, texts)]
