"""What the tests of the contract stand on: connecting, running on each event loop, and claims that name the promise."""

from __future__ import annotations

import importlib.util
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any, TypeVar, cast
from unittest import SkipTest
from urllib.parse import quote

import anyio
from attrs import evolve

from smmclient.dialect.capabilities import Support
from smmclient.errors import Refused, SMMError
from smmclient.orders import AnyOrder, CommentsOrder, Order, PackageOrder, SubscriptionOrder
from smmclient.provider import Provider
from smmclient.settings import RetryPolicy, Settings
from smmclient.testing.contract.panel import ContractPanel
from smmclient.testing.contract.speech import Speech

__all__ = ["ContractBase", "exact", "must", "promise"]

C = TypeVar("C", bound="ContractBase")
E = TypeVar("E", bound=SMMError)


def must(kept: bool, promise: str) -> None:
    """Raise AssertionError with these words unless the promise is kept, also under ``python -O``."""
    if not kept:
        raise AssertionError(promise)


def exact(value: object, wanted: str, what: str) -> None:
    """Raise AssertionError unless the value is a Decimal, and exactly that one."""
    must(type(value) is Decimal and value == Decimal(wanted), f"{what} must be Decimal({wanted!r}), not {value!r}")


def promise(
    *needs: str,
) -> Callable[[Callable[[C, ContractPanel], Coroutine[Any, Any, None]]], Callable[[C], None]]:
    """Make a test method of a coroutine: on each event loop, each time against a panel of its own.

    ``needs`` are the capabilities without which there is nothing to test: the test is skipped where one is NO. An
    idempotency key must be YES, because nothing else is a promise.
    """

    def decorate(method: Callable[[C, ContractPanel], Coroutine[Any, Any, None]]) -> Callable[[C], None]:
        def test(self: C) -> None:
            for backend in self.backends:
                with self.serve() as panel:
                    self._skip_without(needs, panel)
                    try:
                        anyio.run(_in_time, method, self, panel, backend=backend)
                    except (SMMError, AssertionError, TimeoutError) as error:
                        raise AssertionError(_in_words(error, backend, panel)) from error
                    must(not panel.trouble, f"override Speech.hear, it could not read: {panel.trouble}")

        # Not functools.wraps: pytest would follow it, and take the panel for a fixture.
        test.__name__, test.__qualname__, test.__module__ = method.__name__, method.__qualname__, method.__module__
        test.__doc__ = method.__doc__
        return test

    return decorate


async def _in_time(
    method: Callable[[C, ContractPanel], Coroutine[Any, Any, None]], contract: C, panel: ContractPanel
) -> None:
    with anyio.fail_after(contract.longest):
        await method(contract, panel)


def _in_words(error: Exception, backend: str, panel: ContractPanel) -> str:
    words = str(error) if isinstance(error, AssertionError) else f"it ended in {type(error).__name__}: {error}"
    trouble = f"; the contract's panel could not read: {panel.trouble}" if panel.trouble else ""
    return f"{words} [on {backend}]{trouble}"


class ContractBase:
    """How to connect, and how the panel speaks."""

    #: How the panel speaks, where it is not the convention.
    speech: Speech = Speech()
    #: Most ids that the panel takes in one call.
    batch_size: int = 100
    #: An order that the panel takes. `orders` and `wishes` are made of it.
    order: AnyOrder = Order(service=1, link="https://example.com/p?a=1&b=%20x+y;ü", quantity=100)
    #: The event loops that the provider runs on.
    backends: tuple[str, ...] = ("asyncio", "trio") if importlib.util.find_spec("trio") else ("asyncio",)
    #: Seconds after which a test is given up.
    longest: float = 30.0
    #: The key to connect with; another one in each run.
    api_key: str = ""
    #: Repeats are quick, and no limit of the panel is paced for.
    settings: Settings = Settings(retry=RetryPolicy(attempts=3, first_pause=0.001, longest_pause=0.002), limits=())

    def connect(self, base_url: str, settings: Settings) -> Provider:
        """The provider under test, at that address and with ``self.api_key``."""
        raise NotImplementedError("override connect(base_url, settings): return your provider, with self.api_key")

    def orders(self) -> Sequence[AnyOrder]:
        """Orders that the panel takes, of several services, links and quantities; override it where it takes others."""
        first = self.order
        if not isinstance(first, Order) or not str(first.service).isdecimal():
            return [first]
        changes = ((1, "2", 1), (36, "/3?n=3", 150), (123456, "-four", 999_900))
        other = [
            evolve(first, service=int(first.service) + s, link=first.link + more, quantity=first.quantity + q)
            for s, more, q in changes
        ]
        return [first, *other]

    def wishes(self) -> Mapping[str, AnyOrder]:
        """An order for each capability that an order can need; override it where the panel takes others."""
        service, link = self.order.service, str(getattr(self.order, "link", "https://example.com/p"))
        return {
            "dripfeed": Order(service, link, 100, runs=2, interval=10),
            "packages": PackageOrder(service, link),
            "subscriptions": SubscriptionOrder(service, "somebody", min=100, max=200),
            "typed_orders": CommentsOrder(service, link, ["good", "better; ü"]),
            "coupon": Order(service, link, 100, coupon="TEN"),
        }

    # -------------------------------------------------------------------------------------------------- its panel

    @contextmanager
    def serve(self, *, is_open: bool = True) -> Iterator[ContractPanel]:
        """A panel that counts, and a fresh key for it."""
        # A plus sign shows whether the key arrives as it is, and not form-decoded.
        self.api_key = f"contract+key-{uuid.uuid4().hex}"
        panel = ContractPanel(self.speech)
        if is_open:
            panel.server.open()
        try:
            yield panel
        finally:
            panel.release.set()
            panel.server.close()

    @asynccontextmanager
    async def connected(self, panel: ContractPanel, **changes: object) -> AsyncIterator[Provider]:
        """The provider, connected to the panel with the contract's settings and these changes; closed at the end."""
        provider = self.connect(panel.url, evolve(self.settings, **changes))  # type: ignore[arg-type]
        try:
            yield provider
        finally:
            await provider.aclose()

    def _skip_without(self, needs: tuple[str, ...], panel: ContractPanel) -> None:
        if not needs:
            return
        provider = self.connect(panel.url, self.settings)
        for feature in needs:
            support = getattr(provider.capabilities, feature)
            if support is Support.NO or (feature == "request_id" and support is not Support.YES):
                raise SkipTest(f"{provider.name} has no {feature}: its capabilities say {support.name}")

    def words_for(self, kind: type[Refused]) -> str:
        """The panel's words for that refusal; the test is skipped where it has none."""
        if (words := self.speech.words.get(kind)) is None:
            raise SkipTest(f"the panel has no words for {kind.__name__}")
        return words

    # --------------------------------------------------------------------------------------------------- its claims

    async def ends_in(self, kind: type[E], call: Awaitable[object], *, of: str = "the call") -> E:
        """The error of that kind that the call must end in; it must not tell the key."""
        try:
            result = await call
        except kind as error:
            self.keeps_the_key(error)
            return error
        except Exception as error:
            ended = f"{type(error).__name__} ({error})"
            raise AssertionError(f"{of} must end in {kind.__name__}, and ended in {ended}") from error
        raise AssertionError(f"{of} must end in {kind.__name__}, and gave {result!r}")

    def is_value(self, kind: type[E], value: object, *, of: str) -> E:
        """The error of that kind that a value must be; it must not tell the key."""
        must(isinstance(value, kind), f"the value of {of} must be {kind.__name__}, not {value!r}")
        error = cast("E", value)
        self.keeps_the_key(error)
        return error

    def keeps_the_key(self, error: BaseException) -> None:
        """An error, what caused it and what it carries tell no key."""
        told = "".join(traceback.format_exception(error))
        link: BaseException | None = error
        while link is not None:
            told += f"{link} {link!r} {vars(link)!r}"
            link = link.__cause__
        self.tells_no_key(told, f"a {type(error).__name__}")

    def tells_no_key(self, text: str, where: str) -> None:
        """A text does not hold the key, nor the key as it stands in a URL."""
        for shape in (self.api_key, quote(self.api_key, safe="")):
            must(shape.casefold() not in text.casefold(), f"{where} shows the API key")
