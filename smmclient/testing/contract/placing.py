"""Placing an order: once, as it was given, and what the panel refuses is refused."""

from __future__ import annotations

import anyio

from smmclient.dialect.capabilities import Support
from smmclient.errors import (
    AuthenticationFailed,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    Refused,
    UnknownService,
)
from smmclient.model import Receipt
from smmclient.orders import AnyOrder
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import ContractPanel, drops, refuses

__all__ = ["Placing"]

#: Refusals that an order can meet.
OF_ORDERS = (
    AuthenticationFailed,
    InsufficientFunds,
    UnknownService,
    InvalidLink,
    InvalidQuantity,
    DuplicateOrder,
)
AT_ONCE = 12
STRANGE = "The moon stands in the wrong house"


class StopHere(Exception):
    """What a hook of ours raises."""


class Placing(ContractBase):
    """`add_order` that goes well, or is refused."""

    @promise()
    async def test_an_order_is_placed_once(self, panel: ContractPanel) -> None:
        """`add_order` sends one request, and gives a Receipt with the panel's id as text and the request_id sent."""
        async with self.connected(panel) as provider:
            receipt = await provider.add_order(self.order)
            keyed = provider.capabilities.request_id is Support.YES
        must(isinstance(receipt, Receipt), f"add_order() must give a Receipt, not {receipt!r}")
        must(len(panel.calls) == 1 and len(panel.orders) == 1, f"one order must be one request, not {len(panel.calls)}")
        (made,) = panel.orders.values()
        must(receipt.order == made, f"order must be the text {made!r}, not {receipt.order!r}")
        sent = panel.calls[0].request_id
        must(
            receipt.request_id == sent,
            f"request_id must be the one that was sent, {sent!r}, not {receipt.request_id!r}",
        )
        must((sent is not None) is keyed, "a request_id must be sent exactly where the panel promises to honour it")

    @promise()
    async def test_two_orders_are_two_orders(self, panel: ContractPanel) -> None:
        """The same order placed twice on purpose is two orders, each with an id of its own."""
        async with self.connected(panel) as provider:
            first = await provider.add_order(self.order)
            second = await provider.add_order(self.order)
        must(first.order != second.order and len(panel.orders) == 2, "two calls must be two orders")

    @promise()
    async def test_orders_at_once_are_each_placed(self, panel: ContractPanel) -> None:
        """Orders placed at the same moment are as many orders, however alike, each with its own receipt."""
        receipts: list[Receipt] = []

        async with self.connected(panel) as provider:

            async def place() -> None:
                receipts.append(await provider.add_order(self.order))

            async with anyio.create_task_group() as tasks:
                for _ in range(AT_ONCE):
                    tasks.start_soon(place)
        ids = {receipt.order for receipt in receipts}
        must(len(panel.orders) == AT_ONCE, f"{AT_ONCE} calls must be as many orders, not {len(panel.orders)}")
        must(ids == set(panel.orders.values()), "each receipt must be that of another order")

    @promise()
    async def test_a_refusal_is_refused(self, panel: ContractPanel) -> None:
        """The panel's words for no become the error that they mean, keep standing in `text`, and end the call."""
        async with self.connected(panel) as provider:
            for kind in OF_ORDERS:
                if (words := self.speech.words.get(kind)) is None:
                    continue
                panel.forget()
                panel.always(refuses(words))
                error = await self.ends_in(kind, provider.add_order(self.order), of=f"an order refused with {words!r}")
                must(words in error.text, f"text must keep the panel's words {words!r}, not {error.text!r}")
                must(not error.retryable and len(panel.calls) == 1, f"{words!r} must not be asked for again")

    @promise()
    async def test_an_unknown_refusal_is_refused(self, panel: ContractPanel) -> None:
        """Words for no that nobody knows are a plain `Refused` that keeps them."""
        panel.always(refuses(STRANGE))
        async with self.connected(panel) as provider:
            error = await self.ends_in(Refused, provider.add_order(self.order), of="an order refused in strange words")
        must(type(error) is Refused, f"strange words must be a plain Refused, not {type(error).__name__}")
        must(STRANGE in error.text, f"text must keep the panel's words, not {error.text!r}")
        must(len(panel.calls) == 1, "a refusal must not be asked for again")

    # -------------------------------------------------------------------------------------------------- before_send

    @promise()
    async def test_the_hook_comes_before_the_first_byte(self, panel: ContractPanel) -> None:
        """`before_send` is called once with the order and its request_id, before anything of it is sent."""
        told: list[tuple[AnyOrder, str | None, int]] = []

        async def hook(order: AnyOrder, request_id: str | None) -> None:
            told.append((order, request_id, len(panel.requests)))

        async with self.connected(panel) as provider:
            if provider.capabilities.request_id is Support.YES:
                # An order that is sent again is still one order.
                panel.then(drops)
            await provider.add_order(self.order, before_send=hook)
        must(len(told) == 1, f"before_send must be called once for an order, not {len(told)} times")
        order, request_id, sent = told[0]
        must(order == self.order, f"before_send must be given the order, not {order!r}")
        must(request_id == panel.calls[0].request_id, "before_send must be given the request_id that is sent")
        must(sent == 0, "before_send must be called before anything is sent")

    @promise()
    async def test_a_hook_that_raises_stops_the_order(self, panel: ContractPanel) -> None:
        """What `before_send` raises comes out as it is, and nothing was sent."""

        async def hook(order: AnyOrder, request_id: str | None) -> None:
            raise StopHere

        async with self.connected(panel) as provider:
            stopped = False
            try:
                await provider.add_order(self.order, before_send=hook)
            except StopHere:
                stopped = True
            must(stopped, "what before_send raises must come out")
            must(not panel.requests, "nothing may be sent when before_send raises")
            await provider.add_order(self.order)
        must(len(panel.orders) == 1, "the next order must go through")
