"""The idempotency key: it is claimed only where the panel keeps it, and sent as it was given."""

from __future__ import annotations

from unittest import SkipTest

from attrs import evolve

from smmclient.dialect.capabilities import Support
from smmclient.errors import OutcomeUnknown, Unsupported, UsageError
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import ContractPanel, drops

__all__ = ["Keyed"]

FALSE_CLAIM = (
    "capabilities.request_id is YES, so an order whose reply is lost is sent again; but the Speech does not say that"
    " the panel knows a request_id again, and one that does not makes a second order of it: both are paid. Make"
    " request_id NO; or, where the panel's documents promise one order for two calls with one id, set"
    " remembers_request_ids = True in the Speech, with the source beside it"
)
UNUSED_CLAIM = (
    "the Speech says that the panel knows a request_id again, and capabilities.request_id is {support}: make it YES if"
    " the panel's documents promise that, so that an order in doubt is settled; else leave remembers_request_ids False"
)


class Keyed(ContractBase):
    """`add_order` with a request_id."""

    @promise()
    async def test_an_idempotency_key_is_claimed_where_it_is_kept(self, panel: ContractPanel) -> None:
        """The capability `request_id` is YES exactly where the `Speech` says that the panel knows an id again."""
        async with self.connected(panel) as provider:
            support = provider.capabilities.request_id
        if support is Support.YES:
            must(self.speech.remembers_request_ids, FALSE_CLAIM)
        else:
            must(not self.speech.remembers_request_ids, UNUSED_CLAIM.format(support=support.name))

    @promise()
    async def test_a_request_id_is_no_key_without_a_promise(self, panel: ContractPanel) -> None:
        """Where the capability is not YES, an order with a request_id is `Unsupported`, or is sent once anyway."""
        panel.always(drops)
        async with self.connected(panel) as provider:
            if provider.capabilities.request_id is Support.YES:
                raise SkipTest(f"{provider.name} promises to know a request_id again")
            try:
                await provider.add_order(self.order, request_id="mine")
            except Unsupported:
                must(not panel.requests, "nothing may be sent of what is Unsupported")
            except OutcomeUnknown as error:
                must(not error.safe_to_repeat, "safe_to_repeat must be False where the panel promises nothing")
        sent = len(panel.calls)
        must(sent <= 1, f"an order was sent {sent} times under a request_id that the panel does not promise to know")

    @promise()
    async def test_resuming_needs_a_request_id(self, panel: ContractPanel) -> None:
        """``resume=True`` without a request_id is a `UsageError`, and nothing is sent."""
        async with self.connected(panel) as provider:
            await self.ends_in(UsageError, provider.add_order(self.order, resume=True), of="resume without request_id")
        must(not panel.requests, "nothing may be sent")

    @promise("request_id")
    async def test_a_given_request_id_is_sent(self, panel: ContractPanel) -> None:
        """A request_id of the caller's is sent as it is; without one, each order gets one of its own."""
        async with self.connected(panel) as provider:
            receipt = await provider.add_order(self.order, request_id="row 1 of 'night'")
            await provider.add_order(self.order)
            await provider.add_order(evolve(self.order, service="2"))
        sent = [call.request_id for call in panel.calls]
        must(sent[0] == receipt.request_id == "row 1 of 'night'", f"request_id must be sent as given, not {sent[0]!r}")
        must(None not in sent and len(set(sent)) == 3, f"each order must have a request_id of its own, not {sent}")

    @promise("request_id")
    async def test_a_request_id_that_a_panel_could_change(self, panel: ContractPanel) -> None:
        """A request_id that is empty, too long, or not plain text is a `UsageError`, and nothing is sent."""
        async with self.connected(panel) as provider:
            for bad in ("", " x", "x" * 129, "ü", "a\nb"):
                await self.ends_in(UsageError, provider.add_order(self.order, request_id=bad), of=f"the id {bad!r}")
        must(not panel.requests, "nothing may be sent")
