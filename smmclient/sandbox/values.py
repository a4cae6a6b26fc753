"""The words of the engine: services, orders and refills as frozen values, and why a panel says no.

An order's state is never stored. It follows from its plan and the moment it is asked for, so that a panel
with a hundred thousand orders does no work between two requests.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from enum import Enum, StrEnum, auto
from random import Random

from attrs import field, frozen

DEFAULT = "Default"
PACKAGE = "Package"
SUBSCRIPTIONS = "Subscriptions"
CUSTOM_COMMENTS = "Custom Comments"

SMALLEST = Decimal("0.00000001")

IdMaker = Callable[[int, float, Random], str]
"""Makes the n-th id: takes the number, the moment and a seeded source of chance."""


def round_money(amount: Decimal, smallest: Decimal = SMALLEST) -> Decimal:
    """Return the amount in whole units of the smallest coin, what is smaller dropped."""
    return amount.quantize(smallest, rounding=ROUND_DOWN)


class State(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIAL = "partial"
    CANCELED = "canceled"


class RefillState(StrEnum):
    """Where a refill stands."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"


class Reason(Enum):
    """Why a panel says no; each dialect has its own status and text for it."""

    INVALID_KEY = auto()
    SUSPENDED = auto()
    UNKNOWN_ACTION = auto()
    MISSING = auto()
    MALFORMED = auto()
    TOO_MANY_IDS = auto()
    UNKNOWN_SERVICE = auto()
    BAD_LINK = auto()
    QUANTITY_BELOW = auto()
    QUANTITY_ABOVE = auto()
    NO_DRIPFEED = auto()
    BAD_COUPON = auto()
    NO_FUNDS = auto()
    DUPLICATE = auto()
    REQUEST_ID_REUSED = auto()
    UNKNOWN_ORDER = auto()
    NOT_CANCELABLE = auto()
    NOT_REFILLABLE = auto()
    NOT_FINISHED = auto()
    REFILL_CAP = auto()
    REFILL_ACTIVE = auto()
    UNKNOWN_REFILL = auto()
    BAD_WEBHOOK = auto()
    TOO_MANY_WEBHOOKS = auto()
    UNKNOWN_WEBHOOK = auto()
    RATE_LIMITED = auto()
    SERVER_ERROR = auto()
    TOO_LARGE = auto()
    WRONG_METHOD = auto()
    WRONG_PATH = auto()


class Refusal(Exception):
    """The panel said no, and nothing happened."""

    def __init__(self, reason: Reason, *, field: str = "", limit: int = 0) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.field = field
        self.limit = limit


@frozen(kw_only=True)
class Service:
    """One row of the catalog; the rate is the price of `priced_per` units."""

    id: int
    name: str
    type: str
    category: str
    rate: Decimal
    min: int
    max: int
    dripfeed: bool
    refill: bool
    cancel: bool
    priced_per: int = 1000


@frozen(kw_only=True)
class Account:
    """A customer's money, as sums that only grow; the discount is in percent."""

    name: str
    deposited: Decimal
    charged: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    discount: int = 0
    is_suspended: bool = False

    @property
    def balance(self) -> Decimal:
        """What is left to spend."""
        return self.deposited - self.charged + self.refunded


@frozen(kw_only=True)
class Draft:
    """What a customer asks for, before the panel has agreed to it."""

    service: int
    link: str
    quantity: int | None = None
    runs: int = 1
    interval: int = 0
    coupon: str = ""
    comments: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()


@frozen(kw_only=True)
class Plan:
    """What becomes of an order if nobody interferes; more may be delivered than was ordered."""

    starts_at: float
    ends_at: float
    fate: State
    delivered: int

    def state(self, now: float) -> State:
        """Return where the order stands at that moment."""
        if now >= self.ends_at:
            return self.fate
        return State.PENDING if now < self.starts_at else State.IN_PROGRESS

    def delivered_by(self, now: float) -> int:
        """Return how many units have been delivered by that moment."""
        if now >= self.ends_at:
            return self.delivered
        if now <= self.starts_at:
            return 0
        return int(self.delivered * (now - self.starts_at) / (self.ends_at - self.starts_at))


@frozen(kw_only=True)
class Order:
    """An order the panel has accepted and charged for."""

    id: str
    number: int
    account: str
    service: Service
    link: str
    quantity: int
    original_price: Decimal
    charge: Decimal
    request_id: str | None
    made_at: float
    start_count: int
    plan: Plan
    refunded: Decimal = Decimal(0)
    is_settled: bool = False
    is_cancel_requested: bool = False

    @property
    def cost(self) -> Decimal:
        """What the customer has paid in the end: the charge without what was given back."""
        return self.charge - self.refunded

    def unspent(self, smallest: Decimal = SMALLEST) -> Decimal:
        """Return the part of the charge that belongs to what the plan leaves undelivered."""
        left = max(0, self.quantity - self.plan.delivered)
        return self.charge if left == self.quantity else round_money(self.charge * left / self.quantity, smallest)

    def remains(self, now: float) -> int:
        """Return how many units are still to come at that moment; below zero if too many were delivered."""
        return self.quantity - self.plan.delivered_by(now)


@frozen(kw_only=True)
class Refill:
    """A refill the panel has accepted."""

    id: str
    order: str
    account: str
    ends_at: float
    fate: RefillState = field(repr=False)

    def state(self, now: float) -> RefillState:
        """Return where the refill stands at that moment."""
        return self.fate if now >= self.ends_at else RefillState.IN_PROGRESS
