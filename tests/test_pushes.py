"""Following orders with what the panel pushes: at once where a push comes, and never wrong where none does."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smmclient import OrderState, OrderStatus, Panels, Settings, Unavailable, UsageError
from smmclient.cadence import Cadence
from smmclient.dialect.codec import read_status
from smmclient.panel import Panel
from smmclient.testing import ManualClock, ScriptedTransport, reply
from smmclient.webhooks import BalanceLow, OrderEvent, Pushes, WebhookEvent
from smmclient.wire import WireReply
from smmclient_notpanel import NOTPANEL

pytestmark = pytest.mark.anyio
DONE = {"status": "completed", "charge": "1.50", "remains": "0", "currency": "USD"}
RUNNING = {"status": "in_progress", "charge": "1.50", "remains": "7", "currency": "USD"}


class Desk:
    """A panel whose orders end at given times, and which notes when it was asked about how many."""

    def __init__(
        self,
        clock: ManualClock,
        ends: dict[str, float],
        *,
        down: Callable[[float], bool] = lambda at: False,
        unknown: Callable[[float], bool] = lambda at: False,
        url: str | None = None,
    ) -> None:
        self.clock, self.ends, self.began = clock, ends, clock.now()
        self.asked: list[tuple[float, int]] = []
        self.down, self.unknown = down, unknown
        transport = ScriptedTransport(self._answer)
        self.panel = Panel(
            NOTPANEL,
            base_url=url,
            api_key="k",
            transport=transport,
            clock=clock,
            draw=random.Random(1),
            settings=Settings(limits=()),
        )
        self.pushes = Pushes()

    @property
    def time(self) -> float:
        """Seconds since the start."""
        return self.clock.now() - self.began

    def _answer(self, form: dict[str, str]) -> WireReply:
        ids = (form.get("orders") or form["order"]).split(",")
        self.asked.append((self.time, len(ids)))
        if self.down(self.time):
            return reply("", 503)
        if self.unknown(self.time):
            return reply({"error": "Incorrect order ID"})
        rows = {one: DONE if self.time >= self.ends[one] else RUNNING for one in ids}
        return reply(rows if "orders" in form else rows[ids[0]])

    async def push(self, at: float, *events: WebhookEvent) -> None:
        """Publish at that time."""
        await self.clock.sleep(at - self.time)
        for event in events:
            self.pushes.publish(event)

    async def follow(self, *events: tuple[float, WebhookEvent], **options: float) -> list[tuple[str, str, float]]:
        """Each change and when it was told, while those events come."""
        seen: list[tuple[str, str, float]] = []
        async with anyio.create_task_group() as tasks:
            for at, event in events:
                tasks.start_soon(self.push, at, event)
            self.track = self.panel.track(self.ends, pushes=self.pushes, **options)
            async for one in self.track:
                seen.append((one.order, one.state.value, self.time))
            tasks.cancel_scope.cancel()
        return seen


def bare(order: str, name: str = "order.completed") -> OrderEvent:
    """An event that says no more than which order."""
    return OrderEvent(name, order=order)


def full(order: str, row: dict[str, str] = DONE) -> OrderEvent:
    """An event with the order's row."""
    return OrderEvent("order.completed", order=order, status=read_status(order, row))


async def test_a_pushed_status_is_given_at_once() -> None:
    """A final status that was pushed ends the order's part at that moment, without a request."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        assert await desk.follow((100.5, full("a"))) == [("a", "in_progress", 0.0), ("a", "completed", 100.5)]
    assert [at for at, _ in desk.asked] == [0.0]


async def test_a_bare_push_asks_at_once() -> None:
    """A push without a status ends the wait: the panel is asked at that moment, and its answer is given."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        assert await desk.follow((100.5, bare("a"))) == [("a", "in_progress", 0.0), ("a", "completed", 100.5)]
    assert [at for at, _ in desk.asked] == [0.0, 100.5]


async def test_confirmed_by_the_panel() -> None:
    """With ``confirm`` a pushed status only says when to ask."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        desk.pushes = Pushes(confirm=True)
        seen = await desk.follow((50.0, full("a")), (100.5, full("a")))
    assert seen == [("a", "in_progress", 0.0), ("a", "completed", 100.5)]
    assert [at for at, _ in desk.asked] == [0.0, 50.0, 80.0, 100.5]


async def test_a_status_that_is_not_final_is_asked_about() -> None:
    """A pushed status that is not final is no end: the panel says how far the order is."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        seen = await desk.follow((50.0, full("a", RUNNING)), (120.0, full("a")))
    assert seen == [("a", "in_progress", 0.0), ("a", "completed", 110.0)]
    # Asked at the push, and from then on as without pushes.
    assert [at for at, _ in desk.asked] == [0.0, 50.0, 80.0, 110.0]


async def test_a_lost_push_costs_time_only() -> None:
    """Where no push comes the safety net finds the end: after ten minutes, then less and less often."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0, "b": 20_000.0})
        seen = await desk.follow()
    assert [one[:2] for one in seen] == [
        ("a", "in_progress"),
        ("b", "in_progress"),
        ("a", "completed"),
        ("b", "completed"),
    ]
    assert seen[2][2] == pytest.approx(600.0)
    # Ten minutes, then half of the time that it was followed, then an hour.
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(desk.asked)]
    assert gaps == pytest.approx([600, 600, 600, 900, 1350, 2025, 3037.5, 3600, 3600, 3600, 3600])


async def test_an_early_push_is_believed_by_the_panel_only() -> None:
    """A push for an order that the panel still calls running: it is followed as without pushes, to its real end."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 400.0})
        seen = await desk.follow((10.0, bare("a")))
    assert seen[-1][:2] == ("a", "completed")
    assert 400.0 <= seen[-1][2] <= 440.0


async def test_pushes_share_requests() -> None:
    """Of orders that are pushed one after the other, the first is asked about at once, and the others together."""
    async with ManualClock() as clock:
        ends = {str(number): 10.0 + number / 100 for number in range(1000)}
        desk = Desk(clock, ends)
        seen = await desk.follow(*((end, bare(one)) for one, end in ends.items()))
    over = {order: at for order, state, at in seen if state == "completed"}
    assert len(over) == 1000
    assert max(over[one] - ends[one] for one in ends) <= 1.0 + 1e-6
    assert len(desk.asked) <= 10 + 12


async def test_what_is_nobodys_is_dropped() -> None:
    """Events about other orders, about no order, and about what is over change nothing."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        others = [bare("z"), WebhookEvent("order.completed"), BalanceLow("balance.low")]
        seen = await desk.follow(*((50.0, one) for one in others), (101.0, full("a")), (101.0, full("a")))
        desk.pushes.publish(full("a"))
    assert len(seen) == 2
    assert [at for at, _ in desk.asked] == [0.0]
    assert desk.track.tally.pushed == 1


async def test_a_push_while_the_panel_is_asked() -> None:
    """What is pushed while a request is in the air is looked at after it."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        answer = desk.panel.transport.send

        async def slowly(request: object) -> WireReply:
            rows = await answer(request)  # type: ignore[arg-type]
            await clock.sleep(5.0)
            return rows

        desk.panel.transport.send = slowly  # type: ignore[method-assign]
        desk.panel = desk.panel.with_settings()
        assert await desk.follow((3.0, full("a"))) == [("a", "in_progress", 5.0), ("a", "completed", 5.0)]


async def test_an_outage_beside_pushes() -> None:
    """While the panel is down it is tried as often as without pushes, whatever is pushed; a whole status still ends."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0, "b": 100.0, "c": 100.0}, down=lambda at: 40 < at < 400)
        hurry = [(150.0 + at / 4, bare("c")) for at in range(400)]
        seen = await desk.follow((150.0, full("a")), *hurry, every=50)
    over = {order: at for order, state, at in seen if state == "completed"}
    # It waits for the request that is in the air, which is repeated for a while.
    assert over["a"] == pytest.approx(150.0, abs=5)
    assert 400 <= over["b"] < 500
    assert over["c"] == pytest.approx(400, abs=31)
    # Every half minute, four attempts each.
    assert len([at for at, _ in desk.asked if 40 < at < 400]) <= 4 * 12


async def test_patience_counts_from_the_first_failure() -> None:
    """One dropped connection after hours of silence is waited out; the patience begins with it."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 5000.0}, down=lambda at: 3000 < at < 4100)
        assert (await desk.follow())[-1][1] == "completed"
        assert [at for at, _ in desk.asked if 3000 < at < 4100]
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 50_000.0}, down=lambda at: at > 3000)
        with pytest.raises(Unavailable):
            async for _ in desk.panel.track(desk.ends, pushes=desk.pushes, patience=900):
                pass
        first, last = (at for at, _ in (next(one for one in desk.asked if one[0] > 3000), desk.asked[-1]))
    # As often as without pushes: after so long a time, every few minutes.
    assert 900 <= last - first <= 1500


async def test_refusals_in_a_hurry() -> None:
    """An order that the panel does not know yet is not given up sooner because pushes hurry."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 20.0}, unknown=lambda at: at < 10)
        seen = await desk.follow((0.5, bare("a")), (1.5, bare("a")), (2.5, bare("a")), (21.0, bare("a")))
    assert [one[:2] for one in seen] == [("a", "completed")]


async def test_a_status_that_lacks_what_was_known() -> None:
    """A pushed status without a field that the panel had told, or a part without what remains, is asked about."""
    thin = {"status": "completed", "charge": "1.50"}
    for row in (thin, {**thin, "start_count": "1", "remains": "0"}, {**thin, "status": "partial", "currency": "USD"}):
        async with ManualClock() as clock:
            desk = Desk(clock, {"a": 100.0})
            seen = await desk.follow((100.5, full("a", row)))
        assert seen[-1] == ("a", "completed", 100.5)
        assert len(desk.asked) == 2


async def test_a_failure_is_asked_about_a_moment_later() -> None:
    """What follows a failure is its refund: the panel is asked when that had time to be booked."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        seen = await desk.follow((100.0, bare("a", "order.failed")))
    assert seen[-1] == ("a", "completed", 104.0)


async def test_a_failure_is_left_alone_for_its_moment() -> None:
    """Neither another order's push nor the order's own look comes into the moment in which a refund is booked."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 104.0, "b": 100.0})
        seen = await desk.follow((100.0, bare("a", "order.failed")), (100.1, bare("b")))
    assert [one[:2] for one in seen[2:]] == [("b", "completed"), ("a", "completed")]
    assert [round(at, 1) for _, _, at in seen[2:]] == [100.1, 104.0]
    assert [count for _, count in desk.asked] == [2, 1, 1]
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 610.0})
        seen = await desk.follow((599.5, bare("a", "order.failed")))
    assert seen[-1][2] == pytest.approx(599.5 * 1.04)


async def test_two_words_for_one_order() -> None:
    """Two pushed statuses that contradict each other, and are looked at together, are asked about."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        track = desk.panel.track(["a"], pushes=desk.pushes)
        assert (await anext(track)).state is OrderState.IN_PROGRESS
        clock.advance(200.0)
        desk.pushes.publish(full("a"))
        desk.pushes.publish(full("a", {**DONE, "status": "canceled", "charge": "0"}))
        assert (await anext(track)).state is OrderState.COMPLETED
        assert len(desk.asked) == 2
        assert track.tally.pushed == 1


async def test_pushes_of_another_panel() -> None:
    """One Pushes for two panels, a name that is no panel, and what is no Pushes at all, are told at once."""
    async with ManualClock() as clock:
        one, two = Desk(clock, {"a": 1.0}), Desk(clock, {"a": 1.0}, url="https://other.example/api/v2")
        one.panel.track(["a"], pushes=one.pushes)
        with pytest.raises(UsageError, match="for each"):
            two.panel.track(["a"], pushes=one.pushes)
        with pytest.raises(UsageError, match="must be a Pushes"):
            one.panel.track(["a"], pushes={"one": one.pushes})  # type: ignore[arg-type]
        panels = Panels({"one": one.panel, "two": two.panel})
        with pytest.raises(UsageError, match="'tow'"):
            panels.track({"one": ["a"]}, pushes={"tow": two.pushes})
        with pytest.raises(UsageError, match="a mapping"):
            panels.track({"one": ["a"]}, pushes=one.pushes)  # type: ignore[arg-type]


async def test_tally() -> None:
    """The tally tells requests, looks, pushes, and how many looks of polling were saved; without pushes none."""
    async with ManualClock() as clock:
        ends = {str(number): 3600.0 * (number + 1) / 1000 for number in range(1000)}
        desk = Desk(clock, ends)
        await desk.follow(*((end, full(one)) for one, end in ends.items()))
        with_pushes = desk.track.tally
        polled = Desk(clock, ends)
        track = polled.panel.track(ends)
        async for _ in track:
            pass
    assert with_pushes.requests == len(desk.asked) < len(polled.asked) / 3
    assert with_pushes.looks == sum(count for _, count in desk.asked)
    # One that ends in the moment of a look is over before its push is looked at.
    assert with_pushes.pushed >= 995
    looks = sum(count for _, count in polled.asked)
    assert with_pushes.saved == pytest.approx(looks - with_pushes.looks, rel=0.1)
    assert track.tally.requests == len(polled.asked)
    assert track.tally.saved == 0


@pytest.mark.parametrize("every", [0, -1, float("nan")])
async def test_every_is_checked(every: float) -> None:
    """A time of nothing, or of less, is told before anything is asked."""
    async with ManualClock() as clock:
        with pytest.raises(UsageError, match="above 0"):
            Desk(clock, {"a": 1.0}).panel.track(["a"], every=every, pushes=Pushes())


async def test_another_thread_is_told() -> None:
    """Publishing from another thread than the waiting one says how to hand the event over; others have heard it."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0, "b": 100.0})
        met: list[BaseException] = []
        idle = desk.panel.track(["a"], pushes=desk.pushes)

        def publish() -> None:
            try:
                desk.pushes.publish(full("a"))
            except UsageError as error:
                met.append(error)

        async def from_a_thread() -> None:
            await clock.sleep(50.0)
            thread = threading.Thread(target=publish)
            thread.start()
            thread.join()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(from_a_thread)
            waiting = desk.panel.track(["a"], pushes=desk.pushes)
            assert (await anext(waiting)).state is OrderState.IN_PROGRESS
            assert (await anext(waiting)).state is OrderState.COMPLETED
        assert desk.time == pytest.approx(600.0)
        assert "from_thread" in str(met[0])
        assert (await anext(idle)).state is OrderState.COMPLETED
        assert idle.tally.pushed == 1


async def test_left_early() -> None:
    """A track that is given up leaves nothing behind that events are kept for."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        track = desk.panel.track(["a"], pushes=desk.pushes)
        assert (await anext(track)).state is OrderState.IN_PROGRESS
        del track
        assert len(desk.pushes._mailboxes) == 0


async def test_cancelled_while_it_waits() -> None:
    """Cancelled from outside while it waits for a push, it can be read on."""
    async with ManualClock() as clock:
        desk = Desk(clock, {"a": 100.0})
        track = desk.panel.track(["a"], pushes=desk.pushes)
        await anext(track)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def give_up() -> None:
                    await clock.sleep(50.0)
                    scope.cancel()

                tasks.start_soon(give_up)
                await anext(track)
        assert scope.cancelled_caught
        assert desk.time == pytest.approx(50.0)
        desk.pushes.publish(full("a"))
        assert (await anext(track)).state is OrderState.COMPLETED


async def test_many_panels() -> None:
    """Each panel's pushes are its own: the same id at another panel is another order."""
    async with ManualClock() as clock:
        one, two = Desk(clock, {"a": 100.0}), Desk(clock, {"a": 100.0})
        seen: list[tuple[str, object, float]] = []
        async with anyio.create_task_group() as tasks, Panels({"one": one.panel, "two": two.panel}) as panels:
            tasks.start_soon(one.push, 100.0, full("a"))
            tasks.start_soon(two.push, 300.0, bare("a"))
            pushes = {"one": one.pushes, "two": two.pushes}
            async with panels.track({"one": ["a"], "two": ["a"]}, pushes=pushes) as changes:
                async for panel, change in changes:
                    assert isinstance(change, OrderStatus)
                    seen.append((panel, change.state.value, one.time))
    assert [told for told in seen if told[1] == "completed"] == [
        ("one", "completed", 100.0),
        ("two", "completed", 300.0),
    ]


#: Per order its end, and when and which pushes come for it, right or wrong.
_STORIES = st.lists(
    st.tuples(
        st.floats(1, 5000),
        st.lists(st.tuples(st.floats(0, 9000), st.sampled_from(["bare", "late", "running"])), max_size=4),
    ),
    min_size=1,
    max_size=12,
)


def _story(
    stories: Sequence[tuple[float, Sequence[tuple[float, str]]]],
) -> tuple[dict[str, float], list[tuple[float, WebhookEvent]]]:
    ends = {f"o{number}": end for number, (end, _) in enumerate(stories)}
    events: list[tuple[float, WebhookEvent]] = []
    for order, (end, pushed) in zip(ends, stories, strict=True):
        for at, kind in pushed:
            # Lost, repeated, delayed, out of turn; but what is signed as final is final.
            event = full(order) if kind == "late" else full(order, RUNNING) if kind == "running" else bare(order)
            events.append((end + at if kind == "late" else at, event))
    return ends, events


@settings(max_examples=40, deadline=None)
@given(_STORIES)
def test_whatever_is_pushed(stories: list[tuple[float, list[tuple[float, str]]]]) -> None:
    """Whatever is pushed, and whatever is lost: each order ends as the panel has it, once, and not before it did."""
    ends, events = _story(stories)

    async def run() -> None:
        async with ManualClock() as clock:
            desk = Desk(clock, ends)
            seen = await desk.follow(*events)
        over = [(order, at) for order, state, at in seen if state == "completed"]
        assert sorted(order for order, _ in over) == sorted(ends)
        assert all(ends[order] <= at + 1e-6 for order, at in over)
        assert all(at - ends[order] <= 3600 for order, at in over)

    for backend in ("asyncio", "trio"):
        anyio.run(run, backend=backend)


@given(st.floats(0.5, 700), st.floats(0, 200_000))
def test_looks_are_counted_rightly(every: float, age: float) -> None:
    """How many looks polling takes is reckoned as it polls, to a tenth and two."""
    cadence = Cadence(every, 0.1, 600.0)
    looks, at = 0, cadence.pause(0)
    while at <= age:
        looks, at = looks + 1, at + cadence.pause(at)
    assert cadence.looks(age) == pytest.approx(looks, rel=0.1, abs=2)
