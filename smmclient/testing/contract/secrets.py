"""The API key goes to the panel, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from smmclient.dialect.capabilities import Support
from smmclient.errors import Malformed, OutcomeUnknown, Refused, SMMError, Unavailable
from smmclient.events import Event
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import ContractPanel, acts_but_answers, answers, refuses
from smmclient.testing.contract.speech import No
from smmclient.testing.transport import reply

__all__ = ["Secrets"]


class _Heard(logging.Handler):
    """Keeps every line that is logged, by whichever library."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


class Secrets(ContractBase):
    """Who may see the key."""

    @promise()
    async def test_reprs_do_not_show_the_key(self, panel: ContractPanel) -> None:
        """Neither the repr nor the str of a provider shows the key."""
        async with self.connected(panel) as provider:
            await provider.balance()
            self.tells_no_key(f"{provider!r} {provider} {provider.settings!r}", "the provider's repr")

    @promise()
    async def test_the_key_is_not_in_the_address(self, panel: ContractPanel) -> None:
        """Every call carries the key as it was given, never in the URL, which is logged; an order is sent by POST."""
        async with self.connected(panel) as provider:
            await provider.balance()
            await provider.services()
            await provider.add_order(self.order)
            await provider.order_statuses(["1", "2"])
        for request, call in zip(panel.requests, panel.calls, strict=True):
            # What lies between may send a GET again by itself.
            is_safe = call.action != "add" or request.method == "POST"
            must(is_safe, f"an order must be sent by POST, not {request.method}")
            must(call.key == self.api_key, f"{call.action} must carry the key as it was given")
            self.tells_no_key(request.target, f"the URL of {call.action}")

    @promise()
    async def test_a_panel_that_echoes_the_key(self, panel: ContractPanel) -> None:
        """A panel that repeats the key in a refusal does not bring it into the error."""
        echo = f"Not known here: {self.api_key} is no key"
        async with self.connected(panel) as provider:
            panel.always(refuses(echo))
            asks: tuple[Callable[[], Awaitable[object]], ...] = (
                lambda: provider.add_order(self.order),
                lambda: provider.balance(refresh=True),
                lambda: provider.services(refresh=True),
                lambda: provider.order_status("1"),
            )
            for ask in asks:
                error = await self.ends_in(Refused, ask(), of="a refused call")
                must("Not known here" in error.text, "text must keep the panel's words around the key")

    @promise()
    async def test_a_row_that_echoes_the_key(self, panel: ContractPanel) -> None:
        """A refusal of one id among several that repeats the key does not bring it into the error."""
        panel.about("2", No(f"Not known here: {self.api_key}"))
        async with self.connected(panel) as provider:
            values = await provider.order_statuses(["1", "2"])
        error = self.is_value(Refused, values["2"], of="a refused id")
        must("Not known here" in error.text, "text must keep the panel's words around the key")

    @promise()
    async def test_a_page_that_echoes_the_key(self, panel: ContractPanel) -> None:
        """A page that nobody can read, and that holds the key, does not bring it into any error."""
        async with self.connected(panel) as provider:
            for status, kind in ((200, Malformed), (500, Unavailable)):
                page = reply(f"<html>{self.api_key} " * 3, status)
                panel.always(answers(page))
                await self.ends_in(kind, provider.balance(refresh=True), of=f"HTML with {status}")
                panel.always(acts_but_answers(page))
                await self.ends_in(OutcomeUnknown, provider.add_order(self.order), of=f"an order and {status}")

    @promise()
    async def test_logs_and_events_do_not_show_the_key(self, panel: ContractPanel) -> None:
        """What is logged, down to debug and by every library below, and what `on_event` is told, holds no key."""
        heard, told = _Heard(), list[Event]()
        root = logging.getLogger()
        level = root.level
        root.addHandler(heard)
        root.setLevel(logging.DEBUG)
        try:
            async with self.connected(panel, on_event=told.append) as provider:
                await provider.add_order(self.order)
                panel.always(refuses(f"Not known here: {self.api_key}"))
                await self.ends_in(Refused, provider.balance(refresh=True))
                panel.always(answers(reply(f"<html>{self.api_key}")))
                await self.ends_in(SMMError, provider.order_status("1"))
                if provider.capabilities.cancel is not Support.NO:
                    await self.ends_in(SMMError, provider.cancel(["1"]))
        finally:
            root.removeHandler(heard)
            root.setLevel(level)
        self.tells_no_key("\n".join(heard.lines), "a log line")
        self.tells_no_key(repr(told), "an event")
