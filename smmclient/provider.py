"""The interface that users hold: one panel, asked and ordered from in typed values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

from smmclient.errors import Unsupported
from smmclient.tracking import Track

if TYPE_CHECKING:
    from smmclient.catalog import Catalog
    from smmclient.dialect.capabilities import Capabilities
    from smmclient.errors import SMMError
    from smmclient.model import (
        Balance,
        Cancellation,
        OrderStatus,
        Receipt,
        Refill,
        RefillStatus,
    )
    from smmclient.orders import AnyOrder
    from smmclient.settings import Settings
    from smmclient.webhooks.pushes import Pushes
    from smmclient.webhooks.webhook import Webhook

__all__ = ["BeforeSend", "Provider"]

#: ``async (order, request_id) -> None``: called once per order, when its turn in pacing has come and before its
#: first byte is sent. What it raises stops the order; nothing was sent then.
BeforeSend: TypeAlias = "Callable[[AnyOrder, str | None], Awaitable[None]]"


class Provider(ABC):
    """One account at one panel.

    Use it as an async context manager, from one event loop. Every method raises `smmclient.SMMError` classes only:
    `UsageError` before anything is sent, `Refused` when the panel says no, `Unavailable` when it
    did not act, `OutcomeUnknown` when an order, refill or cancel may have happened, `Malformed` for a read that
    cannot be understood.

    Methods that take several ids return a mapping in the order of the ids, each once, whose values are results or
    errors; they split what the panel cannot take at once. A panel's answer to a call of one batch that
    concerns the whole call (key refused, say) raises; with several batches it is the value of each id of its batch.
    """

    #: The name that `connect` knows it by.
    name: str
    #: What the panel documents, feature by feature.
    capabilities: Capabilities
    settings: Settings

    @property
    @abstractmethod
    def account(self) -> str:
        """Tells this account from others, without telling the key: a digest of the panel's address and the key.

        Runs of bulk orders are bound to it: two keys with one digest would be taken for one account.
        """

    @property
    def base_url(self) -> str | None:
        """The address that is called, as `connect` takes it; None where there is no such thing."""
        return None

    def check_order(self, order: AnyOrder) -> None:  # noqa: B027 (a panel that rules nothing out needs none)
        """Raise `InvalidOrder` or `Unsupported` for an order that the panel's documents rule out; no I/O."""

    @abstractmethod
    async def balance(self, *, refresh: bool = False) -> Balance:
        """What is left on the account; `Balance.max_age` says how old the figure may be.

        Where the panel itself answers from a cache, a figure fetched within that time is given again without asking;
        ``refresh=True`` asks all the same.
        """

    @abstractmethod
    async def services(self, *, refresh: bool = False) -> Catalog:
        """The panel's catalog, kept for an hour; ``refresh=True`` fetches it."""

    @abstractmethod
    async def add_order(
        self,
        order: AnyOrder,
        *,
        request_id: str | None = None,
        resume: bool = False,
        before_send: BeforeSend | None = None,
    ) -> Receipt:
        """Place one order, once, and return the panel's receipt for it.

        ``request_id`` is for panels with an idempotency key (`Capabilities.request_id`): 1 to 128 printable ASCII
        characters; without it one is made. Raises `OutcomeUnknown` when the order may have been placed: look, do
        not send it again, unless its ``safe_to_repeat`` is True: then the same order with the same ``request_id``
        settles it. ``resume=True`` says that an earlier call with this ``request_id`` may have arrived, so that only an
        answer about the order itself counts as one; the provider remembers the ids of its own unknown outcomes.
        """

    @abstractmethod
    async def order_status(self, order: int | str) -> OrderStatus:
        """Where an order stands. Calls made within a few milliseconds share one request."""

    @abstractmethod
    async def order_statuses(self, orders: Iterable[int | str]) -> Mapping[str, OrderStatus | SMMError]:
        """Where many orders stand, in batches of what the panel takes."""

    @abstractmethod
    async def refill(self, orders: Iterable[int | str] | int | str) -> Mapping[str, Refill | SMMError]:
        """Ask for a refill of each order."""

    @abstractmethod
    async def refill_statuses(self, refills: Iterable[int | str] | int | str) -> Mapping[str, RefillStatus | SMMError]:
        """Where refills stand, by the ids that `refill` gave."""

    @abstractmethod
    async def cancel(self, orders: Iterable[int | str] | int | str) -> Mapping[str, Cancellation | SMMError]:
        """Ask to cancel each order. A `Cancellation` means accepted: the order's status tells the rest."""

    async def add_webhook(self, url: str, events: Iterable[str] | None = None) -> Webhook:
        """Have the panel push events to a URL, and return the webhook with its secret, which is shown this once.

        ``events`` are names such as ``"order.completed"``; without them the panel's default holds (all, on NotPanel).
        The URL is checked before anything is sent: https, a public host, no password, no fragment, no API key in it; a
        panel on this machine may also be given http(s) URLs on this machine. NotPanel takes five webhooks a key;
        what it says to a sixth is `Refused`. How its reply names the secret is not documented: `Webhook.secret` is
        None where it is not found, and `Webhook.raw` holds the reply. `OutcomeUnknown` may have left a webhook whose
        secret nobody saw: look at the panel's list, remove it, add it again.
        """
        raise self._without_webhooks()

    async def webhooks(self, action: str = "webhook.list") -> tuple[Webhook, ...]:
        """The webhooks that the panel has for this key, without their secrets.

        No panel documents the action's name: the default is ours, and `Refused` may mean that it is another.
        """
        raise self._without_webhooks()

    async def remove_webhook(
        self, webhook: Webhook | int | str, *, action: str = "webhook.remove", field: str = "id"
    ) -> None:
        """Remove a webhook, by its id, or with ``field="url"`` by its URL; to change a secret, remove and add again.

        No panel documents the names of the action and of its field: the defaults are ours. After `OutcomeUnknown`, look
        at the panel's list and remove it again if it is still there.
        """
        raise self._without_webhooks()

    def _without_webhooks(self) -> Unsupported:
        return Unsupported("this provider has no calls for webhooks", provider=getattr(self, "name", None))

    @abstractmethod
    def with_settings(self, **changes: object) -> Provider:
        """The same account with other settings; connection, meters and cache are shared."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections. The provider cannot be used after that."""

    def track(
        self,
        orders: Iterable[int | str],
        *,
        every: float | None = None,
        patience: float = 900.0,
        pushes: Pushes | None = None,
    ) -> Track:
        """Every change of the orders, from their first status until all are final.

        Without pushes no order is asked about more often than ``every`` seconds (30), old ones less often. Outages are
        waited out; after ``patience`` seconds without one good reply the error is raised. An id that the panel
        refuses does not stop the others: its error is raised when they are done.

        With ``pushes``, what the panel pushes ends the wait at once: a final status that came with it, and lacks
        nothing that the panel had told before, is given as it is; another order is asked about early, and from then on
        as without pushes, every 30 seconds. For the rest polling is left as a safety net: after ``every`` seconds
        (600), then less and less often, up to an hour. `Track.tally` says what that has saved.
        """
        return Track(self, orders, every=every, patience=patience, pushes=pushes)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
