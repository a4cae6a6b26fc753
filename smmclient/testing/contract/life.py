"""What a provider is before and after it is used: its names, what it has, its account, its end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from attrs import evolve, fields

from smmclient.dialect.capabilities import Capabilities, Support
from smmclient.errors import Unsupported, UsageError
from smmclient.orders import AnyOrder
from smmclient.provider import Provider
from smmclient.testing.contract.base import ContractBase, must, promise
from smmclient.testing.contract.panel import ContractPanel

__all__ = ["Life"]

Ask = Callable[[Provider], Awaitable[object]]
#: A call for each feature that is a call.
CALLS: dict[str, Ask] = {
    "refill": lambda provider: provider.refill(["1", "2"]),
    "refill_status": lambda provider: provider.refill_statuses(["1", "2"]),
    "cancel": lambda provider: provider.cancel(["1", "2"]),
    "webhooks": lambda provider: provider.add_webhook("https://hooks.example.com/"),
}


class Life(ContractBase):
    """From connecting to closing."""

    @promise()
    async def test_says_what_it_is(self, panel: ContractPanel) -> None:
        """A provider has a name, the settings it was given, and the address it calls."""
        async with self.connected(panel) as provider:
            must(isinstance(provider, Provider), f"connect() must give a Provider, not {provider!r}")
            is_name = re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", provider.name) is not None
            must(is_name, f"a name is lower-case letters, digits, '-', '_' and '.', not {provider.name!r}")
            must(provider.settings == self.settings, "settings must be those it was connected with")
            told = provider.base_url
            must(told in (None, panel.url), f"base_url must be {panel.url}, as connect() took it, or None, not {told}")

    @promise()
    async def test_capabilities_are_yes_no_or_undocumented(self, panel: ContractPanel) -> None:
        """Each capability is a `Support`: what the documents say, and what they pass over."""
        async with self.connected(panel) as provider:
            must(isinstance(provider.capabilities, Capabilities), "capabilities must be a Capabilities")
            for feature in fields(Capabilities):
                support = getattr(provider.capabilities, feature.name)
                must(isinstance(support, Support), f"{feature.name} must be a Support, not {support!r}")

    @promise()
    async def test_what_it_does_not_have_is_unsupported(self, panel: ContractPanel) -> None:
        """A feature whose capability is NO raises `Unsupported` before anything is sent."""
        async with self.connected(panel) as provider:
            for feature, order in self.wishes().items():
                if getattr(provider.capabilities, feature) is Support.NO:
                    await self.ends_in(Unsupported, provider.add_order(order), of=f"an order that needs {feature}")
                    must(self._rules_out(provider, order), f"check_order() must raise Unsupported for {feature}")
            for feature, ask in CALLS.items():
                if getattr(provider.capabilities, feature) is Support.NO:
                    await self.ends_in(Unsupported, ask(provider), of=feature)
            if provider.capabilities.request_id is Support.NO:
                call = provider.add_order(self.order, request_id="mine")
                await self.ends_in(Unsupported, call, of="an order with a request_id")
        must(panel.server.count_connections() == 0, "what is Unsupported must be said before any request")

    def _rules_out(self, provider: Provider, order: AnyOrder) -> bool:
        try:
            provider.check_order(order)
        except Unsupported:
            return True
        return False

    @promise()
    async def test_checking_an_order_sends_nothing(self, panel: ContractPanel) -> None:
        """`check_order` lets an order pass that the panel takes, and needs no connection for it."""
        async with self.connected(panel) as provider:
            provider.check_order(self.order)
        must(panel.server.count_connections() == 0, "check_order() must do no I/O")

    @promise()
    async def test_connecting_sends_nothing(self, panel: ContractPanel) -> None:
        """Connecting, and closing what was never used, does no I/O."""
        async with self.connected(panel):
            pass
        must(panel.server.count_connections() == 0, "connecting must do no I/O")

    @promise()
    async def test_is_a_context_manager(self, panel: ContractPanel) -> None:
        """``async with`` gives the provider itself, and closes it at the end."""
        provider = self.connect(panel.url, self.settings)
        async with provider as same:
            must(same is provider, "async with must give the provider itself")
            await provider.balance()
        await self.ends_in(UsageError, provider.balance(refresh=True), of="a call after the block")

    @promise()
    async def test_closing_is_final_and_may_be_repeated(self, panel: ContractPanel) -> None:
        """Closing twice is fine; every call after it is a `UsageError`, and nothing is sent."""
        provider = self.connect(panel.url, self.settings)
        await provider.aclose()
        await provider.aclose()
        calls: dict[str, Ask] = {
            "balance": lambda provider: provider.balance(refresh=True),
            "services": lambda provider: provider.services(refresh=True),
            "add_order": lambda provider: provider.add_order(self.order),
            "order_status": lambda provider: provider.order_status("1"),
            "order_statuses": lambda provider: provider.order_statuses(["1"]),
            **CALLS,
        }
        for name, ask in calls.items():
            await self.ends_in(UsageError, ask(provider), of=f"{name} of a closed provider")
        must(panel.server.count_connections() == 0, "a closed provider must send nothing")

    @promise()
    async def test_other_settings_are_the_same_account(self, panel: ContractPanel) -> None:
        """`with_settings` changes the settings of the new one alone, and keeps the name and the account."""
        retry = evolve(self.settings.retry, attempts=2)
        async with self.connected(panel) as provider:
            twin = provider.with_settings(retry=retry)
            must(twin.settings == evolve(self.settings, retry=retry), "with_settings() must make the change")
            must(provider.settings == self.settings, "with_settings() must leave the provider as it is")
            same = (twin.name, twin.account) == (provider.name, provider.account)
            must(same, "with_settings() must keep the name and the account")
            await self.ends_in(UsageError, _settings(provider, no_such_setting=1), of="an unknown setting")

    @promise()
    async def test_the_connection_is_shared(self, panel: ContractPanel) -> None:
        """Closing what `with_settings` gave does not close the connection that it shares."""
        async with self.connected(panel) as provider:
            twin = provider.with_settings(cache=False)
            await twin.balance()
            await twin.aclose()
            await provider.balance(refresh=True)
        must(len(panel.asked("balance")) == 2, "both must have asked the panel")

    @promise()
    async def test_the_account_tells_keys_apart(self, panel: ContractPanel) -> None:
        """`account` is the same for the same key, another for another key, and does not hold the key."""
        first = self.connect(panel.url, self.settings)
        second = self.connect(panel.url, self.settings)
        must(first.account == second.account, "the same key at the same panel must be the same account")
        self.tells_no_key(first.account, "account")
        self.api_key = f"other {self.api_key}".replace(" ", "-")
        other = self.connect(panel.url, self.settings)
        must(first.account != other.account, "another key must be another account")
        for provider in (first, second, other):
            await provider.aclose()


async def _settings(provider: Provider, **changes: object) -> Provider:
    return provider.with_settings(**changes)
