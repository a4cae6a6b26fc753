"""What arrives at the panel is the order that was given: its service, its link, its quantity, and nothing else."""

from __future__ import annotations

from typing import cast

from attrs import evolve

from smmclient.dialect.capabilities import Support
from smmclient.orders import AnyOrder, Order
from smmclient.provider import Provider
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import ContractPanel

__all__ = ["Arriving"]

#: What an order must not get that did not ask for it.
EXTRAS = ("runs", "interval", "coupon")


class Arriving(ContractBase):
    """Orders as the panel reads them, by the `Speech`."""

    @promise()
    async def test_an_order_arrives_as_it_was_given(self, panel: ContractPanel) -> None:
        """Orders of several services, links and quantities arrive to the letter, each with its own, and no more."""
        orders = self.orders()
        for name in ("service", "link", "quantity"):
            given = [sent[name] for order in orders if name in (sent := order.parameters())]
            must(len(set(given)) != 1, f"override orders(): they must differ in {name}, and all have {given}")
        async with self.connected(panel) as provider:
            for order in orders:
                await self._arrives(panel, provider, order)

    @promise("dripfeed")
    async def test_a_drip_feed_arrives_as_it_was_given(self, panel: ContractPanel) -> None:
        """Drip-feed orders arrive with their own runs and interval, and the order after them without."""
        async with self.connected(panel) as provider:
            wish = cast("Order", self.wishes()["dripfeed"])
            for runs, interval in ((2, 10), (7, 45), (30, 1440)):
                await self._arrives(panel, provider, evolve(wish, runs=runs, interval=interval))
            await self._arrives(panel, provider, self.order)

    @promise()
    async def test_every_kind_of_order_arrives_as_it_was_given(self, panel: ContractPanel) -> None:
        """Packages, subscriptions, comments and coupons arrive to the letter, where the capabilities do not say NO."""
        async with self.connected(panel) as provider:
            for feature, order in self.wishes().items():
                if getattr(provider.capabilities, feature) is not Support.NO:
                    await self._arrives(panel, provider, order)

    async def _arrives(self, panel: ContractPanel, provider: Provider, order: AnyOrder) -> None:
        panel.forget()
        await provider.add_order(order)
        must(len(panel.orders) == 1, f"{order} must be one order, not {len(panel.orders)}")
        arrived, given = panel.calls[0].fields, order.parameters()
        for name, value in given.items():
            must(arrived.get(name) == value, f"{name} must arrive as {value!r}, not {arrived.get(name)!r}")
        if isinstance(order, Order):
            extra = {name: arrived[name] for name in EXTRAS if name in arrived and name not in given}
            must(not extra, f"{order} must arrive without {extra}")
