"""Several accounts at once, for back-ends that sell what many panels offer.

Reads go to all panels at once, and one panel's failure is that panel's result. Orders do not: each is placed at the
panel that the caller names (``panels["bon"].add_order(…)``). Nothing here moves an order to another panel by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio

from smmclient import registry
from smmclient.catalog import Catalog, Service
from smmclient.errors import Malformed, SMMError, UsageError
from smmclient.fields import check_ids
from smmclient.many.asking import ask_all
from smmclient.many.comparing import Comparison, Wanted, check_words, compare
from smmclient.many.exchange import Exchange
from smmclient.many.merging import Change, merged
from smmclient.model import Balance, OrderStatus
from smmclient.provider import Provider
from smmclient.settings import Settings
from smmclient.tracking import check_pushes, tracked

if TYPE_CHECKING:
    from smmclient.webhooks.pushes import Pushes

__all__ = ["Catalogs", "Panels"]

#: Seconds that closing one panel may take before the next has its turn.
_CLOSING = 10.0


class Catalogs(Mapping[str, Catalog | SMMError]):
    """What panels sell: by panel its `Catalog`, or the error that came instead."""

    def __init__(self, catalogs: Mapping[str, Catalog | SMMError]) -> None:
        self._catalogs = dict(catalogs)

    @property
    def failures(self) -> dict[str, SMMError]:
        """The panels that did not answer, and why: nothing of theirs is in `merged`."""
        return {name: one for name, one in self._catalogs.items() if isinstance(one, SMMError)}

    @property
    def merged(self) -> list[tuple[str, Service]]:
        """Every service with its panel's name: panel by panel, in the panel's order. Ids are the panel's own."""
        return [
            (name, service) for name, one in self._catalogs.items() if not isinstance(one, SMMError) for service in one
        ]

    def __getitem__(self, name: str) -> Catalog | SMMError:
        return self._catalogs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogs)

    def __len__(self) -> int:
        return len(self._catalogs)


class Panels(Mapping[str, Provider]):
    """Providers by names of the caller's choice; two accounts at one panel are two names.

    Use it as an async context manager: it closes all of them at its end, each whatever becomes of the others. Values of
    what it returns are results or errors, by panel. What a provider raises that is no `SMMError` becomes one of the
    root class, with the original as its ``__cause__``. An unknown name is a `UsageError` before anything is sent.

    >>> import smmclient
    >>> panels = smmclient.Panels({
    ...     "main": smmclient.connect("panelbon", api_key="…"),
    ...     "spare": smmclient.connect("panelbon", api_key="… of another account"),
    ... })
    >>> panels["spare"].name, list(panels)
    ('panelbon', ['main', 'spare'])
    """

    def __init__(self, panels: Mapping[str, Provider]) -> None:
        if not isinstance(panels, Mapping):
            raise UsageError(f"panels are a mapping of names to providers, not a {type(panels).__name__}")
        names: dict[int, str] = {}
        for name, provider in panels.items():
            if not isinstance(name, str) or not name.strip():
                raise UsageError(f"a panel's name is text, not {name!r}")
            if not isinstance(provider, Provider):
                raise UsageError(
                    f"{name!r} is a {type(provider).__name__}, not a Provider: connect() it first, or use "
                    "Panels.connect(…)"
                )
            if (other := names.setdefault(id(provider), name)) != name:
                raise UsageError(f"{other!r} and {name!r} are one provider: connect() once for each account")
        self._panels = dict(panels)
        self._entered: list[tuple[str, Provider]] = []

    @classmethod
    def connect(cls, *names: str, settings: Settings | None = None) -> Self:
        """Panels that `smmclient.connect` knows by these names, with keys from the environment; nothing is sent yet.

        One name that cannot be connected to fails them all: `UnknownProvider`, `ConfigError` or `ProviderLoadError`,
        as `smmclient.connect` says it. For two accounts at one panel, or a ``base_url``, use ``Panels({…})``.
        """
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(
                f"{repeated[0]!r} is named twice: for two accounts use Panels({{'one': connect(…), 'two': connect(…)}})"
            )
        panels: dict[str, Provider] = {}
        for name in names:
            try:
                panels[name] = registry.connect(name, settings=settings)
            except Exception as error:
                error.add_note(f"while connecting to {name!r}, one of {', '.join(map(repr, names))}")
                raise
        return cls(panels)

    # ------------------------------------------------------------------------------------------------------ reads

    async def balances(self, *, refresh: bool = False) -> dict[str, Balance | SMMError]:
        """What is left on each account, each in its own currency."""
        return await ask_all(
            {name: partial(one.balance, refresh=refresh) for name, one in self.items()}, Balance, "balance"
        )

    async def services(self, *, refresh: bool = False) -> Catalogs:
        """All catalogs, each kept for as long as its provider keeps it; ``.merged`` is one list of them."""
        return Catalogs(
            await ask_all(
                {name: partial(one.services, refresh=refresh) for name, one in self.items()}, Catalog, "services"
            )
        )

    async def order_statuses(
        self, orders: Mapping[str, Iterable[int | str]]
    ) -> dict[str, dict[str, OrderStatus | SMMError]]:
        """Where orders stand, by panel and id: ``{"main": [1, 2], "spare": [1]}`` names three different orders.

        Every id that was asked for has a value: where its panel failed as a whole, that is the panel's error.
        """
        wanted = self._ids(orders)
        found = await ask_all(
            {name: partial(self[name].order_statuses, ids) for name, ids in wanted.items() if ids}, Mapping, "status"
        )
        return {name: _by_id(name, ids, found[name]) if ids else {} for name, ids in wanted.items()}

    def track(
        self,
        orders: Mapping[str, Iterable[int | str]],
        *,
        every: float | None = None,
        patience: float = 900.0,
        pushes: Mapping[str, Pushes] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Every change of orders at several panels: ``async with panels.track({…}) as changes``.

        ``changes`` gives (panel, status) as each panel's `Provider.track` has them, until all orders are final. What
        ends a panel's part with an error is given as (panel, error), its last pair; the others go on. A slow
        reader slows the asking and loses nothing. Leaving the block ends the asking. ``pushes`` are those of the panels
        that push, by name: one for each.
        """
        wanted = self._ids(orders)
        given = check_pushes(pushes, self)
        streams: dict[str, AsyncIterator[OrderStatus]] = {}
        for name, ids in wanted.items():
            try:
                streams[name] = tracked(self[name], ids, every, patience, given.get(name))
            except Exception as error:
                streams[name] = _Failing(error)
        return merged(streams)

    async def compare(
        self,
        words: str,
        *,
        quantity: int | None = None,
        refill: bool | None = None,
        dripfeed: bool | None = None,
        cancel: bool | None = None,
        type: str | None = None,
        base: str | None = None,
        rates: Mapping[str, Decimal] | None = None,
        refresh: bool = False,
    ) -> Comparison:
        """What the panels ask for services that hold all the words, ranked by price within a currency.

        ``quantity`` keeps the services whose bounds admit it, and prices it. A flag keeps those whose catalog says
        so. With ``base="USD"`` and ``rates={"VND": Decimal("0.000039")}``, what one unit is worth in the base, those
        currencies are ranked together. See `Comparison` for what may be missing.
        """
        check_words(words)
        wanted = Wanted(quantity=quantity, refill=refill, dripfeed=dripfeed, cancel=cancel, type=type)
        exchange = Exchange.of(base, rates)
        catalogs: dict[str, Catalog | SMMError] = {}
        balances: dict[str, Balance | SMMError] = {}

        async def ask_services() -> None:
            catalogs.update(await self.services(refresh=refresh))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask_services)
            balances.update(await self.balances(refresh=refresh))
        # In a thread: the names of tens of thousands of services take a second to read.
        look = partial(compare, words, catalogs, wanted=wanted, exchange=exchange)
        return await anyio.to_thread.run_sync(look, balances, abandon_on_cancel=True)

    def _ids(self, orders: Mapping[str, Iterable[int | str]]) -> dict[str, tuple[str, ...]]:
        if not isinstance(orders, Mapping):
            raise UsageError(f"orders are a mapping of panels to ids, not a {type(orders).__name__}")
        if unknown := [name for name in orders if name not in self._panels]:
            raise UsageError(f"there is no panel {unknown[0]!r}; there are {', '.join(map(repr, self)) or 'none'}")
        return {name: check_ids(ids, "order") for name, ids in orders.items()}

    # ------------------------------------------------------------------------------------------- mapping, and life

    def __getitem__(self, name: str) -> Provider:
        return self._panels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._panels)

    def __len__(self) -> int:
        return len(self._panels)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self._panels)}>"

    async def __aenter__(self) -> Self:
        try:
            for name, provider in self._panels.items():
                await provider.__aenter__()
                self._entered.append((name, provider))
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        met: list[BaseException] = []
        while self._entered:
            name, provider = self._entered.pop()
            try:
                # Shielded: a cancelled program still closes what it opened, as long as that does not hang.
                with anyio.fail_after(_CLOSING, shield=True):
                    await provider.__aexit__(kind, error, traceback)
            except BaseException as failure:
                failure.add_note(f"while closing the panel {name!r}")
                met.append(failure)
        if not met:
            return
        first = next((one for one in met if not isinstance(one, Exception)), met[0])
        if error is not None and isinstance(first, Exception):
            # What the block ended with may be an order in doubt: nothing may take its place.
            for one in met:
                error.add_note(f"{' '.join(one.__notes__)}: {type(one).__name__}")
            return
        for one in met:
            if one is not first:
                first.add_note(f"{' '.join(one.__notes__)}: {type(one).__name__}")
        raise first


class _Failing(AsyncIterator[OrderStatus]):
    """What a panel whose tracking cannot even begin has to tell."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __anext__(self) -> OrderStatus:
        raise self._error


def _by_id(name: str, ids: Iterable[str], found: Mapping[str, object] | SMMError) -> dict[str, OrderStatus | SMMError]:
    if isinstance(found, SMMError):
        return dict.fromkeys(ids, found)
    answers: dict[str, OrderStatus | SMMError] = {}
    for one in ids:
        answer = found.get(one)
        if not isinstance(answer, (OrderStatus, SMMError)):
            answer = Malformed(f"{one}: the reply says nothing about it", provider=name, operation="status")
        answers[one] = answer
    return answers
