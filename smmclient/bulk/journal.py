"""What a run needs of its journal: the interface that SQLite implements, and a server's database could.

The promise: a row is written as SENDING, durably, before its first byte is sent, and a row that was ever sent is never
PENDING again unless somebody knows that it was not placed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from types import TracebackType
from typing import Self

from attrs import field, frozen

from smmclient.bulk.budget import Budget
from smmclient.bulk.entry import Entry, Outcome, RowState
from smmclient.model import Balance, OrderState, OrderStatus
from smmclient.orders import AnyOrder
from smmclient.provider import Provider

__all__ = ["Admission", "Admitted", "Bound", "Checkpoint", "Input", "Journal", "NewRow", "Tally"]


@frozen(kw_only=True)
class NewRow:
    """A row of a file, checked, on its way into a journal. ``order`` is None if it cannot be ordered: ``reason``."""

    number: int
    line: int
    panel: str
    #: The user's own key; None: the row is told from others by its number and content.
    ref: str | None
    order: AnyOrder | None
    written: Mapping[str, str] = field(factory=dict)
    cost: Decimal | None = None
    error: str | None = None
    reason: str | None = None


@frozen(kw_only=True)
class Admitted:
    """What became of a `NewRow`: it is in the journal now, was in it before, or is invalid because of ``reason``."""

    was_known: bool = False
    reason: str | None = None
    #: The same order stands in this place already ("line 12"), and was let in because it has a ref of its own.
    twin: str | None = None


@frozen(kw_only=True)
class Bound:
    """A panel of the run: which provider stands behind the name, and a hash that tells its account from others."""

    panel: str
    provider: str
    account: str
    base_url: str | None = None

    @classmethod
    def of(cls, panel: str, provider: Provider) -> Self:
        """What a run is bound to when its rows of that name go to this provider."""
        return cls(panel=panel, provider=provider.name, account=provider.account, base_url=provider.base_url)


@frozen(kw_only=True)
class Input:
    """One file that was read into the journal."""

    name: str
    rows: int
    added_at: float


@frozen(kw_only=True)
class Checkpoint:
    """A balance as the panel told it, and whether no row of ours was in the air, or too fresh to be in it."""

    panel: str
    balance: Balance
    is_settled: bool


@frozen(kw_only=True)
class Tally:
    """How many rows of one panel are in one state, and what they cost. Sums leave out what is not known.

    ``unpriced`` counts the rows whose cost is not known. ``returned`` is what came back.
    """

    panel: str
    state: RowState
    order_state: OrderState | None
    #: The class of the error and what it said, for rows that were refused or are in doubt.
    error: str | None
    rows: int
    spent: Decimal
    returned: Decimal
    unpriced: int


class Admission(ABC):
    """Rows on their way into a journal: all of them, or none."""

    @abstractmethod
    async def add(self, rows: Sequence[NewRow]) -> list[Admitted]:
        """Take rows in, and say of each what became of it.

        A ref that another row has makes a row invalid, unless it is the same row of an earlier input. So does the same
        order on the same panel, in this input or in an earlier one, unless the row has a ref of its own.
        """

    @abstractmethod
    async def verify(self) -> None:
        """Raise now what the end of the block would raise: `JournalMismatch` for an input that is not the run's."""


class Journal(ABC):
    """One run's journal. Use it as an async context manager; every method raises `JournalError` classes.

    A method that writes returns when the write is durable.
    """

    @abstractmethod
    async def bind(self, panels: Sequence[Bound], *, is_same_account: bool = False) -> None:
        """Bind the run to these accounts, or check that it is bound to them: `JournalMismatch` if it is not.

        ``is_same_account`` takes another key's hash for the same account; keyed rows are not asked about again then.
        """

    @abstractmethod
    def admission(
        self, name: str, *, may_add: bool = False, allow_twins: bool = False, is_trial: bool = False
    ) -> AbstractAsyncContextManager[Admission]:
        """Read an input in; it is kept when the block ends well, and nothing is when it does not.

        A second input is a `JournalMismatch`, raised at the end of the block, unless it holds the same rows as an
        earlier one, or ``may_add`` is True. ``allow_twins`` lets the same order in twice. ``is_trial``
        keeps nothing.
        """

    @abstractmethod
    async def take(self, panel: str, *, after: int, limit: int) -> list[Entry]:
        """PENDING rows of a panel, in the order of the file, with a number above ``after``."""

    @abstractmethod
    def request_id(self, entry: Entry) -> str:
        """The idempotency key for a row's next sending, if it has none yet.

        It follows from the run and the row: in a copy of the run, or in one that was put back to an earlier state, the
        row has the same, and a panel that knows it places the order once.
        """

    @abstractmethod
    async def send(self, entry: Entry, *, request_id: str | None, at: float, repeat_until: float | None) -> None:
        """Write that the row is about to be sent."""

    @abstractmethod
    def settle(self, entry: Entry, outcome: Outcome, *, at: float) -> Awaitable[None]:
        """Write how a row's sending ended.

        Writes take effect in the order of the calls, so a later `send` is not durable before this is; await the result
        to know that this is. An outcome for a row in doubt is taken, too; one for a DONE row never, but for
        `TakenBack` where its user, not the panel, said that it was placed.
        """

    @abstractmethod
    async def follow(self, panel: str, statuses: Sequence[OrderStatus], *, at: float) -> None:
        """Write where placed orders stand."""

    @abstractmethod
    async def checkpoint(self, panel: str, balance: Balance, *, is_settled: bool) -> None:
        """Write what the panel says the balance is."""

    @abstractmethod
    async def checkpoints(self, panel: str) -> list[Checkpoint]:
        """The balances that were written, oldest first."""

    @abstractmethod
    async def tallies(self) -> list[Tally]:
        """Counts and sums of the whole run."""

    @abstractmethod
    async def keep_budget(self, budget: Budget) -> None:
        """Write the money guards that hold for the run from now on, in later sessions, too."""

    @abstractmethod
    async def budget(self) -> Budget:
        """The money guards that were kept; none, if none were."""

    @abstractmethod
    async def inputs(self) -> list[Input]:
        """The files that were read in."""

    @abstractmethod
    async def bound(self) -> list[Bound]:
        """The panels of the run."""

    @abstractmethod
    def entries(
        self,
        *,
        states: Collection[RowState] | None = None,
        panel: str | None = None,
        order_states: Collection[OrderState | None] | None = None,
        sent_since: float | None = None,
    ) -> AsyncIterator[Entry]:
        """The rows in these states, in the order of the file; ``order_states`` asks for what their orders are in.

        ``sent_since`` asks for those that were sent, asked about or settled at that time or later, or are in the air.
        """

    @abstractmethod
    async def find(self, ref: str) -> Entry | None:
        """The row with that ref."""

    @abstractmethod
    async def find_order(self, panel: str, order_id: str) -> Entry | None:
        """The row that got that order."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the journal; another process can have it then."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
