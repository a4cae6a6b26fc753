"""What the pipeline does around a call: sharing, caching, batching, retries, hooks, events, and its limits."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlencode

import anyio
import anyio.lowlevel
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

import smmclient
from smmclient import (
    Attempted,
    Balance,
    ConfigError,
    Malformed,
    Order,
    OrderState,
    OrderStatus,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Receipt,
    Refused,
    RetryPolicy,
    Settings,
    SMMError,
    Unreachable,
    UsageError,
    Waiting,
)
from smmclient.dialect import V2, Dialect
from smmclient.panel import Panel
from smmclient.pipeline.key import ApiKey
from smmclient.testing import ManualClock, ScriptedTransport, reply
from smmclient.testing.transport import Step
from smmclient.wire import BodyTooLarge, Delivery, Operation, TransportFailed, WireReply, WireRequest
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON

pytestmark = pytest.mark.anyio

T = TypeVar("T")
KEY = "secret/key+of the test"
ORDER = Order(service=1, link="https://example.com/p", quantity=10)
NOT_SENT = TransportFailed("refused", delivery=Delivery.NOT_SENT)
LOST = TransportFailed("dropped", delivery=Delivery.MAYBE_SENT)
BALANCE = reply({"balance": "1.50", "currency": "USD"})


async def let_them_run() -> None:
    """Let every other task come to its next wait."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def provider(
    steps: Sequence[Step] | Step, clock: ManualClock, dialect: Dialect = NOTPANEL, **settings: object
) -> tuple[Panel, ScriptedTransport]:
    """A provider that meets these steps, and the transport that plays them."""
    transport = ScriptedTransport(steps)
    panel = Panel(
        dialect,
        api_key=KEY,
        base_url=dialect.base_url or "https://panel.example/api/v2",
        transport=transport,
        clock=clock,
        draw=random.Random(1),
        settings=Settings(**{"limits": (), **settings}),  # type: ignore[arg-type]
    )
    return panel, transport


def statuses(form: dict[str, str]) -> WireReply:
    """Every order that is asked about is completed."""
    ids = (form.get("orders") or form["order"]).split(",")
    rows = {one: {"status": "Completed", "charge": "0.5", "start_count": "1", "remains": "0"} for one in ids}
    return reply(rows if "orders" in form else rows[ids[0]])


# ---------------------------------------------------------------------------------------------------- the signed form


@given(st.lists(st.tuples(st.text(), st.text())), st.text(min_size=1).filter(str.strip))
def test_a_signed_form_is_what_urllib_writes(form: list[tuple[str, str]], key: str) -> None:
    """Whatever stands in a form, and in the key, is quoted as the standard library quotes it."""
    try:
        signer = ApiKey(key)
    except ConfigError:
        # A control character.
        return
    assert signer.sign(tuple(form)) == urlencode([("key", key.strip()), *form]).encode()


def test_a_signed_form_of_other_types() -> None:
    """A number in a form that a panel's package builds is written as the standard library writes it."""
    form = (("id", 5), ("share", 0.5))
    assert ApiKey("k").sign(form) == b"key=k&id=5&share=0.5"  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ sharing and caching


async def test_concurrent_reads_share_one_request() -> None:
    """A hundred callers who ask for the balance at once make one request, and get one value."""
    async with ManualClock() as clock:
        panel, transport = provider([BALANCE], clock, PANELBON)
        seen: list[Balance] = []

        async def ask() -> None:
            seen.append(await panel.balance())

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)
    assert len(transport.forms) == 1
    assert len(seen) == 100
    assert {one.amount for one in seen} == {Decimal("1.50")}


async def test_a_shared_read_survives_its_leader() -> None:
    """When the caller whose request the others share is cancelled, another asks for all of them."""
    async with ManualClock() as clock:
        panel, transport = provider(lambda form: BALANCE, clock, PANELBON)
        seen: list[Balance] = []
        leader = anyio.CancelScope()

        async def lead() -> None:
            with leader:
                await panel.balance()

        async def follow() -> None:
            seen.append(await panel.balance())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lead)
            await let_them_run()
            for _ in range(3):
                tasks.start_soon(follow)
            await let_them_run()
            leader.cancel()
    assert len(seen) == 3
    assert len(transport.forms) == 2


async def test_a_shared_error_reaches_all() -> None:
    """Everybody who shares a read gets its error, each one of his own."""
    async with ManualClock() as clock:
        panel, transport = provider([reply({"error": "Invalid API key"}, 401)], clock, PANELBON)
        errors: list[SMMError] = []

        async def ask() -> None:
            try:
                await panel.balance()
            except SMMError as error:
                errors.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
    assert [type(error) for error in errors] == [smmclient.AuthenticationFailed] * 3
    assert len({id(error) for error in errors}) == 3
    assert len(transport.forms) == 1


@pytest.mark.parametrize(
    ("dialect", "wait", "requests"),
    [(NOTPANEL, 0.0, 1), (NOTPANEL, 29.0, 1), (NOTPANEL, 31.0, 2), (PANELBON, 0.0, 2)],
)
async def test_balance_is_cached_as_the_panel_declares(dialect: Dialect, wait: float, requests: int) -> None:
    """NotPanel's balance cannot be newer within 30 s, so it is not asked for again; PanelBon's is live."""
    async with ManualClock() as clock:
        panel, transport = provider([BALANCE, BALANCE], clock, dialect)
        first = await panel.balance()
        await clock.sleep(wait)
        await panel.balance()
        assert len(transport.forms) == requests
        assert first.max_age == (30.0 if dialect is NOTPANEL else 0.0)
        assert first.fetched_at == 1_700_000_000.0


async def test_the_catalog_is_kept_with_its_age() -> None:
    """The catalog is fetched once an hour, unless it is asked for anew or caching is off."""
    async with ManualClock() as clock:
        rows = [{"service": 1, "name": "a", "type": "Default", "category": "c", "rate": "1", "min": 1, "max": 2}]
        panel, transport = provider(lambda form: reply(rows), clock)
        first = await panel.services()
        await clock.sleep(3599)
        assert await panel.services() is first
        assert len(transport.forms) == 1
        assert (await panel.services(refresh=True)).fetched_at == first.fetched_at + 3599
        assert len(transport.forms) == 2
        asks = panel.with_settings(cache=False)
        await asks.services()
        await asks.services()
        assert len(transport.forms) == 4
        await clock.sleep(3601)
        await panel.services()
        assert len(transport.forms) == 5


async def test_a_fresh_read_does_not_join_an_older_one() -> None:
    """A refresh asked for while a request is in the air makes its own: the older one may tell of a time before."""
    async with ManualClock() as clock:
        answers = iter(["1", "2"])
        panel, transport = provider(lambda form: reply({"balance": next(answers)}), clock, PANELBON)
        seen: dict[str, Decimal] = {}

        async def ask(name: str, *, refresh: bool) -> None:
            seen[name] = (await panel.balance(refresh=refresh)).amount

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: ask("first", refresh=False))
            await let_them_run()
            tasks.start_soon(lambda: ask("fresh", refresh=True))
    assert len(transport.forms) == 2
    assert sorted(seen.values()) == [Decimal(1), Decimal(2)]


# ---------------------------------------------------------------------------------------------------------- batches


async def test_a_thousand_statuses_in_ten_requests() -> None:
    """Batches are full, the mapping keeps the order asked for, and each id is asked for once."""
    async with ManualClock() as clock:
        panel, transport = provider(statuses, clock)
        ids = [f"ord_{number}" for number in range(1000)]
        answers = await panel.order_statuses([*ids, *ids])
    assert len(transport.forms) == 10
    assert list(answers) == ids
    assert all(isinstance(answer, OrderStatus) for answer in answers.values())


async def test_single_calls_are_gathered() -> None:
    """A thousand single status calls made at once are ten requests, and each caller gets his own order."""
    async with ManualClock() as clock:
        panel, transport = provider(statuses, clock)
        seen: dict[int, str] = {}

        async def ask(number: int) -> None:
            seen[number] = (await panel.order_status(number)).order

        async with anyio.create_task_group() as tasks:
            for number in range(1000):
                tasks.start_soon(ask, number)
    assert len(transport.forms) == 10
    assert seen == {number: str(number) for number in range(1000)}


async def test_a_lone_status_uses_the_single_form() -> None:
    """One id is sent as order=, several as orders=."""
    async with ManualClock() as clock:
        panel, transport = provider(statuses, clock)
        await panel.order_status(7)
        await panel.order_statuses([7, 8])
    assert transport.forms == [{"action": "status", "order": "7"}, {"action": "status", "orders": "7,8"}]


async def test_gathered_callers_get_their_own_errors() -> None:
    """In a gathered batch the caller of a bad id gets its refusal, the others their statuses."""
    async with ManualClock() as clock:

        def answer(form: dict[str, str]) -> WireReply:
            return reply({"1": {"status": "Pending", "charge": "1"}, "2": {"error": "Incorrect order ID"}})

        panel, transport = provider(answer, clock)
        seen: dict[str, object] = {}

        async def ask(order: str) -> None:
            try:
                seen[order] = (await panel.order_status(order)).state
            except SMMError as error:
                seen[order] = type(error)

        async with anyio.create_task_group() as tasks:
            for order in ("1", "2", "3"):
                tasks.start_soon(ask, order)
    assert seen == {"1": OrderState.PENDING, "2": smmclient.UnknownOrder, "3": Malformed}
    assert len(transport.forms) == 1


async def test_one_callers_bad_id_does_not_fail_the_others() -> None:
    """On a panel that refuses whole batches for one bad id, gathered calls are made one by one."""
    async with ManualClock() as clock:

        def answer(form: dict[str, str]) -> WireReply:
            bad = "bad" in (form.get("orders") or form["order"]).split(",")
            return reply({"error": "Incorrect order IDs"}) if bad else statuses(form)

        panel, transport = provider(answer, clock)
        seen: dict[str, object] = {}

        async def ask(order: str) -> None:
            try:
                seen[order] = (await panel.order_status(order)).state
            except SMMError as error:
                seen[order] = type(error)

        async with anyio.create_task_group() as tasks:
            for order in ("1", "bad", "2"):
                tasks.start_soon(ask, order)
    assert seen == {"1": OrderState.COMPLETED, "bad": smmclient.UnknownOrder, "2": OrderState.COMPLETED}
    assert len(transport.forms) == 4


async def test_gathered_calls_survive_their_leader() -> None:
    """When the first of the gathered callers is cancelled, the others are answered all the same."""
    async with ManualClock() as clock:
        panel, transport = provider(statuses, clock)
        seen: list[str] = []
        leader = anyio.CancelScope()

        async def lead() -> None:
            with leader:
                await panel.order_status(0)

        async def ask(number: int) -> None:
            seen.append((await panel.order_status(number)).order)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lead)
            await let_them_run()
            for number in (1, 2, 3):
                tasks.start_soon(ask, number)
            await let_them_run()
            leader.cancel()
    assert sorted(seen) == ["1", "2", "3"]
    assert [sorted(form["orders"]) for form in transport.forms] == [sorted("1,2,3")]


async def test_one_failed_batch_costs_only_its_own_ids() -> None:
    """With several batches an error is the value of each id of its batch; finished batches are never lost."""
    async with ManualClock() as clock:

        def answer(form: dict[str, str]) -> WireReply:
            return reply({"error": "Account suspended"}, 403) if "150" in form["orders"].split(",") else statuses(form)

        panel, _ = provider(answer, clock)
        answers = await panel.order_statuses(range(250))
    kinds = [type(answer) for answer in answers.values()]
    assert kinds == [OrderStatus] * 100 + [smmclient.AccountSuspended] * 100 + [OrderStatus] * 50


async def test_one_batch_that_is_refused_raises() -> None:
    """The panel's answer to a call of one batch that concerns the whole call is raised."""
    async with ManualClock() as clock:
        panel, _ = provider([reply({"error": "Account suspended"}, 403)], clock)
        with pytest.raises(smmclient.AccountSuspended):
            await panel.order_statuses([1, 2])


async def test_nothing_asked_nothing_sent() -> None:
    """An empty list of ids is an empty mapping, without a request."""
    async with ManualClock() as clock:
        panel, transport = provider([], clock)
        assert await panel.order_statuses([]) == {}
        assert await panel.cancel([]) == {}
        assert transport.forms == []


async def test_missing_ids_are_values() -> None:
    """An id that the reply passes over is Malformed for a read and OutcomeUnknown for a cancel."""
    async with ManualClock() as clock:
        rows = {"7": {"status": "Pending", "charge": "1"}}
        cancels = [{"order": "7", "cancel": 1}]
        panel, _ = provider([reply(rows), reply(cancels)], clock)
        read = await panel.order_statuses([7, 8])
        written = await panel.cancel([7, 8])
    assert isinstance(read["8"], Malformed)
    assert isinstance(written["7"], smmclient.Cancellation)
    assert isinstance(written["8"], OutcomeUnknown)
    assert not written["8"].safe_to_repeat


# ---------------------------------------------------------------------------------------------------------- retries


async def test_pauses_grow_and_are_jittered() -> None:
    """The pauses between attempts are drawn between half and the whole of 0.5, 1 and 2 seconds."""
    async with ManualClock() as clock:
        events: list[object] = []
        panel, transport = provider([NOT_SENT] * 4, clock, on_event=events.append)
        with pytest.raises(Unreachable) as caught:
            await panel.balance()
    waits = [event.seconds for event in events if isinstance(event, Waiting)]
    assert len(transport.forms) == 4
    for wait, whole in zip(waits, (0.5, 1.0, 2.0), strict=True):
        assert whole / 2 <= wait <= whole
    assert caught.value.__cause__ is NOT_SENT


async def test_the_deadline_bounds_retrying() -> None:
    """No attempt starts after the deadline, however many are left."""
    async with ManualClock() as clock:
        retry = RetryPolicy(attempts=50, deadline=10.0)
        panel, transport = provider(lambda form: NOT_SENT, clock, retry=retry)
        start = clock.now()
        with pytest.raises(Unreachable):
            await panel.balance()
        assert clock.now() - start <= 10.0
    assert 4 < len(transport.forms) < 50


async def test_an_outage_does_not_multiply_traffic() -> None:
    """The quota of retries is used up in a lasting outage; then each call is sent once. Good calls earn it back."""
    async with ManualClock() as clock:
        up = False
        panel, transport = provider(lambda form: BALANCE if up else NOT_SENT, clock, PANELBON)
        for _ in range(500):
            with pytest.raises(Unreachable):
                await panel.balance()
        assert len(transport.forms) == 500 + 100
        up = True
        for _ in range(20):
            await panel.balance()
        up = False
        with pytest.raises(Unreachable):
            await panel.balance()
    assert len(transport.forms) == 600 + 20 + 1 + 3


async def test_a_good_second_attempt() -> None:
    """A read whose first reply is lost, and the next garbled, is answered by the third."""
    async with ManualClock() as clock:
        panel, transport = provider([LOST, reply("<html>"), BALANCE], clock)
        assert (await panel.balance()).amount == Decimal("1.50")
    assert len(transport.forms) == 3


async def test_temporarily_unavailable() -> None:
    """A panel that says it is closed for now did nothing: Overloaded, sent once where it may be sent once."""
    async with ManualClock() as clock:
        closed = reply({"error": "This panel is temporarily unavailable"})
        panel, transport = provider([closed], clock, PANELBON)
        with pytest.raises(Overloaded) as caught:
            await panel.add_order(ORDER)
        assert caught.value.retryable
        assert len(transport.forms) == 1
        panel, transport = provider([closed, reply({"order": 5})], clock, NOTPANEL)
        assert (await panel.add_order(ORDER)).order == "5"


async def test_a_body_over_the_bound() -> None:
    """A reply that is too large is Malformed for a read, and leaves an order unknown."""
    async with ManualClock() as clock:
        panel, transport = provider([BodyTooLarge(16), BodyTooLarge(16)], clock, PANELBON)
        with pytest.raises(Malformed):
            await panel.services()
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER)
    assert len(transport.forms) == 2


async def test_a_transport_that_breaks_its_promise() -> None:
    """Whatever else a transport raises counts as a request that may have arrived."""
    async with ManualClock() as clock:
        panel, transport = provider([OSError("socket"), OSError("socket"), BALANCE], clock, PANELBON)
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER)
        assert (await panel.balance()).amount == Decimal("1.50")
    assert len(transport.forms) == 3


async def test_a_decoder_that_fails_leaves_an_order_unknown() -> None:
    """A fault in a panel's own decoder, met after the order was sent, is not passed off as a refusal."""

    class Broken(Dialect):
        def read(self, reply: WireReply, operation: object) -> object:  # type: ignore[override]
            raise KeyError("oops")

    async with ManualClock() as clock:
        panel, _ = provider([reply({"order": 1})], clock, Broken(name="broken"))
        with pytest.raises(OutcomeUnknown) as caught:
            await panel.add_order(ORDER)
        assert isinstance(caught.value.__cause__, KeyError)


# --------------------------------------------------------------------------------------------- the order's own moments


async def test_before_send_comes_after_pacing_and_before_the_first_byte() -> None:
    """The hook is called once for an order, however often it is sent, with the id that is sent."""
    async with ManualClock() as clock:
        panel, transport = provider([LOST, NOT_SENT, reply({"order": 5})], clock)
        moments: list[tuple[object, str | None, int]] = []

        async def mark(order: object, request_id: str | None) -> None:
            moments.append((order, request_id, len(transport.forms)))

        receipt = await panel.add_order(ORDER, before_send=mark)
    assert moments == [(ORDER, receipt.request_id, 0)]
    assert {form["request_id"] for form in transport.forms} == {receipt.request_id}
    assert len(transport.forms) == 3


async def test_a_hook_that_fails_stops_the_order() -> None:
    """When the hook raises, nothing is sent, its slot is free again, and its error passes through."""
    async with ManualClock() as clock:
        limits = (smmclient.Limit(1, 3600.0),)
        panel, transport = provider([reply({"order": 5})], clock, PANELBON, limits=limits)

        async def fail(order: object, request_id: str | None) -> None:
            raise LookupError("the disk is full")

        with pytest.raises(LookupError):
            await panel.add_order(ORDER, before_send=fail)
        assert transport.forms == []
        start = clock.now()
        assert (await panel.add_order(ORDER)).order == "5"
        assert clock.now() == start


async def test_the_gate_bounds_what_is_in_the_air() -> None:
    """No more than max_connections requests are under way at once; waiting callers hold no place."""
    async with ManualClock() as clock:
        in_air = most = 0

        class Slow:
            async def send(self, request: WireRequest) -> WireReply:
                nonlocal in_air, most
                in_air += 1
                most = max(most, in_air)
                await clock.sleep(1.0)
                in_air -= 1
                return reply({"order": 1})

            async def aclose(self) -> None:
                pass

        panel = Panel(PANELBON, api_key=KEY, transport=Slow(), clock=clock, settings=Settings(max_connections=3))
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(panel.add_order, ORDER)
    assert most == 3


@pytest.mark.parametrize("request_id", ["", " a", "a\n", "x" * 129, "é"])
async def test_a_request_id_that_panels_could_change(request_id: str) -> None:
    """A request_id must be 1 to 128 printable ASCII characters; nothing is sent otherwise."""
    async with ManualClock() as clock:
        panel, transport = provider([], clock)
        with pytest.raises(UsageError):
            await panel.add_order(ORDER, request_id=request_id)
        assert transport.forms == []


@pytest.mark.parametrize(
    "answer",
    [
        reply({"error": "Invalid API key"}, 401),
        reply({"error": "request in progress"}, 409),
        reply({"error": "You have active order with this link."}, 400),
        reply("<html>", 403),
        reply("", 302),
        NOT_SENT,
    ],
)
@pytest.mark.parametrize("remembered", [True, False])
async def test_resuming_stays_in_doubt(answer: Step, remembered: bool) -> None:
    """A later call with the id of an unknown outcome is unknown too, until an answer is about the order itself."""
    async with ManualClock() as clock:
        once = RetryPolicy(attempts=1)
        panel, _ = provider([LOST, answer, reply({"order": "ord_1"})], clock, retry=once)
        with pytest.raises(OutcomeUnknown) as caught:
            await panel.add_order(ORDER)
        request_id = caught.value.request_id
        if not remembered:
            panel, _ = provider([answer, reply({"order": "ord_1"})], clock, retry=once)
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER, request_id=request_id, resume=not remembered)
        assert (await panel.add_order(ORDER, request_id=request_id)).order == "ord_1"


async def test_a_settled_id_is_forgotten() -> None:
    """Once an unknown outcome is settled, the next answers mean what they say."""
    async with ManualClock() as clock:
        refused = reply({"error": "Invalid API key"}, 401)
        once = RetryPolicy(attempts=1)
        panel, _ = provider([LOST, reply({"error": "Bad link"}, 400), refused], clock, retry=once)
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER, request_id="r")
        with pytest.raises(smmclient.InvalidLink):
            await panel.add_order(ORDER, request_id="r")
        with pytest.raises(smmclient.AuthenticationFailed):
            await panel.add_order(ORDER, request_id="r")
        with pytest.raises(UsageError):
            await panel.add_order(ORDER, resume=True)


async def test_the_callers_request_id_is_sent() -> None:
    """A request_id of the caller's goes out as it is and comes back in the receipt."""
    async with ManualClock() as clock:
        panel, transport = provider([reply({"order": "ord_1"})], clock)
        receipt = await panel.add_order(ORDER, request_id="x" * 128)
    assert receipt == Receipt(order="ord_1", request_id="x" * 128)
    assert transport.forms[0]["request_id"] == "x" * 128


# ------------------------------------------------------------------------------------------- the key, events, life

ECHO = (
    "bad key secret/key+of the test in secret%2Fkey%2Bof%20the%20test and secret%2fkey%2bof+the+test, "
    "SECRET/KEY+OF THE TEST"
)


async def test_an_echoed_key_is_taken_out(caplog: pytest.LogCaptureFixture) -> None:
    """A key that a panel sends back shows in no message, attribute, repr, event or log line."""
    caplog.set_level(logging.DEBUG)
    replies: list[Step] = [
        reply({"error": ECHO, "detail": {"key": [KEY]}}, 401),
        reply({"1": {"error": ECHO}, "2": {"status": "Pending", "charge": ECHO}}),
        reply(f"<html>{ECHO}</html>"),
        reply("", 302, {"Location": f"https://x/?{ECHO}"}),
        TransportFailed(ECHO, delivery=Delivery.MAYBE_SENT),
        reply({"error": "Internal server error " + ECHO}),
    ]
    events: list[object] = []
    errors: list[object] = []
    async with ManualClock() as clock:
        panel, _ = provider(replies, clock, on_event=events.append, retry=RetryPolicy(attempts=1))
        for call in range(len(replies)):
            try:
                errors += (await panel.order_statuses([1, 2])).values() if call else [await panel.balance()]
            except SMMError as error:
                errors += [error, error.__cause__]
    shown = "\n".join(
        f"{error} {error!r} {vars(error) if isinstance(error, Exception) else ''}" for error in errors if error
    )
    shown += f"{events}{caplog.text}"
    assert "secret" not in shown.casefold()
    assert "***" in shown
    assert len([error for error in errors if isinstance(error, SMMError)]) == 7


async def test_the_key_may_rotate() -> None:
    """A callable key is asked before every send; what it raises, or an empty key, is a ConfigError."""
    keys = iter(["first", "second"])
    bodies: list[bytes] = []
    async with ManualClock() as clock:

        class Keeps(ScriptedTransport):
            async def send(self, request: WireRequest) -> WireReply:
                bodies.append(request.body)
                return await super().send(request)

        transport = Keeps([NOT_SENT, reply({"order": 1})])
        panel = Panel(PANELBON, api_key=lambda: next(keys), transport=transport, clock=clock)
        await panel.add_order(ORDER)
        with pytest.raises(ConfigError):
            await panel.add_order(ORDER)
        empty = Panel(PANELBON, api_key=lambda: "", transport=transport, clock=clock)
        with pytest.raises(ConfigError):
            await empty.balance()
    assert [body.split(b"&")[0] for body in bodies] == [b"key=first", b"key=second"]


async def test_another_key_does_not_repeat_an_order_in_doubt() -> None:
    """Nobody documents that another key's request_id is known again: after a rotation the doubt stays."""
    keys = iter(["first", "second"])
    async with ManualClock() as clock:
        transport = ScriptedTransport([LOST])
        panel = Panel(
            NOTPANEL, api_key=lambda: next(keys), transport=transport, clock=clock, settings=Settings(limits=())
        )
        with pytest.raises(OutcomeUnknown):
            await panel.add_order(ORDER)
    assert len(transport.forms) == 1


async def test_a_key_that_rotates_while_callers_wait() -> None:
    """Those who waited for their turn send with the key of that moment, and use up its limit, not the old one's."""
    async with ManualClock() as clock:
        sent: list[tuple[bytes, float]] = []
        start = clock.now()

        class Keeps(ScriptedTransport):
            async def send(self, request: WireRequest) -> WireReply:
                sent.append((request.body.split(b"&")[0], clock.now() - start))
                return await super().send(request)

        panel = Panel(
            PANELBON,
            api_key=lambda: "rotation-old" if clock.now() < start + 5 else "rotation-new",
            base_url=f"https://rotation-{uuid.uuid4()}.example/",
            transport=Keeps(lambda form: reply({"order": 1})),
            clock=clock,
            settings=Settings(limits=(smmclient.Limit(2, 60.0),)),
        )
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(panel.add_order, ORDER)
            await clock.sleep(10.0)
            tasks.start_soon(panel.add_order, ORDER)
    assert [key for key, _ in sent] == [b"key=rotation-old"] * 2 + [b"key=rotation-new"] * 2
    assert [round(at) for _, at in sent] == [0, 0, 10, 60]


async def test_a_long_refusal_is_shortened() -> None:
    """A refusal of a million characters does not fill the log."""
    async with ManualClock() as clock:
        panel, _ = provider([reply({"error": "no " * 300_000}, 400)], clock)
        with pytest.raises(Refused) as caught:
            await panel.balance()
    assert len(str(caught.value)) < 600
    assert len(caught.value.text) < 600


async def test_what_is_hidden_stays_hidden() -> None:
    """Neither a provider, its settings nor a request shows the key or the headers' values."""
    async with ManualClock() as clock:
        panel, transport = provider([BALANCE], clock, headers={"X-Token": "hush"}, proxy="http://u:hush@127.0.0.1:1")
        await panel.balance()
        shown = f"{panel!r} {panel.settings!r} {transport.requests[0]!r} {panel._key!r} {panel._key.current()!r}"
    assert "secret" not in shown
    assert panel.settings.headers["X-Token"] == "hush"
    assert transport.requests[0].headers["x-token"] == "hush"
    assert transport.requests[0].headers["user-agent"].startswith("smmclient/")
    assert "hush" not in f"{panel!r} {panel.settings!r}"


async def test_events_tell_every_attempt() -> None:
    """Each attempt is told with its number, status and outcome; an observer's own fault costs nothing."""
    events: list[object] = []

    def observe(event: object) -> None:
        events.append(event)
        raise RuntimeError("observer")

    async with ManualClock() as clock:
        panel, _ = provider([LOST, reply("", 502), reply({"order": 1})], clock, on_event=observe)
        assert (await panel.add_order(ORDER)).order == "1"
    told = [(event.attempt, event.status, event.outcome) for event in events if isinstance(event, Attempted)]
    assert told == [(1, None, "OutcomeUnknown"), (2, 502, "OutcomeUnknown"), (3, 200, "ok")]


async def test_a_closed_provider_says_so() -> None:
    """After aclose nothing is sent; a transport that was passed in stays open."""
    async with ManualClock() as clock:
        panel, transport = provider([], clock)
        async with panel:
            pass
        calls: list[Callable[[], object]] = [panel.balance, panel.services, lambda: panel.order_statuses([1])]
        for call in calls:
            with pytest.raises(UsageError):
                await call()  # type: ignore[misc]
    assert not transport.closed
    assert transport.forms == []


async def test_settings_of_the_connection_cannot_be_changed_alone() -> None:
    """with_settings shares the connection, so what belongs to it is refused, and so is what does not exist."""
    async with ManualClock() as clock:
        panel, _ = provider([BALANCE], clock)
        for wrong in ({"proxy": "http://127.0.0.1:1"}, {"max_connections": 99}, {"speed": 1}, {"retry": 3}):
            with pytest.raises(UsageError):
                panel.with_settings(**wrong)
        twin = panel.with_settings(retry=RetryPolicy(attempts=1))
        assert (await twin.balance()) is (await panel.balance())


def test_a_second_event_loop_is_refused_before_sending() -> None:
    """A provider that was used on one loop says so on another, instead of failing half way."""
    transport = ScriptedTransport(lambda form: BALANCE)
    panel = Panel(V2, api_key="k", base_url="https://panel.example/", transport=transport)
    anyio.run(panel.balance)
    with pytest.raises(UsageError, match="another event loop"):
        anyio.run(panel.balance)
    assert len(transport.forms) == 1


async def test_a_refusal_keeps_the_panels_words() -> None:
    """A refusal carries text, status and the decoded reply."""
    async with ManualClock() as clock:
        panel, _ = provider([reply({"error": "Le compte est fermé", "code": 7}, 422)], clock)
        with pytest.raises(Refused) as caught:
            await panel.balance()
    error = caught.value
    assert (error.text, error.http_status, error.raw) == (
        "Le compte est fermé",
        422,
        {"error": "Le compte est fermé", "code": 7},
    )
    assert (error.provider, error.operation, error.retryable) == ("notpanel", "balance", False)
    assert str(error) == "notpanel balance: Le compte est fermé"
    assert not isinstance(error, RateLimited)


async def test_a_large_reply_is_read_beside_the_event_loop_but_a_receipt_is_not() -> None:
    """A catalog of many rows would hold it up; a wait before a receipt is handed out could lose it to a cancel."""
    threads: dict[str, int] = {}

    @frozen(kw_only=True)
    class Watched(Dialect):
        def read(self, reply: WireReply, operation: Operation[T]) -> T:
            threads[operation.name] = threading.get_ident()
            return super().read(reply, operation)

    row = {"service": 1, "name": "N", "type": "Default", "category": "C", "rate": "1", "min": 1, "max": 2}
    rows = [{**row, "service": n, "name": "x" * 200} for n in range(2000)]
    large = {"order": 5, "note": "x" * 400_000}
    steps = [reply(rows), BALANCE, reply(large), *[reply("<html>" + " " * 400_000)] * 2]
    async with ManualClock() as clock:
        panel, _ = provider(steps, clock, Watched(name="watched", base_url="https://p.example/api"), cache=False)
        assert len(await panel.services()) == 2000
        await panel.balance()
        assert (await panel.add_order(ORDER)).order == "5"
        here = threading.get_ident()
        assert threads["services"] != here
        assert threads["balance"] == threads["add"] == here
        # What goes wrong there comes out as it would here.
        with pytest.raises(Malformed, match="HTML"):
            await panel.with_settings(retry=RetryPolicy(attempts=1)).services()
