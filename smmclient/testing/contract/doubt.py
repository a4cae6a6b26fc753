"""When nobody can know: an order is never placed twice, never called refused, and never called placed."""

from __future__ import annotations

from unittest import SkipTest

import anyio
from attrs import evolve

from smmclient.dialect.capabilities import Support
from smmclient.errors import AuthenticationFailed, InsufficientFunds, OutcomeUnknown
from smmclient.events import Event, OrderInDoubt
from smmclient.provider import Provider
from smmclient.settings import Settings, Timeouts
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import (
    ContractPanel,
    Step,
    acts_but_answers,
    cuts,
    does,
    drops,
    halves,
    holds,
    refuses,
)
from smmclient.testing.contract.server import Sent
from smmclient.testing.contract.speech import Call
from smmclient.testing.transport import reply

__all__ = ["Doubt"]

HTML = "<html><body>One moment, please</body></html>"
LOST: dict[str, Step] = {"a connection that drops": drops, "a reply that breaks off": cuts}
FAULTS: dict[str, Step] = {
    "500 with HTML": acts_but_answers(reply(HTML, 500)),
    "502 with JSON": acts_but_answers(reply({"error": "server error"}, 502)),
    "503 with nothing": acts_but_answers(reply("", 503)),
    "504 with HTML": acts_but_answers(reply(HTML, 504)),
    "408": acts_but_answers(reply(HTML, 408)),
}
NONSENSE: dict[str, Step] = {
    "an HTML page": acts_but_answers(reply(HTML)),
    "nothing": acts_but_answers(reply("")),
    "half of the reply": halves,
    "null": acts_but_answers(reply("null")),
    "an empty object": acts_but_answers(reply({})),
    "an empty list": acts_but_answers(reply("[]")),
    "the word OK": acts_but_answers(reply("OK")),
}


class Doubt(ContractBase):
    """Orders whose fate is not told."""

    async def _is_unknown(self, panel: ContractPanel, step: Step, of: str, settings: Settings | None = None) -> None:
        """An order that meets the step each time ends unknown, and was made once at most."""
        panel.forget()
        panel.always(step)
        provider = self.connect(panel.url, settings or self.settings)
        try:
            keyed = provider.capabilities.request_id is Support.YES
            error = await self.ends_in(OutcomeUnknown, provider.add_order(self.order), of=f"an order answered by {of}")
        finally:
            await provider.aclose()
        forgets = "" if self.speech.remembers_request_ids else ", because the panel does not know a request_id again"
        must(len(panel.orders) <= 1, f"{of}: {len(panel.orders)} orders were made of one{forgets}")
        if not keyed:
            must(len(panel.calls) == 1, f"{of}: the order was sent {len(panel.calls)} times without an idempotency key")
        ids = {call.request_id for call in panel.calls}
        must(ids == {error.request_id}, f"{of}: every send, and the error, must have one request_id, not {ids}")
        must(error.safe_to_repeat is keyed, f"{of}: safe_to_repeat must be {keyed}")
        must(not error.retryable, f"{of}: an unknown outcome must not be called retryable")

    # ------------------------------------------------------------------------------------------------------ orders

    @promise()
    async def test_a_lost_reply_is_an_unknown_outcome(self, panel: ContractPanel) -> None:
        """An order whose connection drops is `OutcomeUnknown`; it is sent again only under one idempotency key."""
        for of, step in LOST.items():
            await self._is_unknown(panel, step, of)

    @promise()
    async def test_a_late_reply_is_an_unknown_outcome(self, panel: ContractPanel) -> None:
        """An order whose reply does not come in time is `OutcomeUnknown`."""
        hurried = evolve(self.settings, timeouts=Timeouts(read=0.1), retry=evolve(self.settings.retry, attempts=2))
        await self._is_unknown(panel, holds, "no reply in time", hurried)

    @promise()
    async def test_a_server_error_is_an_unknown_outcome(self, panel: ContractPanel) -> None:
        """An order that meets a 5xx or a 408 is `OutcomeUnknown`: it may have been placed before that."""
        for of, step in FAULTS.items():
            await self._is_unknown(panel, step, of)

    @promise()
    async def test_an_unreadable_reply_is_an_unknown_outcome(self, panel: ContractPanel) -> None:
        """A reply to an order that is no receipt and no refusal is `OutcomeUnknown`."""
        for of, step in NONSENSE.items():
            await self._is_unknown(panel, step, of)

    @promise()
    async def test_a_receipt_with_a_refusal_is_an_unknown_outcome(self, panel: ContractPanel) -> None:
        """A reply that holds both an order id and the panel's words for no is `OutcomeUnknown`."""

        def contradicts(panel: ContractPanel, call: Call) -> Sent:
            panel.act(call)
            return panel.speech.contradiction(call, "93", self.words_for(InsufficientFunds))

        if self.speech.contradiction(Call("add"), "93", "no") is None:
            raise SkipTest("the panel's replies have no room for an id and a refusal")
        await self._is_unknown(panel, contradicts, "an id and a refusal")

    @promise("request_id")
    async def test_an_unknown_outcome_is_settled(self, panel: ContractPanel) -> None:
        """The same order under the request_id of its `OutcomeUnknown` gives the receipt of the one order."""
        panel.always(drops)
        async with self.connected(panel) as provider:
            error = await self.ends_in(OutcomeUnknown, provider.add_order(self.order))
            panel.always(does)
            receipt = await provider.add_order(self.order, request_id=error.request_id)
        must(list(panel.orders.items()) == [(error.request_id, receipt.order)], "there must be the one order")

    @promise("request_id")
    async def test_doubt_outlives_what_says_nothing_of_the_order(self, panel: ContractPanel) -> None:
        """An id in doubt stays `OutcomeUnknown` when the key is refused; a refusal of its funds settles it."""
        key, funds = self.words_for(AuthenticationFailed), self.words_for(InsufficientFunds)
        async with self.connected(panel) as provider:
            panel.then(drops)
            panel.always(refuses(key))
            error = await self.ends_in(OutcomeUnknown, provider.add_order(self.order), of="a drop, then a refused key")
            again = provider.add_order(self.order, request_id=error.request_id)
            await self.ends_in(OutcomeUnknown, again, of="the same request_id in a later call")
        async with self.connected(panel) as provider:
            resumed = provider.add_order(self.order, request_id=error.request_id, resume=True)
            await self.ends_in(OutcomeUnknown, resumed, of="resume=True and a refused key")
            panel.always(refuses(funds))
            settled = provider.add_order(self.order, request_id=error.request_id, resume=True)
            await self.ends_in(InsufficientFunds, settled, of="resume=True and a refusal of the order's funds")

    # ------------------------------------------------------------------------------------------------- cancellation

    @promise()
    async def test_a_cancelled_order_is_told(self, panel: ContractPanel) -> None:
        """An order whose caller is cancelled while it is in the air is told to `on_event`; a read is not."""
        told: list[Event] = []
        async with self.connected(panel, on_event=told.append) as provider:
            panel.always(holds)
            await self._stop_in_the_air(panel, provider, read=True)
            doubts = [event for event in told if isinstance(event, OrderInDoubt)]
            must(not doubts, f"a read that is cancelled must leave no doubt, not {doubts}")
            await self._stop_in_the_air(panel, provider, read=False)
        doubts = [event for event in told if isinstance(event, OrderInDoubt)]
        must(len(doubts) == 1, f"an order that is cancelled in the air must be told once, not {len(doubts)} times")
        must(doubts[0].order == self.order, f"OrderInDoubt must hold the order, not {doubts[0].order!r}")
        must(doubts[0].request_id == panel.asked("add")[0].request_id, "OrderInDoubt must hold the request_id sent")
        must(len(panel.asked("add")) == 1, "a cancelled order must not be sent again")

    async def _stop_in_the_air(self, panel: ContractPanel, provider: Provider, *, read: bool) -> None:
        panel.holding.clear()

        async def call() -> None:
            await (provider.balance(refresh=True) if read else provider.add_order(self.order))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(panel.holding.wait, 5)
            tasks.cancel_scope.cancel()
