"""What may be sent again: the safety table, cell by cell, over real HTTP, with the orders counted at the panel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

import smmclient
from loopback import Behaviour, Loopback, http
from smmclient import (
    AuthenticationFailed,
    Blocked,
    ConfigError,
    InsufficientFunds,
    Malformed,
    Order,
    OrderInDoubt,
    OutcomeUnknown,
    Overloaded,
    Provider,
    RateLimited,
    Refused,
    RetryPolicy,
    Settings,
    SMMError,
    Timeouts,
    Unreachable,
)
from smmclient.pipeline.decide import Met, decide
from smmclient.wire import Safety

pytestmark = pytest.mark.anyio

KEY = "secret-key-of-the-test-0123456789"
ATTEMPTS = 3
ORDER = Order(service=1, link="https://example.com/p", quantity=10)
QUICK = Settings(
    retry=RetryPolicy(attempts=ATTEMPTS, first_pause=0.001, longest_pause=0.002),
    timeouts=Timeouts(read=0.15),
    limits=(),
)


def done(answer: bytes | None) -> Behaviour:
    """Act upon the call, then answer that."""

    def behave(panel: Loopback, form: dict[str, str]) -> bytes | None:
        panel.place(form)
        return answer

    return behave


def undone(answer: bytes | None) -> Behaviour:
    """Answer that without acting."""
    return lambda panel, form: answer


def held(panel: Loopback, form: dict[str, str]) -> bytes | None:
    """Act, then say nothing until the test is over."""
    panel.place(form)
    panel.hold(form)
    return None


def cut(panel: Loopback, form: dict[str, str]) -> bytes:
    """Act, then break off before the body's end."""
    return panel.place(form)[:-4]


def refuses(text: str, status: int = 200) -> Behaviour:
    """Answer with an error text, without acting."""
    return undone(http(status, f'{{"error": "{text}"}}'))


UNKNOWN = OutcomeUnknown
HTML = "<html><body>Attention Required</body></html>"

#: (behaviour, what a READ ends in, what a KEYED add ends in, what a call that may be sent ONCE ends in,
#: how often each is sent). Every attempt meets the same.
CELLS: dict[str, tuple[Behaviour, type[SMMError], type[SMMError], type[SMMError], tuple[int, int, int]]] = {
    "read timeout": (held, Unreachable, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "dropped after": (done(None), Unreachable, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "dropped before": (undone(None), Unreachable, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "dropped mid-body": (cut, Unreachable, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "500 html": (done(http(500, HTML)), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "502 json": (done(http(502, '{"error": "server error"}')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "503 empty": (done(http(503, "")), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "504 html": (done(http(504, HTML)), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "500 refusal": (done(http(500, '{"error": "Not enough funds"}')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "408": (done(http(408, HTML)), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "408 json": (done(http(408, '{"error": "Request timeout"}')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 html": (done(http(200, HTML)), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 empty": (done(http(200, "")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 text": (done(http(200, "OK")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 cut json": (done(http(200, '{"order": 12')), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 null": (done(http(200, "null")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 list": (done(http(200, "[]")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 nothing": (done(http(200, "{}")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 id null": (done(http(200, '{"order": null, "balance": null}')), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "200 fault text": (done(http(200, '{"error": "Internal server error"}')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "204": (done(http(204, "")), Malformed, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "401 html": (undone(http(401, HTML)), Blocked, Blocked, Blocked, (1, 1, 1)),
    "403 html": (undone(http(403, HTML)), Blocked, Blocked, Blocked, (1, 1, 1)),
    "301": (
        undone(http(301, "", "location: https://other.example/\r\n")),
        ConfigError,
        ConfigError,
        ConfigError,
        (1, 1, 1),
    ),
    "302": (undone(http(302, "", "location: /login\r\n")), ConfigError, ConfigError, ConfigError, (1, 1, 1)),
    "307": (undone(http(307, "", "location: /v3\r\n")), ConfigError, ConfigError, ConfigError, (1, 1, 1)),
    "404 html": (undone(http(404, HTML)), ConfigError, ConfigError, ConfigError, (1, 1, 1)),
    "404 cut json": (undone(http(404, '{"error": "Incorr')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "403 cut json": (undone(http(403, '{"error": "Acc')), Overloaded, UNKNOWN, UNKNOWN, (3, 3, 1)),
    "429 json": (refuses("slow down", 429), RateLimited, RateLimited, RateLimited, (3, 3, 3)),
    "429 html": (undone(http(429, HTML)), RateLimited, RateLimited, RateLimited, (3, 3, 3)),
    "200 too many": (refuses("Too many requests"), RateLimited, RateLimited, RateLimited, (3, 3, 3)),
    "200 known": (
        refuses("Not enough funds on balance"),
        InsufficientFunds,
        InsufficientFunds,
        InsufficientFunds,
        (1, 1, 1),
    ),
    "200 unknown": (refuses("Le lien est mauvais"), Refused, Refused, Refused, (1, 1, 1)),
    "400 unknown": (refuses("something new", 400), Refused, Refused, Refused, (1, 1, 1)),
    "401 key": (
        refuses("Invalid API key", 401),
        AuthenticationFailed,
        AuthenticationFailed,
        AuthenticationFailed,
        (1, 1, 1),
    ),
}


async def cancel(provider: Provider, order: str) -> object:
    """Cancel one order; an error that is the value of its id is raised."""
    (answer,) = (await provider.cancel([order])).values()
    if isinstance(answer, SMMError):
        raise answer
    return answer


CALLS: dict[str, tuple[str, int, Callable[[Provider], Awaitable[object]]]] = {
    "read on panelbon": ("panelbon", 0, lambda panel: panel.balance()),
    "read on notpanel": ("notpanel", 0, lambda panel: panel.balance()),
    "keyed add on notpanel": ("notpanel", 1, lambda panel: panel.add_order(ORDER)),
    "add on panelbon": ("panelbon", 2, lambda panel: panel.add_order(ORDER)),
    "cancel on panelbon": ("panelbon", 2, lambda panel: cancel(panel, "1")),
    "cancel on notpanel": ("notpanel", 2, lambda panel: cancel(panel, "ord_1")),
    "webhook added": ("notpanel", 2, lambda panel: panel.add_webhook("https://hooks.example.com/")),
    "webhook removed": ("notpanel", 2, lambda panel: panel.remove_webhook("wh_1")),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cell", CELLS)
async def test_every_cell(cell: str, call: str, loopback: Callable[[Behaviour], Loopback]) -> None:
    """Each call ends in the error of its cell, is sent as often as is safe, and is done once at most."""
    behaviour, *errors, sends = CELLS[cell]
    name, column, make = CALLS[call]
    panel = loopback(behaviour)
    async with smmclient.connect(name, api_key=KEY, base_url=panel.url, settings=QUICK) as provider:
        with pytest.raises(SMMError) as caught:
            await make(provider)
    panel.release.set()
    assert type(caught.value) is errors[column]
    assert len(panel.forms) == sends[column]
    assert len(panel.orders) <= 1
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    if isinstance(caught.value, OutcomeUnknown):
        assert caught.value.safe_to_repeat == (column == 1)
    if name == "notpanel" and column == 1:
        assert len({form["request_id"] for form in panel.forms}) == 1
        assert caught.value.request_id == panel.forms[0]["request_id"]


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_connection(call: str, closed_port: int) -> None:
    """A connection that never came about is tried again by every call, and is Unreachable in the end."""
    name, _, make = CALLS[call]
    attempts: list[object] = []
    settings = smmclient.Settings(retry=QUICK.retry, limits=(), on_event=attempts.append)
    url = f"http://127.0.0.1:{closed_port}/"
    async with smmclient.connect(name, api_key=KEY, base_url=url, settings=settings) as provider:
        with pytest.raises(Unreachable):
            await make(provider)
    assert sum(isinstance(event, smmclient.Attempted) for event in attempts) == ATTEMPTS


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour a request, in that order."""
    return lambda panel, form: behaviours[len(panel.forms) - 1](panel, form)


def good(panel: Loopback, form: dict[str, str]) -> bytes:
    """Act and say so."""
    return panel.place(form)


#: What a keyed order that was placed, and whose first reply was lost, ends in after that second answer.
AFTER_DOUBT: dict[str, tuple[Behaviour, type[SMMError] | None]] = {
    "the reply comes": (good, None),
    "the limit": (refuses("Too many requests"), UNKNOWN),
    "a firewall": (undone(http(403, HTML)), UNKNOWN),
    "a redirect": (undone(http(302, "")), UNKNOWN),
    "the key is refused": (refuses("Invalid API key", 401), UNKNOWN),
    "the account is suspended": (refuses("Account suspended", 403), UNKNOWN),
    "a duplicate": (refuses("You have active order with this link."), UNKNOWN),
    "still in progress": (refuses("request in progress", 409), UNKNOWN),
    "a refusal of the order": (refuses("Insufficient balance", 400), InsufficientFunds),
    "an unknown refusal": (refuses("no such thing", 400), UNKNOWN),
    "an id that was used": (refuses("request_id already used", 400), UNKNOWN),
    "an order that exists": (refuses("Order already exists", 422), UNKNOWN),
    "a link that is refused": (refuses("Bad link", 400), smmclient.InvalidLink),
}


@pytest.mark.parametrize("case", AFTER_DOUBT)
async def test_doubt_is_sticky(case: str, loopback: Callable[[Behaviour], Loopback]) -> None:
    """Once an attempt may have arrived, only a reply to the same id about the order itself settles it."""
    second, error = AFTER_DOUBT[case]
    panel = loopback(in_turn(done(None), second, second))
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url, settings=QUICK) as provider:
        if error is None:
            receipt = await provider.add_order(ORDER)
            assert receipt.order == "ord_1"
            assert receipt.request_id == panel.forms[0]["request_id"]
        else:
            with pytest.raises(SMMError) as caught:
                await provider.add_order(ORDER)
            assert type(caught.value) is error
            assert getattr(caught.value, "safe_to_repeat", True)
    assert len(panel.orders) == 1


async def test_an_unknown_outcome_is_settled_by_its_request_id(loopback: Callable[[Behaviour], Loopback]) -> None:
    """The same order sent again with the request_id of the error gives the receipt of the first."""
    panel = loopback(in_turn(done(None), done(None), done(None), good))
    async with smmclient.connect("notpanel", api_key=KEY, base_url=panel.url, settings=QUICK) as provider:
        with pytest.raises(OutcomeUnknown) as caught:
            await provider.add_order(ORDER)
        receipt = await provider.add_order(ORDER, request_id=caught.value.request_id)
    assert receipt.order == "ord_1"
    assert len(panel.orders) == 1


async def _run(act: Callable[[Provider], Awaitable[object]], provider: Provider) -> None:
    await act(provider)


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("notpanel", lambda panel: panel.add_order(ORDER, request_id="mine")),
        ("panelbon", lambda panel: panel.add_order(ORDER)),
        ("panelbon", lambda panel: panel.cancel(["7"])),
        ("panelbon", lambda panel: panel.balance()),
    ],
)
async def test_cancelled_in_the_air(
    name: str, act: Callable[[Provider], Awaitable[object]], loopback: Callable[[Behaviour], Loopback]
) -> None:
    """A caller's cancel goes through at once; what may have arrived is told as an event."""
    panel = loopback(held)
    events: list[object] = []
    settings = Settings(limits=(), on_event=events.append)
    async with (
        smmclient.connect(name, api_key=KEY, base_url=panel.url, settings=settings) as provider,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_run, act, provider)
        await anyio.to_thread.run_sync(panel.holding.wait, 5)
        tasks.cancel_scope.cancel()
    told = [event for event in events if isinstance(event, OrderInDoubt)]
    if panel.forms[0]["action"] == "balance":
        assert told == []
    else:
        (event,) = told
        assert event.request_id == ("mine" if name == "notpanel" else None)
        assert event.order == (ORDER if panel.forms[0]["action"] == "add" else ("7",))
    assert len(panel.forms) == 1


@pytest.mark.parametrize("safety", Safety)
@pytest.mark.parametrize("met", Met)
def test_the_rule_itself(safety: Safety, met: Met) -> None:
    """A call that may be sent once is repeated only when it surely was not acted upon, and a read is never in doubt."""
    verdict = decide(safety, met)
    surely_not = met in (Met.NOT_SENT, Met.LIMITED, Met.CLOSED)
    assert verdict.doubt == (safety is not Safety.READ and not surely_not)
    if safety is Safety.ONCE:
        assert verdict.repeat == (met in (Met.NOT_SENT, Met.LIMITED))
    if safety is Safety.KEYED:
        assert verdict.repeat
