"""Following orders: every change, until final, in full batches, never faster than asked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import pairwise

import anyio
import pytest

from smmclient import (
    AuthenticationFailed,
    Blocked,
    Malformed,
    OrderState,
    OrderStatus,
    Settings,
    SMMError,
    Unavailable,
    UnknownOrder,
)
from smmclient.dialect import V2
from smmclient.panel import Panel
from smmclient.testing import ManualClock, ScriptedTransport, reply
from smmclient.wire import WireReply
from smmclient_notpanel import NOTPANEL

pytestmark = pytest.mark.anyio
START = 60_000.0


def follow(clock: ManualClock, row: Callable[[str, float], object]) -> tuple[Panel, ScriptedTransport, list[float]]:
    """A provider whose orders' rows depend on the time since the start, its transport, and when it was asked."""
    asked: list[float] = []

    def answer(form: dict[str, str]) -> WireReply:
        asked.append(clock.now() - START)
        ids = (form.get("orders") or form["order"]).split(",")
        rows = {one: row(one, clock.now() - START) for one in ids}
        return reply(rows if "orders" in form else rows[ids[0]])

    transport = ScriptedTransport(answer)
    panel = Panel(
        NOTPANEL, api_key="k", transport=transport, clock=clock, draw=random.Random(1), settings=Settings(limits=())
    )
    return panel, transport, asked


def status(word: str, remains: int = 0) -> dict[str, object]:
    """A row in that state."""
    return {"status": word, "charge": "1", "remains": remains}


async def drain(changes: AsyncIterator[OrderStatus], seen: list[str] | None = None) -> None:
    """Follow to the end, noting what is seen."""
    async for one in changes:
        (seen if seen is not None else []).append(f"{one.order} {one.state.value}")


async def test_every_change_until_final() -> None:
    """Each change is told once, equal answers are not, and it ends when all orders are final."""
    async with ManualClock(now=START) as clock:
        panel, _, asked = follow(clock, lambda one, t: status("pending" if t < 70 else "completed"))
        seen = [(one.order, one.state) async for one in panel.track(["a", "b"], every=30)]
    assert seen == [
        ("a", OrderState.PENDING),
        ("b", OrderState.PENDING),
        ("a", OrderState.COMPLETED),
        ("b", OrderState.COMPLETED),
    ]
    assert len(asked) == 4


async def test_never_faster_than_asked() -> None:
    """No order is asked about twice within the time given, and long-lived ones less and less often."""
    async with ManualClock(now=START) as clock:
        panel, _, asked = follow(clock, lambda one, t: status("in_progress" if t < 40_000 else "completed"))
        async for _ in panel.track(["a"], every=20):
            pass
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert min(gaps) >= 20
    assert gaps[0] == pytest.approx(20)
    assert max(gaps) == pytest.approx(600)
    assert len(asked) < 120


async def test_full_batches() -> None:
    """A thousand orders cost ten requests a round."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("pending" if t < 25 else "completed"))
        seen = [one async for one in panel.track(range(1000), every=30)]
    assert len(seen) == 2000
    assert len(transport.forms) == 20
    assert all(len(form["orders"].split(",")) == 100 for form in transport.forms)


async def test_outages_are_waited_out() -> None:
    """A panel that is away for a while costs time, not the watch."""
    async with ManualClock(now=START) as clock:
        down = reply("", 503)
        panel, transport, _ = follow(clock, lambda one, t: status("completed"))
        answer = next(transport._steps)
        assert callable(answer)
        transport._steps = iter([lambda form: down if clock.now() < START + 300 else answer(form)])
        seen = [one.state async for one in panel.track(["a"], every=30)]
        assert clock.now() > START + 300
    assert seen == [OrderState.COMPLETED]


async def test_patience_ends() -> None:
    """After the patience given without one good reply the error is raised."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("pending"))
        transport._steps = iter([lambda form: reply("", 503)])
        with pytest.raises(Unavailable):
            await drain(panel.track(["a"], every=30, patience=200))
        assert 200 < clock.now() - START < 400


async def test_what_hits_every_call_is_raised_at_once() -> None:
    """A refused key ends the watch."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("pending"))
        transport._steps = iter([reply({"error": "Invalid API key"}, 401)])
        with pytest.raises(AuthenticationFailed):
            await drain(panel.track(["a"]))


@pytest.mark.parametrize("orders", [["a", "bad", "b"], ["bad"]])
async def test_a_bad_id_does_not_stop_the_others(orders: list[str]) -> None:
    """The others are followed to their end; then the refusal of the bad id is raised."""
    async with ManualClock(now=START) as clock:

        def row(one: str, t: float) -> object:
            if one == "bad":
                return {"error": "Incorrect order ID"}
            return status("pending" if t < 400 else "completed")

        panel, _, _ = follow(clock, row)
        seen: list[str] = []
        with pytest.raises(UnknownOrder):
            await drain(panel.track(orders, every=30), seen)
    assert seen == [f"{one} {word}" for word in ("pending", "completed") for one in orders if one != "bad"]


async def test_an_order_unknown_for_a_moment() -> None:
    """An order that the panel does not know yet is asked about again before it is given up."""
    async with ManualClock(now=START) as clock:
        row = lambda one, t: {"error": "Incorrect order ID"} if t < 35 else status("completed")  # noqa: E731
        panel, _, _ = follow(clock, row)
        try:
            seen = [one.state async for one in panel.track(["a", "b"], every=30)]
        except SMMError as error:
            pytest.fail(str(error))
    assert seen == [OrderState.COMPLETED] * 2


async def test_a_refused_id_that_is_alone_in_its_batch_does_not_end_the_others() -> None:
    """A call for one id is refused as a whole; it is asked about again, and told when the others are done."""
    async with ManualClock(now=START) as clock:
        panel, _, _ = follow(
            clock,
            lambda one, t: (
                {"error": "Incorrect order ID"} if one == "gone" else status("completed" if t > 200 else "pending")
            ),
        )
        # A full batch, and one that is left over.
        ids = [str(n) for n in range(100)]
        seen: list[str] = []
        with pytest.raises(UnknownOrder, match="gone"):
            await drain(panel.track([*ids, "gone"]), seen)
    assert {f"{one} completed" for one in ids} <= {*seen}


async def test_an_order_that_is_not_known_yet_is_asked_about_again() -> None:
    """Also when it is the only one: some panels know an order a moment after they took it."""
    async with ManualClock(now=START) as clock:
        panel, _, _ = follow(clock, lambda one, t: {"error": "Incorrect order ID"} if t < 40 else status("completed"))
        assert [one.order async for one in panel.track(["new"])] == ["new"]


async def test_a_panel_that_names_no_ids_is_asked_about_one_at_a_time() -> None:
    """Its list of rows cannot be matched; asked singly it can be followed, and it is not asked for lists again."""
    async with ManualClock(now=START) as clock:
        words = {"a": "pending", "b": "completed"}

        def answer(form: dict[str, str]) -> WireReply:
            if clock.now() > START + 100:
                words["a"] = "completed"
            if "orders" in form:
                return reply([status(words[one]) for one in form["orders"].split(",")])
            return reply(status(words[form["order"]]))

        transport = ScriptedTransport(answer)
        panel = Panel(V2, api_key="k", base_url="https://p.example/api", transport=transport, clock=clock)
        seen: list[str] = []
        await drain(panel.track(["a", "b"], every=30), seen)
        assert sorted(seen) == ["a completed", "a pending", "b completed"]
        lists = [form for form in transport.forms if "orders" in form]
        assert len(lists) == 1
        assert list(await panel.order_statuses(["b", "a"])) == ["b", "a"]
        assert [form for form in transport.forms if "orders" in form] == lists


async def test_ids_that_are_never_answered_end_the_watch() -> None:
    """A provider that leaves ids out without a word is given up after the patience, like one that is down."""
    async with ManualClock(now=START) as clock:
        panel, _, _ = follow(clock, lambda one, t: status("pending"))

        async def say_nothing(orders: Iterable[int | str]) -> dict[str, OrderStatus | SMMError]:
            return {}

        panel.order_statuses = say_nothing  # type: ignore[method-assign]
        with pytest.raises(Malformed, match="says nothing about it"):
            await drain(panel.track(["a"], every=30, patience=900))
        assert 900 < clock.now() - START < 2000


async def test_leaving_early() -> None:
    """The watch can be left at any time, and nothing goes on behind it."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("pending"))
        with anyio.move_on_after(5):
            async for _ in panel.track(["a"]):
                break
        await clock.sleep(1000)
    assert len(transport.forms) == 1


async def test_nothing_to_follow() -> None:
    """No ids, no request."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("pending"))
        assert [one async for one in panel.track([])] == []
    assert transport.forms == []


async def test_a_watch_that_was_interrupted_goes_on() -> None:
    """After a cancelled wait, or an error that the caller survives, the orders are still followed."""
    async with ManualClock(now=START) as clock:
        panel, transport, _ = follow(clock, lambda one, t: status("completed"))
        answer = next(transport._steps)
        assert callable(answer)
        transport._steps = iter([reply("<html>", 403), answer])
        changes = panel.track(["a", "b"])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anext(changes)
        with pytest.raises(Blocked):
            await anext(changes)
        assert [one.order async for one in changes] == ["a", "b"]
