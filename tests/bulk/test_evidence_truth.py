"""What is said of rows in doubt, held against the books of panels that cancel, deliver in part, round and fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from attrs import define

from bulk_lab import World, begin
from smmclient import RetryPolicy
from smmclient.bulk import Follower, Likely, Pace, Runner, SqliteJournal, Weighed, look_at_all, seconds_to_wait, weigh
from smmclient.sandbox import Fault, Limits
from smmclient.testing import ManualClock

pytestmark = pytest.mark.anyio

PANELS = ("panelbon", "notpanel", "perfectpanel", "smartpanel", "cmsnt", "laravel", "php")
FAULTS = (Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BAD_GATEWAY_AFTER, Fault.HTML, Fault.HTML_AFTER)
#: The panels whose requests can be sent again have no rows in doubt otherwise.
AT_ONCE = Pace(repeat_within=0.001)


@pytest.fixture
def anyio_backend() -> str:
    """The runs are on a virtual clock; one event loop is enough."""
    return "asyncio"


@define
class Score:
    """How many rows in doubt there were, and of how many something was said."""

    rows: int = 0
    told: int = 0


class Story:
    """One run at one panel, with faults; its seed says what happens."""

    def __init__(self, path: Path, panel: str, clock: ManualClock, seed: int, *, troubled: float) -> None:
        self.chance, self.path = Random(seed), path / f"{panel}-{seed}.db"
        is_own = panel in ("panelbon", "notpanel")
        flavour = {} if is_own else {"flavour": panel}
        self.world = World.make(
            panel if is_own else "v2",
            clock,
            limits=Limits(),
            troubled=troubled,
            seed=seed,
            seconds_to_finish=self.chance.choice([5.0, 90.0, 600.0]),
            balance=Decimal(1_000_000_000),
            **flavour,
        )

    async def place(self) -> None:
        """Rows whose prices are steps, or of many kinds; about a fifth of them meets a fault."""
        step, chance = self.chance.choice([0, 2, 7]), self.chance
        given = [
            {
                "service": 1 if step else chance.choice([1, 2, 13]),
                "link": f"https://example.com/{n}",
                "quantity": 200 + step * n if step else chance.randint(100, 2000),
            }
            for n in range(chance.randint(4, 20))
        ]
        await begin(self.path, self.world, given)
        for _ in range(chance.randint(1, 5)):
            self.world.box.fail("add", chance.choice(FAULTS), probability=0.4, times=chance.randint(1, 2))
        async with await SqliteJournal.open(self.path, is_inline=True) as journal:
            panel = self.world.panel(max_connections=2, retry=RetryPolicy(attempts=1))
            await Runner(journal, {self.world.name: panel}, pace=AT_ONCE).run()
        self.world.box.heal()

    async def follow(self) -> None:
        """Follow all orders to their end."""
        async with await SqliteJournal.open(self.path, is_inline=True) as journal:
            await Follower(journal, {self.world.name: self.world.panel()}, every=20).run()

    async def look(self, *, is_patient: bool = True) -> list[Weighed]:
        """Weigh the rows in doubt after a fresh look at the balance."""
        async with await SqliteJournal.open(self.path, is_inline=True) as journal:
            panel = self.world.panel()
            wait = await seconds_to_wait(journal, self.world.name, panel)
            self.world.clock.advance(wait + 0.001 if is_patient else self.chance.uniform(0, wait))
            assert await look_at_all(journal, {self.world.name: panel}) == {}
            return await weigh(journal)

    def judge(self, found: list[Weighed]) -> Score:
        """Hold what is said against the books."""
        made = {order.link: order for order in self.world.box.orders}
        for one in found:
            order = made.get(getattr(one.entry.order, "link", ""))
            told = (self.path.name, one.entry.line, one.evidence, order)
            if one.likely is Likely.PLACED:
                assert order is not None, told
            elif one.likely is Likely.NOT_PLACED:
                # What was placed, and whose money has all come back, has cost as little.
                assert order is None or order.charge == order.refunded, told
            assert one.likely is Likely.UNCLEAR or (one.evidence is not None and one.evidence.caveat), told
        return Score(len(found), sum(one.likely is not Likely.UNCLEAR for one in found))


async def stories(path: Path, panel: str, *, troubled: float, count: int) -> AsyncIterator[Story]:
    """Runs that are placed, one after the other."""
    for seed in range(count):
        async with ManualClock() as clock:
            story = Story(path, panel, clock, seed, troubled=troubled)
            await story.place()
            yield story


@pytest.mark.parametrize("panel", PANELS)
async def test_what_is_said_is_true_whenever_it_is_asked(tmp_path: Path, panel: str) -> None:
    """While orders are open, after some, and in a hurry: nothing, or the truth."""
    async for story in stories(tmp_path, panel, troubled=0.4, count=40):
        story.judge(await story.look())
        story.world.clock.advance(story.chance.uniform(0, 700))
        story.judge(await story.look(is_patient=False))
        await story.follow()
        story.judge(await story.look(is_patient=False))
        story.judge(await story.look())


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize(("troubled", "share"), [(0.0, 0.45), (0.1, 0.35)])
async def test_most_rows_are_told_of_once_all_is_final(
    tmp_path: Path, panel: str, troubled: float, share: float
) -> None:
    """Also after a look that came too early; and what is said is true."""
    rows = told = 0
    async for story in stories(tmp_path, panel, troubled=troubled, count=20):
        story.judge(await story.look())
        await story.follow()
        score = story.judge(await story.look())
        rows, told = rows + score.rows, told + score.told
    assert rows >= 40
    assert told >= share * rows, (told, rows)
