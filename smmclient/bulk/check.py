"""A whole input against the panels' catalogs: what is wrong with it, and what it will cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice

import anyio
import anyio.to_thread
from attrs import define, field, frozen

from smmclient.bulk.budget import Budget
from smmclient.bulk.checking import bad_row, check_row
from smmclient.bulk.journal import Admitted, Bound, Journal, NewRow
from smmclient.bulk.source import BadRow, Row, Source
from smmclient.catalog import Catalog, Service
from smmclient.errors import SMMError, UsageError
from smmclient.exact import EXACT, total
from smmclient.model import Balance
from smmclient.provider import Provider

__all__ = ["PanelCost", "Problem", "Report", "ServiceCost", "admit", "check"]

_CHUNK = 500
#: Problems that a report holds; a run's journal has them all.
_MOST = 1000


@frozen(kw_only=True)
class Problem:
    """A row that cannot be ordered: where it is, and what is wrong with it."""

    line: int
    panel: str
    ref: str | None
    reason: str


@frozen(kw_only=True)
class ServiceCost:
    """What the rows of one service come to. ``unpriced`` rows, whose cost nobody can know, are not in ``cost``."""

    panel: str
    service: str
    name: str
    rows: int
    cost: Decimal
    unpriced: int


@frozen(kw_only=True)
class PanelCost:
    """What one panel's rows come to, against its balance; ``problem`` says why the balance is not known."""

    panel: str
    rows: int
    cost: Decimal
    unpriced: int
    balance: Balance | None
    problem: str | None = None

    @property
    def is_covered(self) -> bool | None:
        """Whether the balance covers it, as far as the costs are known; None if the balance is not."""
        return None if self.balance is None else self.balance.amount >= self.cost


@frozen(kw_only=True)
class Report:
    """What a check found. ``rows`` = ``good`` + ``known`` + ``bad``.

    ``good`` rows are new and can be ordered, ``known`` ones were in the journal before, ``problems`` are the first of
    the ``bad`` ones. ``twins`` are good rows that order the same as another one, ``held`` those that a guard holds.
    """

    source: str
    rows: int
    good: int
    known: int
    bad: int
    held: int
    twins: int
    problems: tuple[Problem, ...]
    services: tuple[ServiceCost, ...]
    panels: tuple[PanelCost, ...]
    #: Why rows are held, and how many.
    held_because: Mapping[str, int] = field(factory=dict)


@define
class _Sum:
    rows: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def add(self, cost: Decimal | None) -> None:
        self.rows += 1
        if cost is None:
            self.unpriced += 1
        else:
            self.cost = EXACT.add(self.cost, cost)


async def check(
    source: Source,
    journal: Journal,
    panels: Mapping[str, Provider],
    *,
    panel: str | None = None,
    budget: Budget | None = None,
    allow_twins: bool = False,
    on_problem: Callable[[Problem], Awaitable[None]] | None = None,
) -> Report:
    """Check an input, and keep nothing of it.

    ``panels`` are the providers by the name that the column ``panel`` has; rows without one go to ``panel``. A file
    that cannot be read at all is a `UsageError`; a catalog that cannot be fetched raises what the provider raises.
    """
    checker = _Checker(panels, panel=panel, budget=budget or Budget(), on_problem=on_problem)
    return await checker.run(source, journal, allow_twins=allow_twins, is_trial=True)


async def admit(
    source: Source,
    journal: Journal,
    panels: Mapping[str, Provider],
    *,
    panel: str | None = None,
    budget: Budget | None = None,
    allow_twins: bool = False,
    may_add: bool = False,
    is_strict: bool = False,
    is_same_account: bool = False,
    agree: Callable[[Report], Awaitable[bool]] | None = None,
    on_problem: Callable[[Problem], Awaitable[None]] | None = None,
) -> Report:
    """Check an input and keep it in the journal, all of it or nothing; nothing is sent.

    ``is_strict`` keeps nothing if any row is bad, and raises `UsageError`. ``agree`` is shown the report before
    anything is kept, and may say no, which is a `UsageError`, too. Raises `JournalMismatch` for another input than the
    journal's, unless ``may_add`` is True, and for another account.
    """
    checker = _Checker(panels, panel=panel, budget=budget or Budget(), on_problem=on_problem)
    return await checker.run(
        source,
        journal,
        allow_twins=allow_twins,
        may_add=may_add,
        is_strict=is_strict,
        is_same_account=is_same_account,
        agree=agree,
    )


class _Checker:
    def __init__(
        self,
        panels: Mapping[str, Provider],
        *,
        panel: str | None,
        budget: Budget,
        on_problem: Callable[[Problem], Awaitable[None]] | None,
    ) -> None:
        self._panels, self._default, self._budget, self._on_problem = panels, panel, budget, on_problem
        self._known: dict[str, tuple[Provider, Catalog] | None] = {}
        self._sums: defaultdict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._problems: list[Problem] = []
        self._held: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    async def run(
        self,
        source: Source,
        journal: Journal,
        *,
        allow_twins: bool,
        may_add: bool = False,
        is_strict: bool = False,
        is_trial: bool = False,
        is_same_account: bool = False,
        agree: Callable[[Report], Awaitable[bool]] | None = None,
    ) -> Report:
        rows = iter(source)
        async with journal.admission(
            source.name, may_add=may_add, allow_twins=allow_twins, is_trial=is_trial
        ) as admission:
            while chunk := await anyio.to_thread.run_sync(lambda: list(islice(rows, _CHUNK))):
                await self._meet_panels(chunk)
                checked = await anyio.to_thread.run_sync(self._check, chunk, source)
                for row, admitted in zip(checked, await admission.add(checked), strict=True):
                    await self._count(row, admitted)
            report = await self._report(source)
            if is_strict and report.bad:
                raise UsageError(f"{report.bad} of {report.rows} rows cannot be ordered: nothing was kept (--strict)")
            await admission.verify()
            if agree is not None and not await agree(report):
                raise UsageError("not agreed: nothing was kept, nothing was sent")
        if not is_trial:
            # Once the rows are in: a run is bound to the panels that its rows name.
            await journal.bind(self._bound(), is_same_account=is_same_account)
        return report

    def _bound(self) -> list[Bound]:
        return [Bound.of(name, known[0]) for name, known in self._known.items() if known is not None]

    def _panel_of(self, row: Row | BadRow) -> str:
        return row.panel or self._default or ""

    async def _meet_panels(self, rows: Sequence[Row | BadRow]) -> None:
        """Fetch the catalogs of panels that were not met before, all at once."""
        new = {self._panel_of(row) for row in rows if isinstance(row, Row)} - self._known.keys()
        found: dict[str, tuple[Provider, Catalog] | None] = {}
        failed: list[SMMError] = []

        async def fetch(name: str, provider: Provider) -> None:
            try:
                found[name] = (provider, await provider.services())
            except SMMError as error:
                failed.append(error)

        # Asked for outside of the group: a mapping may connect on demand, and what it raises is raised as it is.
        providers = {name: self._panels.get(name) for name in sorted(new)}
        async with anyio.create_task_group() as tasks:
            for name, provider in providers.items():
                if provider is None:
                    found[name] = None
                else:
                    tasks.start_soon(fetch, name, provider)
        if failed:
            raise failed[0]
        self._known |= found

    def _check(self, rows: Sequence[Row | BadRow], source: Source) -> list[NewRow]:
        return list(self._checked(rows, _Columns(source)))

    def _checked(self, rows: Sequence[Row | BadRow], columns: Mapping[str, str]) -> Iterator[NewRow]:
        for row in rows:
            panel = self._panel_of(row)
            if isinstance(row, BadRow):
                yield bad_row(row, panel)
            else:
                provider, catalog = self._known[panel] or (None, None)
                yield check_row(row, panel, provider, catalog, columns)

    async def _count(self, row: NewRow, admitted: Admitted) -> None:
        self._counts["rows"] += 1
        if admitted.was_known and admitted.reason is None:
            self._counts["known"] += 1
        elif admitted.reason is not None:
            self._counts["bad"] += 1
            problem = Problem(line=row.line, panel=row.panel, ref=row.ref, reason=admitted.reason)
            if len(self._problems) < _MOST:
                self._problems.append(problem)
            if self._on_problem is not None:
                await self._on_problem(problem)
        else:
            self._counts["good"] += 1
            self._counts["twins"] += admitted.twin is not None
            if (reason := self._budget.holds(row.cost)) is not None:
                self._held[reason if row.cost is None else "it costs more than one order may"] += 1
            service = str(row.order.service) if row.order is not None else ""
            self._sums[row.panel, service].add(row.cost)

    async def _report(self, source: Source) -> Report:
        services = [
            ServiceCost(
                panel=panel,
                service=service,
                name=self._name(panel, service),
                rows=one.rows,
                cost=one.cost,
                unpriced=one.unpriced,
            )
            for (panel, service), one in self._sums.items()
        ]
        services.sort(key=lambda one: (one.panel, -one.cost))
        return Report(
            source=source.name,
            rows=self._counts["rows"],
            good=self._counts["good"],
            known=self._counts["known"],
            bad=self._counts["bad"],
            held=self._held.total(),
            twins=self._counts["twins"],
            problems=tuple(self._problems),
            services=tuple(services),
            panels=tuple([await self._panel_cost(panel, services) for panel, known in self._known.items() if known]),
            held_because=dict(self._held),
        )

    def _name(self, panel: str, service: str) -> str:
        known = self._known.get(panel)
        found: Service | None = None if known is None else known[1].get(service)
        return "" if found is None else found.name

    async def _panel_cost(self, panel: str, services: Sequence[ServiceCost]) -> PanelCost:
        mine = [one for one in services if one.panel == panel]
        balance, problem = None, None
        try:
            balance = await self._panels[panel].balance()
        except SMMError as error:
            problem = str(error)
        return PanelCost(
            panel=panel,
            rows=sum(one.rows for one in mine),
            cost=total(one.cost for one in mine),
            unpriced=sum(one.unpriced for one in mine),
            balance=balance,
            problem=problem,
        )


class _Columns(Mapping[str, str]):
    """The labels of a source's columns, by field; a field without a column goes by its own name."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getitem__(self, field: str) -> str:
        label = self._source.column(field)
        if label is None:
            raise KeyError(field)
        return label

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
