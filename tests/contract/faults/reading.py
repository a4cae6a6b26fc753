"""Faults in what is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import cast

from attrs import evolve

from contract.faults.base import Ids, breaks, good
from smmclient import (
    Balance,
    Cancellation,
    Catalog,
    Malformed,
    OrderState,
    OrderStatus,
    Refill,
    RefillStatus,
    Refused,
    SMMError,
)
from smmclient.dialect import V2
from smmclient.panel import Panel


@breaks("the_balance_is_exact")
class FloatBalance(Panel):
    async def balance(self, *, refresh: bool = False) -> Balance:
        """Through a float."""
        told = await super().balance(refresh=refresh)
        return evolve(told, amount=Decimal(float(told.amount)))


@breaks("a_refreshed_balance_is_asked_for")
class KeepsBalance(Panel):
    _kept: Balance | None = None

    async def balance(self, *, refresh: bool = False) -> Balance:
        """The first one, for ever."""
        self._kept = self._kept or await super().balance(refresh=refresh)
        return self._kept


@breaks("the_catalog_is_exact")
class FloatRates(Panel):
    async def services(self, *, refresh: bool = False) -> Catalog:
        """Through a float."""
        told = await super().services(refresh=refresh)
        return evolve(told, services=tuple(evolve(one, rate=Decimal(float(one.rate))) for one in told))


@breaks("a_row_that_cannot_be_read_is_a_problem")
class DropsRows(Panel):
    async def services(self, *, refresh: bool = False) -> Catalog:
        """Without a word of the bad row."""
        return evolve(await super().services(refresh=refresh), problems=())


@breaks("the_catalog_is_kept")
class AlwaysFetches(Panel):
    async def services(self, *, refresh: bool = False) -> Catalog:
        """Fetched each time."""
        return await super().services(refresh=True)


@breaks("the_charge_of_a_status_is_what_was_paid")
class FloatCharge(Panel):
    async def order_status(self, order: int | str) -> OrderStatus:
        """Through a float."""
        told = await super().order_status(order)
        return evolve(told, charge=cast("Decimal", float(told.charge or 0)))


@breaks("an_unknown_state_is_kept")
class Optimist(Panel):
    async def order_status(self, order: int | str) -> OrderStatus:
        """What is not known is done."""
        told = await super().order_status(order)
        return evolve(told, state=OrderState.COMPLETED) if told.state is OrderState.UNKNOWN else told


@breaks("the_status_of_a_refused_id")
class NeverRaises(Panel):
    async def order_status(self, order: int | str) -> OrderStatus:
        """A status in any case."""
        try:
            return await super().order_status(order)
        except Refused as error:
            return OrderStatus(str(order), OrderState.FAILED, error.text)


@breaks("a_refused_id_is_a_value", "a_missing_id_is_malformed", "refill_statuses")
class DropsErrors(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """The good ones."""
        return good(await super().order_statuses(orders))

    async def refill_statuses(self, refills: Ids | int | str) -> Mapping[str, RefillStatus | SMMError]:
        """The good ones."""
        return good(await super().refill_statuses(refills))


@breaks("refills", "cancels", "a_refill_without_an_answer", "a_cancel_without_an_answer")
class DropsWishes(Panel):
    async def refill(self, orders: Ids | int | str) -> Mapping[str, Refill | SMMError]:
        """The good ones."""
        return good(await super().refill(orders))

    async def cancel(self, orders: Ids | int | str) -> Mapping[str, Cancellation | SMMError]:
        """The good ones."""
        return good(await super().cancel(orders))


@breaks("a_missing_id_is_malformed")
class FillsIn(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """What is not told is pending."""
        told = await super().order_statuses(orders)
        waits = {one: OrderStatus(one, OrderState.PENDING, "Pending") for one in told}
        return {one: waits[one] if isinstance(value, Malformed) else value for one, value in told.items()}


@breaks("statuses_keep_the_order_asked_for")
class SortsIds(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """In an order of its own."""
        return dict(sorted((await super().order_statuses(orders)).items()))


@breaks("a_failed_batch_costs_no_other")
class AllOrNothing(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """An error of one is an error of all."""
        told = await super().order_statuses(orders)
        for value in told.values():
            if isinstance(value, SMMError):
                raise value
        return told


@breaks("a_refused_batch_alone_raises")
class NothingRaises(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """Every error is a value."""
        ids = [str(one) for one in orders]
        try:
            return await super().order_statuses(ids)
        except Refused as error:
            return dict.fromkeys(ids, error)


@breaks("an_id_that_is_none_is_not_sent")
class SendsAnything(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """Whatever it is given."""
        return await self._statuses([str(one) for one in orders])


breaks("batches_are_what_the_panel_takes", dialect=evolve(V2, batch_size=1000))(Panel)


class _StopsEarly(Panel):
    async def _some(self, orders: Ids) -> AsyncIterator[OrderStatus]:
        for value in (await self.order_statuses(orders)).values():
            if isinstance(value, SMMError):
                raise value
            yield value


@breaks("tracking_ends_with_the_last_order", "tracking_a_refused_id")
class LooksOnce(_StopsEarly):
    def track(self, orders: Ids, *, every: float = 30.0, patience: float = 900.0) -> AsyncIterator[OrderStatus]:  # type: ignore[override]
        """One look."""
        return self._some(orders)
