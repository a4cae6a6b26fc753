"""A run that is cut off at any moment: no order twice, no row lost, and only what was in the air is in doubt."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulk_lab import Crash, CrashingJournal, World, begin, rows, snapshot
from smmclient.bulk import Entry, Pace, RowState, Runner, SqliteJournal
from smmclient.sandbox import Fault, Limits
from smmclient.testing import ManualClock

ROWS = 40
WIDTH = 4
#: Moments at which a session may end, counted in requests and commits.
FUSES = st.lists(st.integers(0, 120), max_size=6)
FAULTS = st.lists(
    st.sampled_from([Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.BAD_GATEWAY_AFTER, Fault.BAD_GATEWAY, Fault.CUT_JSON]),
    max_size=4,
)


@contextlib.contextmanager
def cut_off() -> Iterator[None]:
    """Let a crash end the block, as it ends a process."""
    try:
        yield
    except Crash:
        pass
    except BaseExceptionGroup as group:
        if group.split(Crash)[1] is not None:
            raise


async def session(world: World, path: Path, after: Path, fuse: int | None) -> bool:
    """Work on the run until it is finished or cut off; what is left of it is at ``after`` then."""
    journal = await CrashingJournal.open(path, is_inline=True)
    assert isinstance(journal, CrashingJournal)
    journal.world = world
    world.fuse, world.at_crash = fuse, lambda: snapshot(path, after)
    finished = False
    try:
        with cut_off():
            panel = world.panel(max_connections=WIDTH)
            await Runner(journal, {world.name: panel}, pace=Pace(settle=5)).run()
            await journal.aclose()
            finished = True
    finally:
        world.fuse = None
        if not finished:
            assert journal._connection is not None
            journal._connection.close()
            assert journal._holder is not None
            journal._holder.close()
    return finished


async def entries(path: Path) -> list[Entry]:
    """All rows of the run."""
    async with await SqliteJournal.read(path) as journal:
        return [entry async for entry in journal.entries()]


async def scenario(name: str, fuses: list[int], faults: list[Fault]) -> None:
    """A run of sessions, each cut off at its moment but for the last, with the books compared after each."""
    with tempfile.TemporaryDirectory() as folder:
        async with ManualClock() as clock:
            world = World.make(name, clock, limits=Limits())
            path = Path(folder, "run-0.db")
            await begin(path, world, rows(ROWS))
            for fault in faults:
                world.box.fail("add", fault)
            crashes = 0
            for fuse in [*fuses, None]:
                after = Path(folder, f"run-{crashes + 1}.db")
                if await session(world, path, after, fuse):
                    break
                crashes, path = crashes + 1, after
                found = await entries(path)
                in_air = [one for one in found if one.state is RowState.SENDING]
                assert len(in_air) <= WIDTH
                check(found, world, is_over=False)
            else:
                pytest.fail("the last session did not finish")
            check(await entries(path), world, is_over=True)


def check(found: list[Entry], world: World, *, is_over: bool) -> None:
    """The journal against the panel's books."""
    at_panel = Counter(world.links)
    assert set(at_panel.values()) <= {1}
    by_link = {order.link: order for order in world.box.orders}
    assert len(found) == ROWS
    for entry in found:
        link = entry.order.link  # type: ignore[union-attr]
        made = by_link.pop(link, None)
        if entry.state is RowState.DONE:
            assert made is not None
            assert entry.order_id == made.id
            assert entry.price == made.charge
        elif entry.state in (RowState.PENDING, RowState.REFUSED):
            assert made is None
        if is_over:
            assert entry.state in (RowState.DONE, RowState.DOUBT)
            # NotPanel is asked again with the request_id, and settles every row.
            assert entry.state is RowState.DONE or world.name == "panelbon"
    assert not by_link


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["notpanel", "panelbon"])
@settings(max_examples=10)
@given(fuses=FUSES, faults=FAULTS)
@example(fuses=[0, 1, 2, 3, 4, 5], faults=[])
@example(fuses=[20, 21, 22, 23, 24, 25], faults=[Fault.DROP_AFTER])
@example(fuses=[60, 7, 60, 8], faults=[Fault.DROP_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.DROP_AFTER])
def test_any_crash(backend: str, name: str, fuses: list[int], faults: list[Fault]) -> None:
    """Whenever the process dies, and however often, the panel has each order at most once, and the journal knows it."""
    anyio.run(scenario, name, fuses, faults, backend=backend)


def test_every_moment_of_a_small_run() -> None:
    """A crash at every fourth of the first 160 requests and commits, one after the other."""
    for fuse in range(0, 160, 4):
        anyio.run(scenario, "panelbon", [fuse], [])
