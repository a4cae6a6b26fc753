"""When the panel does not act, or a read gets no good answer: what may be tried again, and what must be mended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve

from smmclient.errors import Blocked, ConfigError, Malformed, RateLimited, SMMError, Unavailable
from smmclient.provider import Provider
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.doubt import FAULTS, HTML, LOST, NONSENSE
from smmclient.testing.contract.panel import ContractPanel, Step, answers, does, is_limited
from smmclient.testing.transport import reply

__all__ = ["Failures"]

Ask = Callable[[Provider], Awaitable[object]]
#: Reads, each asked anew.
READS: dict[str, Ask] = {
    "balance": lambda provider: provider.balance(refresh=True),
    "services": lambda provider: provider.services(refresh=True),
    "order_status": lambda provider: provider.order_status("1"),
}
#: `NONSENSE` that is a reply to one of the reads all the same.
_CATALOG = ("an empty list",)


class Failures(ContractBase):
    """Outages, limits, firewalls and wrong addresses."""

    def _calls(self) -> dict[str, Ask]:
        return {**READS, "add_order": lambda provider: provider.add_order(self.order)}

    async def _reads(self, panel: ContractPanel, steps: dict[str, Step], kind: type[SMMError]) -> None:
        async with self.connected(panel) as provider:
            for of, step in steps.items():
                for name, ask in READS.items():
                    if name == "services" and of in _CATALOG:
                        continue
                    panel.forget()
                    panel.always(step)
                    error = await self.ends_in(kind, ask(provider), of=f"{name} answered by {of}")
                    must(error.retryable, f"{name} answered by {of} may be asked again: retryable must be True")

    # --------------------------------------------------------------------------------------------------------- reads

    @promise()
    async def test_a_read_without_an_answer_is_unavailable(self, panel: ContractPanel) -> None:
        """A read whose connection drops, or that meets a 5xx, is `Unavailable`: it may be asked again."""
        await self._reads(panel, {**LOST, **FAULTS}, Unavailable)

    @promise()
    async def test_a_read_with_an_unreadable_answer_is_malformed(self, panel: ContractPanel) -> None:
        """A read that is answered by something nobody can read is `Malformed`, never a value that was guessed."""
        await self._reads(panel, NONSENSE, Malformed)

    # ------------------------------------------------------------------------------------------------- nothing was done

    @promise()
    async def test_a_refused_connection_is_unavailable(self, panel: ContractPanel) -> None:
        """A call that no connection came about for is `Unavailable`, and can be made again when the panel is back."""
        with self.serve(is_open=False) as closed:
            async with self.connected(closed) as provider:
                for name, ask in self._calls().items():
                    error = await self.ends_in(Unavailable, ask(provider), of=f"{name} without a connection")
                    must(error.retryable, f"{name} without a connection may be made again: retryable must be True")
                closed.server.open()
                await provider.add_order(self.order)
            must(len(closed.orders) == 1, "the order must be placed once when the panel is back")
            must(not closed.trouble, f"override Speech.hear, it could not read: {closed.trouble}")

    @promise()
    async def test_a_limit_is_waited_for(self, panel: ContractPanel) -> None:
        """A call that meets a 429 is made again when the limit is open, or is `RateLimited`; nothing was done."""
        async with self.connected(panel) as provider:
            for name, ask in self._calls().items():
                panel.forget()
                panel.then(is_limited())
                panel.always(does)
                try:
                    await ask(provider)
                except RateLimited as error:
                    must(error.retryable, f"{name}: RateLimited may be tried again")
                    must(len(panel.calls) == 1 and not panel.orders, f"{name}: RateLimited says that nothing was done")
                else:
                    must(len(panel.calls) == 2, f"{name} must be sent again once after a 429")
                    must(len(panel.orders) == (name == "add_order"), "an order must be placed once after a 429")

    @promise()
    async def test_a_long_limit_is_told(self, panel: ContractPanel) -> None:
        """A 429 whose ``Retry-After`` is longer than the deadline is `RateLimited`, and says how long it is."""
        hasty = evolve(self.settings.retry, deadline=1.0)
        async with self.connected(panel, retry=hasty) as provider:
            panel.always(is_limited("600"))
            error = await self.ends_in(RateLimited, provider.add_order(self.order), of="an order over a long limit")
        must(error.retry_after is not None, "retry_after must say how long the panel asks to wait")
        must(500 <= (error.retry_after or 0) <= 600, f"retry_after must be about 600, not {error.retry_after}")
        must(len(panel.calls) == 1, "a limit that is closed must not be knocked at")

    @promise()
    async def test_a_firewall_is_blocked(self, panel: ContractPanel) -> None:
        """A 401 or 403 that is no reply of the panel's is `Blocked`, for an order too, and is not tried again."""
        async with self.connected(panel) as provider:
            for status in (401, 403):
                for name, ask in self._calls().items():
                    panel.forget()
                    panel.always(answers(reply(HTML, status)))
                    error = await self.ends_in(Blocked, ask(provider), of=f"{name} answered by HTML with {status}")
                    must(not error.retryable, "a firewall does not open by waiting: retryable must be False")
                    must(len(panel.calls) == 1, f"{name} must not be sent to a firewall again")

    @promise()
    async def test_a_redirect_is_not_followed(self, panel: ContractPanel) -> None:
        """A redirect is a `ConfigError`: following it could turn an order into a GET, and carry the key elsewhere."""
        async with self.connected(panel) as provider:
            for status in (301, 302, 307, 308):
                for name, ask in self._calls().items():
                    panel.forget()
                    panel.always(answers(reply("", status, {"location": f"{panel.server.origin}/elsewhere"})))
                    await self.ends_in(ConfigError, ask(provider), of=f"{name} answered by a redirect ({status})")
                    must(not panel.strays, f"{name}: a redirect ({status}) was followed")
                    must(len(panel.calls) == 1, f"{name} must not be sent again after a redirect")

    @promise()
    async def test_a_wrong_address_is_a_config_error(self, panel: ContractPanel) -> None:
        """A 404 that is no reply of the panel's is a `ConfigError`: there is no API at that address."""
        async with self.connected(panel) as provider:
            for name, ask in self._calls().items():
                panel.forget()
                panel.always(answers(reply(HTML, 404)))
                await self.ends_in(ConfigError, ask(provider), of=f"{name} answered by HTML with 404")
                must(len(panel.calls) == 1, f"{name} must not be sent there again")
