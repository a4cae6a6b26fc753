"""A token that is held is not given twice: in memory, in a file, and between processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from smmclient.errors import ConfigError, UsageError
from smmclient.webhooks import Claim, MemoryReplays, ReplayGuard, SQLiteReplays

pytestmark = pytest.mark.anyio

Make = Callable[..., ReplayGuard]


class Hands:
    """A clock that a test turns."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Hands:
    """A clock that stands still."""
    return Hands()


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> Iterator[Make]:
    """Both guards, on a clock that is turned."""
    files: list[SQLiteReplays] = []

    def one(**options: Any) -> ReplayGuard:
        if request.param == "memory":
            return MemoryReplays(clock=clock, **options)
        files.append(SQLiteReplays(tmp_path / "replays.db", clock=clock, **options))
        return files[-1]

    yield one
    for file in files:
        file.close()


async def test_a_token_is_given_once(make: Make) -> None:
    """The second claim is told that somebody is at it, until the token is released."""
    guard = make()
    assert isinstance(guard, ReplayGuard)
    assert await guard.claim("a", 1300) is Claim.NEW
    assert await guard.claim("a", 1300) is Claim.BUSY
    assert await guard.claim("b", 1300) is Claim.NEW
    await guard.release("a")
    await guard.release("never claimed")
    assert await guard.claim("a", 1300) is Claim.NEW
    assert await guard.claim("b", 1300) is Claim.BUSY


async def test_a_token_is_free_after_its_time(make: Make, clock: Hands) -> None:
    """It is held up to its time, and not longer, whoever asks meanwhile."""
    guard = make()
    assert await guard.claim("a", 1300) is Claim.NEW
    assert await guard.claim("a", 2000) is Claim.BUSY
    clock.now = 1300
    assert await guard.claim("a", 2000) is Claim.BUSY
    clock.now = 1301
    assert await guard.claim("a", 1600) is Claim.NEW


async def test_what_is_kept_is_done(make: Make, clock: Hands) -> None:
    """Until the later of its times; then it is as free as any. What was never claimed can be kept, too."""
    guard = make()
    assert await guard.claim("a", 1060) is Claim.NEW
    await guard.keep("a", 2000)
    await guard.keep("a", 1500)
    await guard.keep("b", 2000)
    clock.now = 1999
    assert await guard.claim("a", 2060) is Claim.DONE
    assert await guard.claim("b", 2060) is Claim.DONE
    clock.now = 2001
    assert await guard.claim("a", 2060) is Claim.NEW
    assert await guard.claim("a", 2060) is Claim.BUSY
    await guard.release("b")


async def test_a_clock_that_is_ahead_loses_no_claim(make: Make, clock: Hands) -> None:
    """A claim whose time is over already, by the guard's own clock, is held against its like."""
    guard = make()
    clock.now = 9000
    assert await guard.claim("a", 1300) is Claim.NEW
    assert await guard.claim("a", 1300) is Claim.BUSY


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
async def test_a_limit_is_a_number(limit: Any, tmp_path: Path) -> None:
    """Neither guard takes another."""
    with pytest.raises(UsageError, match="limit"):
        MemoryReplays(limit=limit)
    with pytest.raises(UsageError, match="limit"):
        SQLiteReplays(tmp_path / "replays.db", limit=limit)


async def test_memory_is_bounded(clock: Hands) -> None:
    """Beyond the limit the first claimed is forgotten, and what has expired makes room before that."""
    guard = MemoryReplays(limit=3, clock=clock)
    for token in "abcd":
        assert await guard.claim(token, 2000) is Claim.NEW
    assert repr(guard) == "<MemoryReplays: 3 of 3>"
    assert await guard.claim("b", 2000) is Claim.BUSY
    assert await guard.claim("a", 2000) is Claim.NEW
    clock.now = 2500
    assert await guard.claim("z", 3000) is Claim.NEW
    assert repr(guard) == "<MemoryReplays: 1 of 3>"
    for _ in range(100):
        await guard.release("z")
        assert await guard.claim("z", 3000) is Claim.NEW
    assert len(guard._ends) <= 4 * 3


async def test_a_file_is_bounded(tmp_path: Path, clock: Hands) -> None:
    """Expired tokens, and those beyond the limit, leave the file."""
    guard = SQLiteReplays(tmp_path / "replays.db", limit=50, clock=clock)
    for number in range(1001):
        assert await guard.claim(f"old {number}", 2000) is Claim.NEW
    clock.now = 3000
    guard.close()
    again = SQLiteReplays(tmp_path / "replays.db", limit=50, clock=clock)
    assert await again.claim("new", 4000) is Claim.NEW
    again.close()
    with sqlite3.connect(tmp_path / "replays.db") as connection:
        assert connection.execute("SELECT token FROM smmclient_replays").fetchall() == [("new",)]
    connection.close()


async def test_a_file_holds_over_a_restart(tmp_path: Path, clock: Hands) -> None:
    """What one guard claimed, the next on the same file refuses; and so do two at once."""
    first, second = (SQLiteReplays(tmp_path / "replays.db", clock=clock) for _ in range(2))
    assert await first.claim("a", 1300) is Claim.NEW
    assert await second.claim("a", 1300) is Claim.BUSY
    first.close()
    assert await first.claim("a", 1300) is Claim.BUSY
    given: list[str] = []

    async def claim_all(guard: SQLiteReplays) -> None:
        for number in range(200):
            if await guard.claim(f"t{number}", 1300) is Claim.NEW:
                given.append(f"t{number}")
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim_all, first)
        tasks.start_soon(claim_all, second)
    assert sorted(given) == sorted(f"t{number}" for number in range(200))
    first.close()
    second.close()


_CLAIMING = """
import anyio, sys
from smmclient.webhooks import SQLiteReplays
async def main():
    guard = SQLiteReplays(sys.argv[1])
    print(" ".join([str(n) for n in range(500) if (await guard.claim(f"t{n}", 4e9)).value == "new"]))
    guard.close()
anyio.run(main)
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Three processes that claim the same tokens at once are given each token once, all together."""
    command = [sys.executable, "-W", "error", "-c", _CLAIMING, str(tmp_path / "replays.db")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    given = [number for one in running for number in one.communicate(timeout=60)[0].split()]
    assert [one.returncode for one in running] == [0, 0, 0]
    assert sorted(map(int, given)) == list(range(500))


async def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    """While another process writes, a claim waits without holding up the event loop, and then is made."""
    path = tmp_path / "replays.db"
    guard = SQLiteReplays(path)
    assert await guard.claim("first", 4e9) is Claim.NEW
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcome: list[Claim] = []

    async def claim() -> None:
        outcome.append(await guard.claim("a", 4e9))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert outcome == []
        other.execute("COMMIT")
    assert outcome == [Claim.NEW]
    other.close()
    guard.close()


async def test_a_file_that_cannot_be_one(tmp_path: Path) -> None:
    """A path that leads nowhere, a file of something else, and no file at all are mistakes that are named."""
    (tmp_path / "letter").write_bytes(b"Dear Sir or Madam, " * 100)
    for path in (tmp_path / "none" / "replays.db", tmp_path / "letter"):
        with pytest.raises(ConfigError, match="cannot hold the replay guard"):
            await SQLiteReplays(path).claim("a", 4e9)
    with pytest.raises(UsageError, match="MemoryReplays"):
        SQLiteReplays(":memory:")
