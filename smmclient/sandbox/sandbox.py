"""A panel in a box: the handle that a test or a demonstration holds."""

import threading
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from attrs import frozen

from .faults import Fault
from .panel import OWNER, Panel, Reply, Request
from .values import Order, Reason, State
from .webhooks import SandboxWebhooks


@frozen(kw_only=True)
class SandboxOrder:
    """An order as the panel's owner sees it, at one moment."""

    id: str
    service: int
    link: str
    quantity: int
    charge: Decimal
    refunded: Decimal
    state: State
    remains: int
    request_id: str | None
    made_at: float


class Sandbox:
    """A running panel. Every method may be called from any thread, at any time."""

    def __init__(self, panel: Panel, *, clock: Callable[[], float], api_key: str, base_url: str) -> None:
        self.panel = panel.dialect.name
        self.currency = panel.dialect.currency
        self.api_key = api_key
        self.base_url = base_url
        self._panel = panel
        self._clock = clock
        self._lock = threading.Lock()
        self._issued = 0
        has_webhooks = "webhook.add" in panel.dialect.actions
        self.webhooks = SandboxWebhooks(
            panel.outbox,
            panel.writer,
            lock=self._lock,
            clock=clock,
            engine=panel.engine,
            owner=(OWNER, api_key) if has_webhooks else None,
        )
        """What the panel pushes: what was sent, and what is to go wrong with it."""

    def __repr__(self) -> str:
        return f"<Sandbox {self.panel} at {self.base_url}>"

    # -- what happened --------------------------------------------------------------------------------------

    @property
    def orders(self) -> tuple[SandboxOrder, ...]:
        """Every order that was made, oldest first, as it stands now."""
        with self._lock:
            now = self._clock()
            return tuple(_snapshot(order, now) for order in self._panel.engine.orders(now=now))

    @property
    def balance(self) -> Decimal:
        """What is left to spend, live: the panel itself may show an older figure."""
        with self._lock:
            return self._panel.engine.account(OWNER, now=self._clock()).balance

    @property
    def spent(self) -> Decimal:
        """Charges minus refunds."""
        with self._lock:
            account = self._panel.engine.account(OWNER, now=self._clock())
            return account.charged - account.refunded

    @property
    def requests(self) -> tuple[Request, ...]:
        """The last 10,000 requests, oldest first, without their keys."""
        with self._lock:
            return tuple(self._panel.requests)

    def count(self, action: str | None = None, status: int | None = None) -> int:
        """Return how many requests there were, of this action and answered with this status if given."""
        with self._lock:
            return sum(
                times
                for (of_action, with_status), times in self._panel.counts.items()
                if action in (None, of_action) and status in (None, with_status)
            )

    def duplicates(self) -> tuple[tuple[SandboxOrder, ...], ...]:
        """Return the orders that were made more than once, grouped: same service and same link."""
        groups: defaultdict[tuple[int, str], list[SandboxOrder]] = defaultdict(list)
        for order in self.orders:
            groups[order.service, order.link].append(order)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

    # -- what happens next ----------------------------------------------------------------------------------

    def fail(
        self,
        action: str,
        fault: Fault,
        *,
        times: int | None = None,
        probability: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the fault strike requests of this action, or of any if it is "*".

        Without times and probability it strikes once; with a probability alone, until healed. Faults for the
        same action strike in the order they were asked for. `seconds` is the delay of LATE, and the wait that
        TOO_MANY asks for.
        """
        actions = self._panel.dialect.actions
        if action != "*" and action not in actions:
            raise ValueError(f"{self.panel} has no action {action!r}: there are {', '.join(sorted(actions))}")
        with self._lock:
            self._panel.faults.add(action, fault, times=times, probability=probability, seconds=seconds)

    def slow(self, latency: float, *, jitter: float = 0.0) -> None:
        """Delay every reply by latency seconds and a random part of jitter seconds."""
        with self._lock:
            self._panel.faults.slow(latency, jitter=jitter)

    def heal(self) -> None:
        """Forget every fault that has not struck yet, and any delay that was not there at the start."""
        with self._lock:
            self._panel.faults.heal()

    def suspend(self, *, is_suspended: bool = True) -> None:
        """Suspend the account, or let it act again."""
        with self._lock:
            self._panel.engine.set_suspended(OWNER, is_suspended=is_suspended)

    def set_balance(self, amount: Decimal | int | str) -> None:
        """Make the balance this amount, at once and on every page of the panel."""
        with self._lock:
            self._panel.engine.set_balance(OWNER, Decimal(amount), now=self._clock())
            self.webhooks.stir()

    def issue_key(self) -> str:
        """Return a second key to the same account."""
        with self._lock:
            self._issued += 1
            key = f"{self.api_key}-{self._issued}"
            self._panel.engine.issue_key(OWNER, key)
            return key

    def revoke_key(self, key: str) -> None:
        """Make the key invalid from now on."""
        with self._lock:
            self._panel.engine.revoke_key(key)

    # -- for the server -------------------------------------------------------------------------------------

    def handle(self, form: dict[str, str], address: str = "127.0.0.1", has_cookie: bool = False) -> Reply:
        """Return the reply to a form, without a network in between."""
        with self._lock:
            reply = self._panel.handle(form, address=address, now=self._clock(), carried_cookie=has_cookie)
            self.webhooks.stir()
            return reply

    def refuse(self, reason: Reason) -> Reply:
        """Return the reply to a request that is no form post."""
        with self._lock:
            return self._panel.refuse(reason, now=self._clock())


def _snapshot(order: Order, now: float) -> SandboxOrder:
    return SandboxOrder(
        id=order.id,
        service=order.service.id,
        link=order.link,
        quantity=order.quantity,
        charge=order.charge,
        refunded=order.refunded,
        state=order.plan.state(now),
        remains=order.remains(now),
        request_id=order.request_id,
        made_at=order.made_at,
    )
