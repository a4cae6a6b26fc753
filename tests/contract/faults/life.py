"""Faults in what a provider is before and after it is used, and in who sees the key."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from attrs import evolve

from contract.faults.base import Faulty, breaks, knock
from smmclient import (
    Balance,
    Capabilities,
    Dialect,
    Receipt,
    Refused,
    Settings,
    Support,
)
from smmclient.orders import AnyOrder
from smmclient.panel import Panel
from smmclient.pipeline.key import ApiKey
from smmclient.transport import HttpxTransport
from smmclient.wire import WireReply, WireRequest


@breaks("says_what_it_is")
class OwnSettings(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, **given)
        self.settings = Settings()


@breaks("capabilities_are_yes_no_or_undocumented")
class TwoStates(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, **given)
        self.capabilities = Capabilities(refill=True)  # type: ignore[arg-type]


@breaks("what_it_does_not_have_is_unsupported")
class TriesIt(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, **given)
        self.capabilities = Capabilities(cancel=Support.NO)


@breaks("checking_an_order_sends_nothing")
class AsksToCheck(Panel):
    def check_order(self, order: AnyOrder) -> None:
        """Ask the panel."""
        knock(self.base_url)


@breaks("connecting_sends_nothing")
class GreetsFirst(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, **given)
        knock(self.base_url)


@breaks("is_a_context_manager", "closing_is_final_and_may_be_repeated")
class NeverCloses(Panel):
    async def aclose(self) -> None:
        """Stay."""


@breaks("other_settings_are_the_same_account")
class ChangesItself(Panel):
    def with_settings(self, **changes: object) -> Panel:
        """Change this one, too."""
        twin = super().with_settings(**changes)
        self.settings = twin.settings
        return twin


@breaks("the_connection_is_shared")
class ClosesForAll(Panel):
    def with_settings(self, **changes: object) -> Panel:
        """Own what is shared."""
        twin = super().with_settings(**changes)
        twin._owns_transport = True
        return twin


@breaks("the_account_tells_keys_apart")
class OneAccount(Panel):
    @property
    def account(self) -> str:
        """Every account is this."""
        return self.name


# ------------------------------------------------------------------------------------------------------------ secrets


class LooseKey(ApiKey):
    def redact(self, text: str) -> str:
        """Leave it in."""
        return text


@breaks("a_panel_that_echoes_the_key", "a_row_that_echoes_the_key", "a_page_that_echoes_the_key")
class Repeats(Panel):
    def __init__(self, dialect: Dialect, *, api_key: str, **given: Any) -> None:
        super().__init__(dialect, api_key=api_key, **given)
        self._key._last = LooseKey(api_key)


@breaks("a_panel_that_echoes_the_key")
class KeepsTheReply(Panel):
    async def balance(self, *, refresh: bool = False) -> Balance:
        """An error with the whole reply behind it."""
        try:
            return await super().balance(refresh=refresh)
        except Refused as error:
            raise error from ValueError(f"sent with {self._key.current()._text}")


@breaks("reprs_do_not_show_the_key")
class ShowsItself(Panel):
    def __repr__(self) -> str:
        return f"<Panel with {self._key.current()._text}>"


class KeyInTheURL(HttpxTransport):
    async def send(self, request: WireRequest) -> WireReply:
        """Send the form in the URL as well."""
        return await super().send(evolve(request, url=f"{request.url}?{request.body.decode()}"))


@breaks("the_key_is_not_in_the_address")
class InTheURL(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, transport=KeyInTheURL(), **given)


class ByGet(HttpxTransport):
    async def send(self, request: WireRequest) -> WireReply:
        """Send a GET."""
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.request("GET", request.url, content=request.body)
        return WireReply(reply.status_code, dict(reply.headers), reply.content)


@breaks("the_key_is_not_in_the_address")
class Gets(Panel):
    def __init__(self, dialect: Dialect, **given: Any) -> None:
        super().__init__(dialect, transport=ByGet(), **given)


@breaks("logs_and_events_do_not_show_the_key")
class LogsIt(Faulty):
    async def placed(self, place: Callable[..., Awaitable[Receipt]], order: AnyOrder) -> Receipt:
        """Log what is sent."""
        logging.getLogger("mypanel").debug("sending with %s", self._key.current()._text)
        return await place()
