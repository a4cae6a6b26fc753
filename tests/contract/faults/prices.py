"""Faults in what is said to be paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import cast

from attrs import evolve

from contract.faults.base import Faulty, Ids, breaks
from smmclient import OrderStatus, Receipt, SMMError
from smmclient.dialect import V2
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.testing import Call, Speech, reply
from smmclient.wire import WireReply


class Costs(Speech):
    """A panel that tells the price in ``cost``."""

    def placed(self, call: Call, order: str, charge: str) -> WireReply:
        """An order was made."""
        return reply({"order": order, "cost": charge})


class Silent(Speech):
    """A panel that tells no price."""

    receipt_tells = frozenset()
    status_tells = frozenset({"start_count", "remains"})


# Another field than the one that tells the price.
breaks(
    "the_charge_of_an_order_is_what_was_paid",
    dialect=evolve(V2, charge_field="prise"),
    speech=Costs(),
    sound=evolve(V2, charge_field="cost"),
)(Panel)


class _Charges(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Another charge than the panel said."""
        receipt = await place()
        return evolve(receipt, charge=self.charge(receipt.charge))

    def charge(self, told: Decimal | None) -> Decimal | None:
        """Another charge."""
        raise NotImplementedError


@breaks("the_charge_of_an_order_is_what_was_paid")
class ThroughAFloat(_Charges):
    def charge(self, told: Decimal | None) -> Decimal | None:
        """Through a float, which most prices survive."""
        return Decimal(str(float(told or 0)))


@breaks("the_charge_of_an_order_is_what_was_paid")
class FreeIsUnknown(_Charges):
    def charge(self, told: Decimal | None) -> Decimal | None:
        """Nothing, where nothing was paid."""
        return told or None


@breaks("the_charge_of_an_order_is_what_was_paid", speech=Silent())
class GuessesThePrice(_Charges):
    def charge(self, told: Decimal | None) -> Decimal | None:
        """A price that nobody told."""
        return Decimal("0.90")


class _StatusCharges(Panel):
    async def order_statuses(self, orders: Ids) -> Mapping[str, OrderStatus | SMMError]:
        """Other charges than the panel said."""
        told = await super().order_statuses(orders)
        return {one: self.priced(value) if isinstance(value, OrderStatus) else value for one, value in told.items()}

    def priced(self, status: OrderStatus) -> OrderStatus:
        """Another charge."""
        raise NotImplementedError


@breaks("the_charge_of_a_status_is_what_was_paid")
class ReadsNoPrice(_StatusCharges):
    def priced(self, status: OrderStatus) -> OrderStatus:
        """Not read."""
        return evolve(status, charge=None)


@breaks("the_charge_of_a_status_is_what_was_paid")
class Cents(_StatusCharges):
    def priced(self, status: OrderStatus) -> OrderStatus:
        """In hundredths."""
        return evolve(status, charge=(status.charge or 0) * Decimal(100))


@breaks("the_charge_of_a_status_is_what_was_paid")
class OwnCurrency(_StatusCharges):
    def priced(self, status: OrderStatus) -> OrderStatus:
        """In a currency of its own."""
        return evolve(status, currency="EUR")


@breaks("the_charge_of_a_status_is_what_was_paid")
class CountsFromNothing(_StatusCharges):
    def priced(self, status: OrderStatus) -> OrderStatus:
        """A count for another."""
        return evolve(status, start_count=0, remains=status.start_count)


@breaks("the_charge_of_a_status_is_what_was_paid", speech=Silent())
class SaysFree(_StatusCharges):
    def priced(self, status: OrderStatus) -> OrderStatus:
        """Nothing, where no price was told."""
        return evolve(status, charge=Decimal(0))


@breaks("the_charge_of_a_status_is_what_was_paid", "an_order_status_is_exact")
class StateOnly(Panel):
    async def order_status(self, order: int | str) -> OrderStatus:
        """Without what is not its state."""
        told = await super().order_status(order)
        return OrderStatus(told.order, told.state, told.raw_state)


@breaks("an_order_status_is_exact", speech=Silent())
class FloatRemains(Panel):
    async def order_status(self, order: int | str) -> OrderStatus:
        """Through a float."""
        told = await super().order_status(order)
        return evolve(told, remains=cast("int", float(told.remains or 0)))
