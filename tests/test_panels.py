"""Many panels at once: each answers for itself, all are closed, and nothing is ordered twice."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

import smmclient
from loopback import Behaviour, Loopback
from smmclient import (
    AuthenticationFailed,
    Balance,
    Capabilities,
    Catalog,
    ConfigError,
    Malformed,
    Order,
    OrderState,
    OrderStatus,
    OutcomeUnknown,
    Panels,
    Provider,
    Receipt,
    RetryPolicy,
    Settings,
    SMMError,
    Timeouts,
    UnknownOrder,
    UnknownProvider,
    UsageError,
    errors,
)
from smmclient.many import panels as module
from smmclient.many.asking import error_of
from smmclient.panel import Panel
from smmclient.sandbox import Fault, Limits, serve
from smmclient.testing import ManualClock, ScriptedTransport, reply
from smmclient_panelbon import PANELBON

pytestmark = pytest.mark.anyio
ONCE = Settings(limits=(), retry=RetryPolicy(attempts=1))
GOOD = {"balance": "5.00", "currency": "USD"}


def scripted(*steps: Any, clock: ManualClock | None = None) -> tuple[Panel, ScriptedTransport]:
    """A panel that answers so, and its transport."""
    transport = ScriptedTransport(steps)
    return Panel(PANELBON, api_key="k", transport=transport, settings=ONCE, clock=clock), transport


class Exotic(Provider):
    """A provider of somebody else's: each method does what the test puts there."""

    name = "exotic"
    capabilities = Capabilities()

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act
        self.closed = 0

    @property
    def account(self) -> str:
        """The only one."""
        return "exotic"

    async def balance(self, *, refresh: bool = False) -> Balance:
        """Do it."""
        return cast("Balance", await self._act())

    async def services(self, *, refresh: bool = False) -> Catalog:
        """Do it."""
        return cast("Catalog", await self._act())

    async def order_statuses(self, orders: Iterable[int | str]) -> Mapping[str, OrderStatus | SMMError]:
        """Do it."""
        return cast("Mapping[str, OrderStatus | SMMError]", await self._act())

    async def _act(self) -> object:
        await anyio.lowlevel.checkpoint()
        return self.act()

    async def aclose(self) -> None:
        """Do it, and count."""
        self.closed += 1
        await self._act()

    async def add_order(self, *_: Any, **__: Any) -> Any:
        """Not asked of it."""
        raise NotImplementedError

    order_status = refill = refill_statuses = cancel = add_order

    def with_settings(self, **changes: object) -> Provider:
        """Not asked of it."""
        raise NotImplementedError


def fails(error: BaseException) -> Callable[[], Any]:
    """An act that fails so."""

    def act() -> Any:
        raise error

    return act


def nothing() -> None:
    """An act that goes well."""


# ------------------------------------------------------------------------------------------------- making and closing


async def test_they_are_a_mapping_of_providers() -> None:
    """Each panel is the provider that it was, under the name that was given; two accounts are two names."""
    one, other = scripted(reply(GOOD))[0], scripted(reply(GOOD))[0]
    panels = Panels({"main": one, "spare": other})
    assert list(panels) == ["main", "spare"]
    assert panels["main"] is one
    assert panels["spare"] is other
    assert panels.get("third") is None
    assert repr(panels) == "<Panels: main, spare>"


async def test_names_are_connected_with_keys_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names become providers with the settings that were given."""
    monkeypatch.setenv("NOTPANEL_API_KEY", "a")
    monkeypatch.setenv("PANELBON_API_KEY", "b")
    panels = Panels.connect("panelbon", "notpanel", settings=ONCE)
    assert {name: (one.name, one.settings) for name, one in panels.items()} == {
        "panelbon": ("panelbon", ONCE),
        "notpanel": ("notpanel", ONCE),
    }


async def test_one_name_that_cannot_be_connected_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no such provider, or the same name twice: the error names the panel, before anything is opened."""
    monkeypatch.setenv("NOTPANEL_API_KEY", "a")
    monkeypatch.delenv("PANELBON_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"panelbon: no API key.*PANELBON_API_KEY"):
        Panels.connect("notpanel", "panelbon")
    with pytest.raises(UnknownProvider, match="'nosuch'") as met:
        Panels.connect("notpanel", "nosuch")
    assert met.value.__notes__ == ["while connecting to 'nosuch', one of 'notpanel', 'nosuch'"]
    with pytest.raises(UsageError, match="'notpanel' is named twice"):
        Panels.connect("notpanel", "notpanel")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["notpanel"], "mapping"),
        ({"bon": "panelbon"}, r"'bon' is a str.*connect\(\) it first"),
        ({" ": Exotic(nothing)}, "name is text"),
        (dict.fromkeys(["a", "b"], Exotic(nothing)), "'a' and 'b' are one provider"),
    ],
)
async def test_what_is_no_mapping_of_providers_is_said(given: Any, said: str) -> None:
    """A name for a provider, no name, or one account under two names is a usage error."""
    with pytest.raises(UsageError, match=said):
        Panels(given)


async def test_all_are_closed_at_the_end(anyio_backend: str) -> None:
    """Leaving the block closes each panel, once."""
    exotics = [Exotic(nothing) for _ in range(3)]
    async with Panels({str(n): one for n, one in enumerate(exotics)}):
        assert [one.closed for one in exotics] == [0, 0, 0]
    assert [one.closed for one in exotics] == [1, 1, 1]


async def test_one_that_cannot_be_closed_keeps_no_other_open(anyio_backend: str) -> None:
    """The failure is raised, named, after all were closed; two failures are one with a note."""
    exotics = [Exotic(fails(OSError("a"))), Exotic(nothing), Exotic(fails(ValueError("c"))), Exotic(nothing)]
    with pytest.raises(ValueError, match="c") as met:
        async with Panels({f"p{n}": one for n, one in enumerate(exotics)}):
            pass
    assert [one.closed for one in exotics] == [1, 1, 1, 1]
    assert met.value.__notes__ == ["while closing the panel 'p2'", "while closing the panel 'p0': OSError"]


async def test_no_failure_to_close_hides_an_order_in_doubt(anyio_backend: str) -> None:
    """What the block ended with is raised; what happened while closing is a note on it."""
    doubt = OutcomeUnknown("it may have been placed", request_id="r1")
    with pytest.raises(OutcomeUnknown) as met:
        async with Panels({"bon": Exotic(fails(OSError("gone")))}):
            raise doubt
    assert met.value is doubt
    assert doubt.__notes__ == ["while closing the panel 'bon': OSError"]


async def test_an_exit_while_closing_is_not_held_back(anyio_backend: str) -> None:
    """What ends the program goes before what went wrong, and the rest is closed even so."""
    exotics = [Exotic(nothing), Exotic(fails(SystemExit(3))), Exotic(fails(ValueError("b")))]
    with pytest.raises(SystemExit) as met:
        async with Panels({f"p{n}": one for n, one in enumerate(exotics)}):
            raise OutcomeUnknown("it may have been placed")
    assert met.value.code == 3
    assert isinstance(met.value.__context__, OutcomeUnknown)
    assert [one.closed for one in exotics] == [1, 1, 1]


async def test_a_cancelled_program_closes_all(anyio_backend: str) -> None:
    """Closing that needs the event loop is finished under cancellation, and the cancellation passes through."""
    ended: list[int] = []
    exotics = [Exotic(lambda: ended.append(1)) for _ in range(3)]
    with anyio.CancelScope() as scope:
        async with Panels({str(n): one for n, one in enumerate(exotics)}):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert len(ended) == 3


async def test_closing_that_hangs_is_left_alone(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel that does not let itself be closed is given up, said, and the others are closed."""

    class Hanging(Exotic):
        async def aclose(self) -> None:
            await anyio.sleep_forever()

    monkeypatch.setattr(module, "_CLOSING", 0.01)
    other = Exotic(nothing)
    with pytest.raises(TimeoutError) as met:
        async with Panels({"other": other, "hanging": Hanging(nothing)}):
            pass
    assert met.value.__notes__ == ["while closing the panel 'hanging'"]
    assert other.closed == 1


async def test_what_was_opened_is_closed_when_another_cannot_be(anyio_backend: str) -> None:
    """A panel that fails to open closes those before it."""

    class Shut(Exotic):
        async def __aenter__(self) -> Any:
            raise ConfigError("no way in")

    first, last = Exotic(nothing), Exotic(nothing)
    with pytest.raises(ConfigError, match="no way in"):
        async with Panels({"first": first, "shut": Shut(nothing), "last": last}):
            raise AssertionError
    assert (first.closed, last.closed) == (1, 0)


# ------------------------------------------------------------------------------------------------------------- reads


async def test_one_panels_failure_is_its_own_result(anyio_backend: str) -> None:
    """A refused key is a value beside the balances of the others, in the order of the names."""
    bad, good = scripted(reply({"error": "Invalid API key"}, 401))[0], scripted(reply(GOOD))[0]
    found = await Panels({"bad": bad, "good": good}).balances()
    assert list(found) == ["bad", "good"]
    assert isinstance(found["bad"], AuthenticationFailed)
    assert isinstance(found["good"], Balance)
    assert found["good"].amount == Decimal("5.00")


@pytest.mark.parametrize(
    "act", [fails(KeyError("secret-key")), fails(ExceptionGroup("two", [ValueError("secret-key")])), lambda: "5.00"]
)
async def test_an_exotic_failure_is_wrapped(anyio_backend: str, act: Callable[[], Any]) -> None:
    """What is no SMMError becomes one with its cause, quotes nothing of it, and takes no other panel down."""
    panels = Panels({"exotic": Exotic(act), "good": scripted(reply(GOOD))[0]})
    found = await panels.balances()
    assert isinstance(found["good"], Balance)
    error = found["exotic"]
    assert type(error) is SMMError
    assert (error.provider, error.operation, error.retryable) == ("exotic", "balance", False)
    assert type(error.__cause__).__name__ in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_provider_that_cancels_itself_is_not_lost() -> None:
    """On asyncio a provider may let a cancellation of its own out: it is that panel's error, and stops no other."""
    slow = Exotic(lambda: Balance(Decimal(1), "USD", 0.0))
    panels = Panels({"exotic": Exotic(fails(asyncio.CancelledError())), "good": scripted(reply(GOOD))[0], "slow": slow})
    found = await panels.balances()
    assert isinstance(found["good"], Balance)
    assert isinstance(found["slow"], Balance)
    assert isinstance(found["exotic"], SMMError)
    assert isinstance(found["exotic"].__cause__, asyncio.CancelledError)


async def test_cancellation_passes_through_reads(anyio_backend: str) -> None:
    """A read that is cancelled ends as cancelled, not as an error of a panel."""

    class Slow(Exotic):
        async def balance(self, *, refresh: bool = False) -> Balance:
            started.set()
            await anyio.sleep_forever()
            raise AssertionError

    started = anyio.Event()
    panels = Panels({"slow": Slow(nothing), "good": scripted(reply(GOOD))[0]})
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(panels.balances)
            await started.wait()
            scope.cancel()
    assert scope.cancelled_caught


async def test_a_cancellation_is_no_panels_error(anyio_backend: str) -> None:
    """What the caller cancelled is raised on, never made a value."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            with pytest.raises(anyio.get_cancelled_exc_class()):
                error_of("bon", "balance", error)
            raise
    assert scope.cancelled_caught


async def test_panels_are_asked_at_once(anyio_backend: str) -> None:
    """Each panel's answer waits for the other's question: one after the other would wait for ever."""

    class Meeting(Exotic):
        async def balance(self, *, refresh: bool = False) -> Balance:
            arrived.append(self)
            if len(arrived) == 2:
                both.set()
            await both.wait()
            return Balance(Decimal(1), "USD", 0.0)

    arrived: list[Exotic] = []
    both = anyio.Event()
    with anyio.fail_after(5):
        assert len(await Panels({"a": Meeting(nothing), "b": Meeting(nothing)}).balances()) == 2


async def test_catalogs_come_by_panel_and_merged(anyio_backend: str) -> None:
    """Every service stands beside its panel's name; an empty catalog is one, a failure is told."""
    row = {"service": 1, "name": "Likes", "type": "Default", "category": "X", "rate": "1", "min": 1, "max": 9}
    full, empty, bad = scripted(reply([row]))[0], scripted(reply([]))[0], scripted(reply("<html>", 502))[0]
    found = await Panels({"full": full, "empty": empty, "bad": bad}).services()
    assert list(found) == ["full", "empty", "bad"]
    assert [(panel, service.id) for panel, service in found.merged] == [("full", "1")]
    assert list(found.failures) == ["bad"]
    assert isinstance(found["empty"], Catalog)


ROW = {"service": 1, "name": "Likes", "type": "Default", "category": "X", "rate": "1", "min": 1, "max": 9}


def selling(currency: str, **changes: object) -> Panel:
    """A panel that sells one service, in that currency."""

    def answer(form: dict[str, str]) -> Any:
        if form["action"] == "balance":
            return reply({"balance": "1", "currency": currency})
        return reply([{**ROW, **changes}])

    return scripted(answer)[0]


async def test_prices_are_compared_as_wished(anyio_backend: str) -> None:
    """Every wish reaches the ranking, and so do the rates; a panel that is down is named beside it."""
    panels = Panels(
        {
            "usd": selling("USD", refill=True, cancel=True, dripfeed=True),
            "vnd": selling("VND", refill=True, cancel=True, dripfeed=True, rate="25000"),
            "down": scripted(lambda form: reply("<html>", 502))[0],
        }
    )
    wished: dict[str, Any] = {"quantity": 9, "refill": True, "dripfeed": True, "cancel": True, "type": "default"}
    found = await panels.compare("likes", **wished, base="USD", rates={"VND": Decimal("0.00003")})
    (ranking,) = found.rankings
    assert [(one.panel, one.cost, one.in_base) for one in ranking.offers] == [
        ("vnd", Decimal(225), Decimal("0.75")),
        ("usd", Decimal("0.009"), Decimal(1)),
    ]
    assert list(found.failures) == ["down"]
    for other in ({"quantity": 10}, {"refill": False}, {"dripfeed": False}, {"cancel": False}, {"type": "Poll"}):
        assert (await panels.compare("likes", **{**wished, **other})).rankings == ()


@pytest.mark.parametrize("wish", [{"quantity": 0}, {"refill": 1}, {"base": "USD"}, {"type": " "}, {"words": ""}])
async def test_a_wish_that_means_nothing_asks_nobody(anyio_backend: str, wish: dict[str, Any]) -> None:
    """A wrong wish is a usage error before any panel is asked."""
    panel, transport = scripted()
    with pytest.raises(UsageError):
        await Panels({"good": panel}).compare(**{"words": "likes", **wish})
    assert transport.forms == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncios_own_timeouts_pass_through_reads(anyio_backend: str) -> None:
    """A cancellation by asyncio itself is the caller's, not a result."""

    class Slow(Exotic):
        async def balance(self, *, refresh: bool = False) -> Balance:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Panels({"slow": Slow(nothing), "good": scripted(reply(GOOD))[0]}).balances()


async def test_every_order_asked_for_has_a_value(anyio_backend: str) -> None:
    """Statuses are by panel and id; where a panel failed as a whole, each of its ids has that error."""
    rows = {"1": {"status": "Completed", "charge": "1"}, "2": {"error": "Incorrect order ID"}}
    good, bad, idle = scripted(reply(rows))[0], scripted(reply("<html>", 502))[0], Exotic(fails(AssertionError()))
    panels = Panels({"good": good, "bad": bad, "idle": idle, "silent": Exotic(dict)})
    ids: list[int | str] = [1, "2"]
    found = await panels.order_statuses({"good": (one for one in ids), "bad": [1, 7], "idle": [], "silent": [5]})
    assert list(found) == ["good", "bad", "idle", "silent"]
    one = found["good"]["1"]
    assert isinstance(one, OrderStatus)
    assert one.state is OrderState.COMPLETED
    assert isinstance(found["good"]["2"], UnknownOrder)
    assert list(found["bad"]) == ["1", "7"]
    assert all(isinstance(one, SMMError) for one in found["bad"].values())
    assert found["idle"] == {}
    assert isinstance(found["silent"]["5"], Malformed)


@pytest.mark.parametrize("orders", [{"good": [1], "nosuch": [1]}, {"good": ["a b"]}, {"good": 1.5}, [("good", 1)]])
async def test_a_wrong_call_is_said_before_anything_is_sent(anyio_backend: str, orders: Any) -> None:
    """An unknown panel or a wrong id is a usage error, for statuses and for tracking, and no panel is asked."""
    good, transport = scripted()
    with pytest.raises(UsageError):
        await Panels({"good": good}).order_statuses(orders)
    with pytest.raises(UsageError):
        Panels({"good": good}).track(orders)
    assert transport.forms == []


# ---------------------------------------------------------------------------------------------------------- tracking


def followed(clock: ManualClock, ends: Mapping[str, float]) -> Panel:
    """A panel whose orders are completed at these seconds after the clock's start."""

    def answer(form: dict[str, str]) -> Any:
        ids = (form.get("orders") or form["order"]).split(",")
        rows = {
            one: {"status": "Completed" if clock.now() - 1000 >= ends[one] else "Pending", "charge": "1"} for one in ids
        }
        return reply(rows if "orders" in form else rows[ids[0]])

    return scripted(answer, clock=clock)[0]


async def read(changes: AsyncIterator[tuple[str, OrderStatus | SMMError]]) -> list[tuple[str, str]]:
    """All pairs as text."""
    return [
        (panel, type(one).__name__ if isinstance(one, SMMError) else f"{one.order} {one.state.value}")
        async for panel, one in changes
    ]


async def test_changes_of_all_panels_come_as_they_happen(anyio_backend: str) -> None:
    """A panel that takes hours holds up no other; each change is told once, until all are final."""
    async with ManualClock() as clock:
        panels = Panels({"slow": followed(clock, {"1": 3600}), "fast": followed(clock, {"1": 0, "2": 50})})
        async with panels.track({"slow": [1], "fast": [1, 2]}, every=30) as changes:
            seen = await read(changes)
    assert sorted(seen[:3]) == [("fast", "1 completed"), ("fast", "2 pending"), ("slow", "1 pending")]
    assert seen[3:] == [("fast", "2 completed"), ("slow", "1 completed")]


async def test_a_failed_panel_stops_no_other(anyio_backend: str) -> None:
    """An error is a panel's last pair; the others are followed to the end."""
    async with ManualClock() as clock:
        bad = scripted(lambda form: reply({"error": "Invalid API key"}, 401), clock=clock)[0]
        panels = Panels({"bad": bad, "exotic": Exotic(fails(KeyError("x"))), "good": followed(clock, {"1": 100})})
        async with panels.track({"bad": [1], "exotic": [1], "good": [1]}, every=30) as changes:
            seen = await read(changes)
    assert sorted(seen[:3]) == [("bad", "AuthenticationFailed"), ("exotic", "SMMError"), ("good", "1 pending")]
    assert seen[3:] == [("good", "1 completed")]


async def test_a_slow_reader_loses_nothing(anyio_backend: str) -> None:
    """A reader that takes an hour for each change reads them all."""
    async with ManualClock() as clock:
        ends = {str(n): 0.0 for n in range(250)}
        panels = Panels({"a": followed(clock, ends), "b": followed(clock, ends)})
        seen = set()
        async with panels.track({"a": ends, "b": ends}, every=30) as changes:
            async for panel, one in changes:
                assert isinstance(one, OrderStatus)
                seen.add((panel, one.order))
                await clock.sleep(3600)
    assert len(seen) == 500


async def test_a_panel_is_not_asked_while_nobody_reads(anyio_backend: str) -> None:
    """Changes do not pile up: while the reader is busy, one change waits, and the panel is left alone."""
    async with ManualClock() as clock:
        good, transport = scripted(
            lambda form: reply({"status": "Pending", "charge": "1", "remains": int(clock.now())}), clock=clock
        )
        async with Panels({"good": good}).track({"good": [1]}, every=30) as changes:
            await anext(changes)
            await clock.sleep(10_000)
            assert len(transport.forms) == 2


async def test_leaving_early_stops_the_asking(anyio_backend: str) -> None:
    """After the block no panel is asked any more, also where tracking is somebody's generator."""

    class Generating(Exotic):
        ended = False

        async def _changes(self) -> AsyncIterator[OrderStatus]:
            try:
                while True:
                    yield OrderStatus("1", OrderState.PENDING, "Pending")
            finally:
                await anyio.lowlevel.checkpoint()
                self.ended = True

        def track(self, orders: Any, **_: Any) -> AsyncIterator[OrderStatus]:  # type: ignore[override]
            return self._changes()

    exotic = Generating(nothing)
    async with ManualClock() as clock:
        good, transport = scripted(lambda form: reply({"status": "Pending", "charge": "1"}), clock=clock)
        async with Panels({"good": good, "exotic": exotic}).track({"good": [1], "exotic": [1]}, every=30) as changes:
            async for panel, _ in changes:
                if panel == "good":
                    break
        asked = len(transport.forms)
        await clock.sleep(10_000)
    assert len(transport.forms) == asked
    assert exotic.ended


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(3), KeyboardInterrupt()])
async def test_the_readers_own_error_comes_out_as_it_is(error: BaseException) -> None:
    """What the block raises is raised, not a group of errors."""
    async with ManualClock() as clock:
        panels = Panels({"good": followed(clock, {"1": 0})})
        with pytest.raises(type(error)) as met:
            async with panels.track({"good": [1]}):
                raise error
    assert met.value is error


async def test_tracking_can_be_cancelled(anyio_backend: str) -> None:
    """Cancellation while waiting for a change passes through."""
    async with ManualClock() as clock:
        panels = Panels({"good": followed(clock, {"1": 10**9})})
        with anyio.CancelScope() as scope:
            async with panels.track({"good": [1]}, every=30) as changes:
                async for _ in changes:
                    scope.cancel()
        assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_stream_that_cancels_itself_is_told() -> None:
    """On asyncio a cancellation of a provider's own ends its orders with an error, and no other panel's."""
    async with ManualClock() as clock:
        exotic = Exotic(fails(asyncio.CancelledError()))
        async with Panels({"exotic": exotic, "good": followed(clock, {"1": 90})}).track(
            {"exotic": [1], "good": [1]}
        ) as changes:
            seen = await read(changes)
    assert sorted(seen[:2]) == [("exotic", "SMMError"), ("good", "1 pending")]
    assert seen[2:] == [("good", "1 completed")]


# ---------------------------------------------------------------------------------------------- one after the other

DOCUMENT = Path(__file__).parent.parent / "docs" / "many-panels.md"
GOES_ON = {
    "InsufficientFunds",
    "AuthenticationFailed",
    "AccountSuspended",
    "UnknownService",
    "Unavailable",
    "RateLimited",
    "Overloaded",
    "Unreachable",
    "Blocked",
}


def example(number: int) -> str:
    """The Python of the documents, from 0."""
    if not DOCUMENT.exists():
        pytest.skip("the wheel ships no documents")
    return str(re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[number])


def documented() -> Callable[..., Any]:
    """The function that the documents show for placing at the first panel that takes an order."""
    space: dict[str, Any] = {}
    exec(compile(example(1), DOCUMENT, "exec", dont_inherit=True), space)
    return cast("Callable[..., Any]", space["place_at_first"])


class Taking(Exotic):
    """Takes orders as the test says, and counts them."""

    asked = 0

    async def add_order(self, *_: Any, **__: Any) -> Any:
        """Do it, and count."""
        self.asked += 1
        return await self._act()


ORDER = Order(service=1, link="https://example.com/p", quantity=100)


@pytest.mark.parametrize("name", errors.__all__)
async def test_only_what_was_surely_not_placed_goes_to_the_next_panel(anyio_backend: str, name: str) -> None:
    """Of all error classes those about a panel's own means go on; every other one ends it."""
    error = getattr(errors, name)("no")
    first, second = Taking(fails(error)), Taking(lambda: Receipt("9"))
    place = documented()
    panels = Panels({"first": first, "second": second})
    if name in GOES_ON:
        assert await place(panels, {"first": ORDER, "second": ORDER}) == ("second", Receipt("9"))
    else:
        with pytest.raises(type(error)) as met:
            await place(panels, {"first": ORDER, "second": ORDER})
        assert met.value is error
    assert (first.asked, second.asked) == (1, int(name in GOES_ON))


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("panel", ["panelbon", "notpanel"])
async def test_whatever_goes_wrong_there_is_at_most_one_order(anyio_backend: str, panel: str, fault: Fault) -> None:
    """Over HTTP, with each fault at the first panel: never an order at both, and none at the second after a doubt."""
    options: Any = {"limits": Limits(), "seconds_to_finish": 0, "troubled": 0}
    impatient = Timeouts(read=0.2 if fault is Fault.LATE else 30)
    settings = {
        "first": Settings(retry=RetryPolicy(attempts=1), timeouts=impatient, limits=()),
        "second": Settings(limits=()),
    }
    with serve(panel, **options) as first, serve("v2", **options) as second:
        first.fail("add", fault, seconds=1)
        boxes = {"first": (panel, first), "second": ("v2", second)}
        providers = {
            name: smmclient.connect(of, api_key=box.api_key, base_url=box.base_url, settings=settings[name])
            for name, (of, box) in boxes.items()
        }
        async with Panels(providers) as panels:
            try:
                placed, _ = await documented()(panels, {"first": ORDER, "second": ORDER})
            except OutcomeUnknown as doubt:
                placed = ""
                assert doubt.__notes__[-1].startswith("the order may be at first: settle it there")
                assert (doubt.request_id is not None) == (panel == "notpanel")
        assert len(second.orders) == (placed == "second")
        assert len(first.orders) + len(second.orders) <= 1
        assert len(first.orders) == int(fault.acts)


async def test_a_cancelled_order_goes_nowhere_else(
    anyio_backend: str, loopback: Callable[[Behaviour], Loopback]
) -> None:
    """Cancelled while the first panel holds the order, nothing is sent to the second."""

    def hold(panel: Loopback, form: dict[str, str]) -> bytes:
        panel.hold(form)
        return panel.place(form)

    first, second = loopback(hold), loopback(lambda panel, form: panel.place(form))
    doubts: list[smmclient.Event] = []
    settings = Settings(on_event=doubts.append, limits=())
    providers = {
        name: smmclient.connect("v2", api_key="k", base_url=box.url, settings=settings)
        for name, box in (("first", first), ("second", second))
    }
    async with Panels(providers) as panels:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(documented(), panels, {"first": ORDER, "second": ORDER})
                await anyio.to_thread.run_sync(first.holding.wait, 5)
                scope.cancel()
    assert scope.cancelled_caught
    assert second.forms == []
    assert any(isinstance(one, smmclient.OrderInDoubt) for one in doubts)


def test_the_documents_example_runs(tmp_path: Path) -> None:
    """The example compares two panels, orders at the cheaper one and follows the order to its end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example(0)], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first == "bon 1 0.81 USD"
    assert re.fullmatch(r"bon \S+ (completed|partial|canceled)", last)


# -------------------------------------------------------------------------------------------------------- a whole walk


async def test_a_walk_over_three_panels(anyio_backend: str) -> None:
    """Balances, a comparison, an order at the panel that was chosen, and its end, over HTTP, with one panel down."""
    with ExitStack() as boxes:
        options: Any = {"limits": Limits(), "seconds_to_finish": 0, "troubled": 0}
        bon = boxes.enter_context(serve("panelbon", discount=10, **options))
        notpanel = boxes.enter_context(serve("notpanel", **options))
        down = boxes.enter_context(serve("v2", **options))
        down.fail("*", Fault.GATEWAY_PAGE, times=100)
        quick = Settings(retry=RetryPolicy(attempts=1))
        providers = {
            name: smmclient.connect(of, api_key=box.api_key, base_url=box.base_url, settings=quick)
            for name, of, box in (("bon", "panelbon", bon), ("np", "notpanel", notpanel), ("down", "v2", down))
        }
        async with Panels(providers) as panels:
            found = await panels.compare("tiktok followers", quantity=100)
            assert list(found.failures) == ["down"]
            (ranking,) = found.rankings
            best = ranking.offers[0]
            assert [offer.panel for offer in ranking.offers] == ["bon", "np"]
            order = Order(service=best.service.id, link="https://example.com/p", quantity=100)
            receipt = await panels[best.panel].add_order(order)
            async with panels.track({best.panel: [receipt.order]}, every=1) as changes:
                assert await read(changes) == [("bon", f"{receipt.order} completed")]
            left = await panels.balances(refresh=True)
        assert isinstance(left["bon"], Balance)
        assert isinstance(left["down"], SMMError)
        assert left["bon"].amount == 100 - cast("Decimal", best.cost)
        assert (len(bon.orders), len(notpanel.orders), len(down.orders)) == (1, 0, 0)
