"""Group commit: who waits shares, order is kept, nobody waits in vain, and nothing is done by halves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smmclient.bulk.groups import Groups, Work


class Desk:
    """Commits by calling each piece of work, when it is let; it notes what it did, and who was in at once."""

    def __init__(self) -> None:
        self.batches: list[list[Work[Any]]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.error: BaseException | None = None
        self._inside = threading.Lock()

    def __call__(self, batch: Sequence[Work[Any]]) -> None:
        """Do the work of a group."""
        assert self._inside.acquire(blocking=False), "two commits at once"
        try:
            self.begun.set()
            assert self.go.wait(10)
            self.batches.append(list(batch))
            if self.error is not None:
                raise self.error
            for work in batch:
                try:
                    work.result = work.do()
                except ValueError as error:
                    work.error = error
        finally:
            self._inside.release()

    def hold(self) -> None:
        """Let the next commit wait inside."""
        self.begun.clear()
        self.go.clear()

    async def until_begun(self) -> None:
        """Wait until a commit is inside."""
        with anyio.fail_after(10):
            while not self.begun.is_set():  # noqa: ASYNC110 (it is set in a thread)
                await anyio.sleep(0.001)


def refuse() -> None:
    """A wish that cannot be granted."""
    raise ValueError("not this one")


async def settle_down() -> None:
    """Let every task go as far as it gets."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
async def test_waiting_writers_share_a_commit() -> None:
    """A hundred who come while one commit is under way are all in the next, in the order in which they came."""
    desk = Desk()
    groups = Groups(desk)
    done: list[int] = []
    came: list[int] = []

    async def wish(number: int) -> None:
        came.append(number)
        await groups.do(lambda: done.append(number))

    desk.hold()
    async with anyio.create_task_group() as tasks:
        for number in range(101):
            tasks.start_soon(wish, number)
            if number == 0:
                await desk.until_begun()
        await settle_down()
        desk.go.set()
    assert sorted(done) == list(range(101))
    assert done == came
    assert [len(batch) for batch in desk.batches] == [1, 100]


@pytest.mark.anyio
async def test_a_group_has_an_end() -> None:
    """No group is larger than it may be, and the rest goes in the next ones, in order."""
    desk = Desk()
    groups = Groups(desk, most=7)
    done: list[int] = []
    works = [groups.put(lambda number=number: done.append(number)) for number in range(40)]  # type: ignore[misc]
    async with anyio.create_task_group() as tasks:
        for work in reversed(works):
            tasks.start_soon(groups.wait, work)
    assert done == list(range(40))
    assert max(map(len, desk.batches)) == 7


@pytest.mark.anyio
async def test_one_wish_fails_alone() -> None:
    """The error of one piece of work is its own waiter's; the others get their results."""
    groups = Groups(Desk())
    first, bad, last = groups.put(lambda: 1), groups.put(refuse), groups.put(lambda: 3)
    assert await groups.wait(last) == 3
    with pytest.raises(ValueError, match="not this one"):
        await groups.wait(bad)
    assert await groups.wait(first) == 1


@pytest.mark.anyio
async def test_a_failed_commit_reaches_everybody() -> None:
    """When the commit fails, each waiter is told, and later work goes on."""
    desk = Desk()
    groups = Groups(desk)
    desk.error = OSError("no disk")
    desk.hold()
    told: list[str] = []

    async def wish() -> None:
        try:
            await groups.do(lambda: None)
        except OSError as error:
            told.append(str(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(wish)
        await desk.until_begun()
        desk.go.set()
    assert told == ["no disk"] * 20
    desk.error = None
    assert await groups.do(lambda: "on") == "on"


@pytest.mark.anyio
@pytest.mark.parametrize("who", ["leader", "follower", "all"])
async def test_a_cancelled_waiter(who: str) -> None:
    """What a cancelled waiter put in line is done all the same, and nobody is left waiting."""
    desk = Desk()
    groups = Groups(desk)
    done: list[int] = []
    finished: list[int] = []
    scopes = [anyio.CancelScope() for _ in range(6)]

    async def wish(number: int) -> None:
        with scopes[number]:
            await groups.do(lambda: done.append(number))
            finished.append(number)

    desk.hold()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wish, 0)
            await desk.until_begun()
            for number in range(1, 6):
                tasks.start_soon(wish, number)
            await settle_down()
            for number in {"leader": [0], "follower": [1, 3], "all": range(6)}[who]:
                scopes[number].cancel()
            await settle_down()
            desk.go.set()
        await groups.do(lambda: done.append(6))
    assert sorted(done) == list(range(7))
    if who == "follower":
        assert sorted(finished) == [0, 2, 4, 5]
    if who == "leader":
        assert {1, 2, 3, 4, 5} <= set(finished)


@pytest.mark.parametrize("who", ["leader", "follower", "all"])
def test_a_task_that_asyncio_cancels(who: str) -> None:
    """Asyncio's own cancel, which passes by shields, neither lets two commits run at once nor fails the others."""
    desk = Desk()
    groups = Groups(desk)
    done: list[int] = []

    async def wish(number: int) -> int:
        await groups.do(lambda: done.append(number))
        return number

    async def main() -> list[int | BaseException]:
        desk.hold()
        waiting = [asyncio.ensure_future(wish(number)) for number in range(6)]
        await desk.until_begun()
        for number in {"leader": [0], "follower": [2], "all": range(6)}[who]:
            waiting[number].cancel()
        # The leader keeps the event loop until its commit has ended, so somebody else lets it go on.
        threading.Timer(0.05, desk.go.set).start()
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        await groups.do(lambda: done.append(6))
        return ended

    ended = asyncio.run(main())
    assert sorted(done) == list(range(7))
    cancelled = [number for number, end in enumerate(ended) if isinstance(end, asyncio.CancelledError)]
    assert cancelled == {"leader": [0], "follower": [2], "all": list(range(6))}[who]


@pytest.mark.parametrize("delay", [0.0, 0.0002, 0.001])
def test_a_cancel_before_the_thread_begins(delay: float) -> None:
    """Cancelled at any moment around the start of its thread, work is done once, by whoever comes next."""
    for _ in range(40):
        groups = Groups(Desk())
        done: list[int] = []

        async def main(groups: Groups = groups, done: list[int] = done) -> None:
            leader = asyncio.ensure_future(groups.do(lambda: done.append(1)))
            await asyncio.sleep(delay)
            leader.cancel()
            await asyncio.wait([leader])
            await asyncio.wait_for(groups.do(lambda: done.append(2)), 10)

        asyncio.run(main())
        assert done in ([1, 2], [2])
        if delay:
            assert done == [1, 2]


def test_a_call_is_over_or_never_began() -> None:
    """When a cancelled call comes back, its thread is not at work any more."""
    groups = Groups(Desk())
    at_work: list[bool] = []
    begun = threading.Event()

    def call() -> None:
        at_work.append(True)
        begun.set()
        time.sleep(0.05)
        at_work.append(False)

    async def main() -> None:
        task = asyncio.ensure_future(groups.run(call))
        while not begun.is_set():  # noqa: ASYNC110 (it is set in a thread)
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert at_work == [True, False]

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_held_line() -> None:
    """Who holds the line has the connection alone; the others wait, and go on in order when it is let go."""
    desk = Desk()
    groups = Groups(desk)
    done: list[int] = []
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, groups.held():
            for number in range(5):
                tasks.start_soon(groups.do, lambda number=number: done.append(number))
            await settle_down()
            assert done == []
            assert await groups.run(lambda: 7) == 7
    assert sorted(done) == list(range(5))
    assert len(desk.batches) == 2


@pytest.mark.anyio
async def test_holders_take_turns() -> None:
    """Two who want the line alone have it one after the other, also when the first ends with an error."""
    groups = Groups(Desk())
    inside: list[str] = []

    async def hold(name: str) -> None:
        with suppress(ValueError):
            async with groups.held():
                inside.append(name)
                await settle_down()
                inside.append(name)
                refuse()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for name in "abc":
                tasks.start_soon(hold, name)
    assert inside[0::2] == inside[1::2]
    assert sorted(inside) == list("aabbcc")


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["write", "hold", "fail", "put"]), st.booleans(), st.integers(0, 3))))
def test_nobody_waits_in_vain(moves: list[tuple[str, bool, int]]) -> None:
    """However writers, holders and cancels mix, all work is done once, in order, and everybody comes to an end."""
    groups = Groups(Desk(), most=3)
    done: list[int] = []
    put: list[int] = []

    async def play(number: int, move: str, is_cancelled: bool, steps: int) -> None:
        with anyio.CancelScope() as scope:
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            if is_cancelled:
                scope.cancel()
            if move == "hold":
                async with groups.held():
                    await anyio.lowlevel.checkpoint()
                return
            put.append(number)
            work = groups.put(lambda: done.append(number))
            if move == "fail":
                with pytest.raises(ValueError, match="not this one"):
                    await groups.do(refuse)
            if move != "put":
                await groups.wait(work)

    async def main() -> None:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number, (move, is_cancelled, steps) in enumerate(moves):
                    tasks.start_soon(play, number, move, is_cancelled, steps)
            await groups.do(lambda: None)

    for backend in ("asyncio", "trio"):
        groups = Groups(Desk(), most=3)
        done.clear()
        put.clear()
        anyio.run(main, backend=backend)
        assert done == put
