"""A run's journal: what may follow what, what is kept whatever happens, and what it tells."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from smmclient import Order, Receipt
from smmclient.bulk import (
    Admitted,
    Bound,
    Entry,
    InDoubt,
    NewRow,
    NotPlaced,
    Outcome,
    Placed,
    RefusedRow,
    RowState,
    SqliteJournal,
    resolve,
)
from smmclient.errors import JournalError, JournalMismatch, UsageError
from smmclient.model import Balance, OrderState, OrderStatus

SUFFIXES = ("", "-wal", "-mark")
OUTCOMES: dict[str, Outcome] = {
    "done": Placed(Receipt("5", charge=Decimal("0.10"))),
    "refused": RefusedRow("Refused", "no"),
    "in doubt": InDoubt("OutcomeUnknown", "timeout"),
    "pending": NotPlaced("busy"),
}
#: What an outcome may follow, as `smmclient.bulk.entry` draws it; a row may also be refused before it is sent.
MAY_FOLLOW = {
    "done": {"sending", "in doubt"},
    "refused": {"sending", "in doubt", "pending"},
    "in doubt": {"sending", "in doubt"},
    "pending": {"sending", "in doubt"},
}


def row(number: int, ref: str | None = "", **changes: Any) -> NewRow:
    """A row of a file, with a ref of its own unless it is None."""
    link = changes.pop("link", f"https://example.com/p/{number}")
    usual = NewRow(
        number=number,
        line=number + 1,
        panel="shop",
        ref=f"r{number}" if ref == "" else ref,
        order=Order(service=7, link=link, quantity=100),
        written={"service": "7", "link": link},
    )
    return evolve(usual, **changes)


def bad_row(number: int, ref: str | None = "", **changes: Any) -> NewRow:
    """A row that cannot be ordered."""
    return row(
        number, ref, order=None, written={"service": "x"}, error="InvalidOrder", reason="what service?", **changes
    )


async def admit(journal: SqliteJournal, rows: Sequence[NewRow], name: str = "in.csv", **how: bool) -> list[Admitted]:
    """Read an input in."""
    async with journal.admission(name, **how) as admission:
        return await admission.add(rows)


async def everything(journal: SqliteJournal) -> dict[str, Entry]:
    """All rows by ref."""
    return {entry.ref: entry async for entry in journal.entries()}


async def states(journal: SqliteJournal) -> dict[str, str]:
    """The state of each row."""
    return {ref: entry.state.value for ref, entry in (await everything(journal)).items()}


def snapshot(path: Path, to: Path) -> Path:
    """The files as a kill would leave them now."""
    for suffix in SUFFIXES:
        source = Path(f"{path}{suffix}")
        if source.exists():
            shutil.copyfile(source, f"{to}{suffix}")
    return to


# ---------------------------------------------------------------------------------------------------- the states


class Life(RuleBasedStateMachine):
    """A journal on a file against a model of it, through sends, outcomes, closes and crashes."""

    @initialize()
    def begin(self) -> None:
        """A new run of a few rows."""
        self.folder = tempfile.TemporaryDirectory()
        self.count = 0
        self.path = Path(self.folder.name, "run-0.db")
        self.journal = anyio.run(self._open, self.path)
        anyio.run(admit, self.journal, [row(number) for number in range(1, 6)] + [bad_row(6)])
        self.model = {f"r{number}": "pending" for number in range(1, 6)} | {"r6": "invalid"}
        self.ids: dict[str, str | None] = dict.fromkeys(self.model)
        self.by_hand: set[str] = set()

    async def _open(self, path: Path) -> SqliteJournal:
        return await SqliteJournal.open(path, may_create=True, is_inline=True)

    def _entry(self, ref: str) -> Entry:
        found = anyio.run(self.journal.find, ref)
        assert found is not None
        return found

    @rule(number=st.integers(1, 6), name=st.sampled_from(["a", "b"]))
    def send(self, number: int, name: str) -> None:
        """Only a pending row may be sent."""
        ref = f"r{number}"
        may = self.model[ref] == "pending"
        try:
            anyio.run(lambda: self.journal.send(self._entry_now(ref), request_id=name, at=1.0, repeat_until=9.0))
        except JournalError:
            assert not may
        else:
            assert may
            self.model[ref], self.ids[ref] = "sending", name
            self.by_hand.discard(ref)

    def _entry_now(self, ref: str) -> Entry:
        return self.entries[ref]

    @property
    def entries(self) -> dict[str, Entry]:
        """What a caller holds: it may be out of date in all but the number."""
        return {
            f"r{number}": Entry(
                number=number,
                source="in.csv",
                line=number + 1,
                ref=f"r{number}",
                panel="shop",
                state=RowState.PENDING,
                order=None,
            )
            for number in range(1, 7)
        }

    @rule(number=st.integers(1, 6), name=st.sampled_from(sorted(OUTCOMES)))
    def settle(self, number: int, name: str) -> None:
        """An outcome is taken where it may follow, and nowhere else."""
        ref = f"r{number}"
        may = self.model[ref] in MAY_FOLLOW[name]

        async def write() -> None:
            await self.journal.settle(self._entry_now(ref), OUTCOMES[name], at=2.0)

        try:
            anyio.run(write)
        except JournalError:
            assert not may
        else:
            assert may
            self.model[ref] = name
            self.by_hand.discard(ref)

    @rule(number=st.integers(1, 6), placed=st.sampled_from([None, "77"]))
    def resolve(self, number: int, placed: str | None) -> None:
        """A user decides of rows in doubt, or decides otherwise until the row is sent, and of no others."""
        ref = f"r{number}"
        placed = None if placed is None else f"{placed}{number}"
        may = self.model[ref] in ("sending", "in doubt") or ref in self.by_hand
        try:
            anyio.run(lambda: resolve(self.journal, ref, placed=placed))
        except UsageError:
            assert not may
        else:
            assert may
            self.model[ref] = "pending" if placed is None else "done"
            self.by_hand.add(ref)

    @rule()
    def reopen(self) -> None:
        """Close and open again."""
        anyio.run(self.journal.aclose)
        self.journal = anyio.run(self._open, self.path)

    @rule()
    def crash(self) -> None:
        """Go on from what a kill would leave."""
        self.count += 1
        path = snapshot(self.path, Path(self.folder.name, f"run-{self.count}.db"))
        anyio.run(self.journal.aclose)
        self.path = path
        self.journal = anyio.run(self._open, self.path)

    @invariant()
    def is_as_expected(self) -> None:
        """Each row is in the state of the model, with the request_id that it was sent with last."""
        if hasattr(self, "journal"):
            found = anyio.run(everything, self.journal)
            assert {ref: entry.state.value for ref, entry in found.items()} == self.model
            assert {ref: entry.request_id for ref, entry in found.items()} == self.ids

    def teardown(self) -> None:
        """Close what is left."""
        if hasattr(self, "journal"):
            anyio.run(self.journal.aclose)
            self.folder.cleanup()


Life.TestCase.settings = settings(max_examples=12, stateful_step_count=20)
test_states = Life.TestCase


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(OUTCOMES))
@pytest.mark.parametrize("before", ["invalid", "pending", "sending", "done", "refused", "in doubt"])
async def test_what_may_follow(before: str, name: str) -> None:
    """Each outcome is taken in the states that it may follow, and in the others it changes nothing."""
    async with await SqliteJournal.temporary() as journal:
        await admit(journal, [bad_row(1) if before == "invalid" else row(1)])
        entry = (await everything(journal))["r1"]
        if before not in ("invalid", "pending"):
            await journal.send(entry, request_id="a", at=1.0, repeat_until=None)
        if before in ("done", "refused", "in doubt"):
            await journal.settle(entry, OUTCOMES[before], at=2.0)
        stood = await everything(journal)
        if before in MAY_FOLLOW[name]:
            await journal.settle(entry, OUTCOMES[name], at=3.0)
            assert await states(journal) == {"r1": name}
        else:
            with pytest.raises(JournalError, match=f"is {before}: that cannot follow"):
                await journal.settle(entry, OUTCOMES[name], at=3.0)
            assert await everything(journal) == stood
        if before != "pending":
            is_again = (await states(journal)) == {"r1": "pending"}
            if not is_again:
                with pytest.raises(JournalError, match="cannot follow"):
                    await journal.send(entry, request_id="b", at=4.0, repeat_until=None)


@pytest.mark.anyio
async def test_what_an_outcome_leaves(tmp_path: Path) -> None:
    """A late receipt settles a row in doubt; one that was not placed is sent again with its id kept until then."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await admit(journal, [row(1), row(2)])
        one, two = await journal.take("shop", after=0, limit=9)
        for entry in (one, two):
            await journal.send(entry, request_id=f"id-{entry.number}", at=5.0, repeat_until=60.0)
        await journal.settle(one, InDoubt("OutcomeUnknown", "timeout"), at=6.0)
        await journal.settle(one, Placed(Receipt("91", charge=Decimal("1.50"))), at=8.0)
        await journal.settle(two, NotPlaced("busy"), at=6.0)
        found = await everything(journal)
    first, second = found["r1"], found["r2"]
    assert (first.state, first.order_id, first.charge, first.error) == (RowState.DONE, "91", Decimal("1.50"), None)
    assert (second.state, second.request_id, second.repeat_until) == (RowState.PENDING, "id-2", 60.0)
    assert first.latency == 3.0


# ------------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("is_inline", [True, False])
def test_a_crash_at_any_statement(tmp_path: Path, is_inline: bool) -> None:
    """Killed at any moment, also inside a group's commit, a run opens and has all that was told to be durable."""
    path = tmp_path / "run.db"
    moments: list[tuple[Path, dict[str, str]]] = []
    told: dict[str, str] = {}

    def crash(_: str) -> None:
        if len(moments) < 400:
            moments.append((snapshot(path, tmp_path / f"crash-{len(moments)}.db"), dict(told)))

    async def place(journal: SqliteJournal, entry: Entry) -> None:
        await journal.send(entry, request_id=entry.ref, at=1.0, repeat_until=None)
        told[entry.ref] = "sending"
        name = sorted(OUTCOMES)[entry.number % 4]
        await journal.settle(entry, OUTCOMES[name], at=2.0)
        told[entry.ref] = name

    async def main() -> None:
        async with await SqliteJournal.open(path, may_create=True, is_inline=is_inline) as journal:
            await admit(journal, [row(number) for number in range(1, 13)])
            entries = await journal.take("shop", after=0, limit=99)
            assert journal._connection is not None
            journal._connection.set_trace_callback(crash)
            async with anyio.create_task_group() as tasks:
                for entry in entries:
                    tasks.start_soon(place, journal, entry)
            journal._connection.set_trace_callback(None)
        for place_of, at_least in moments:
            async with await SqliteJournal.open(place_of, is_inline=True) as after:
                found = await states(after)
            for ref, name in at_least.items():
                final = sorted(OUTCOMES)[int(ref[1:]) % 4]
                assert found[ref] in ({name, final} if name == "sending" else {name})
            for ref in found.keys() - at_least.keys():
                assert found[ref] in ("pending", "sending")

    anyio.run(main)
    assert len(moments) > 30
    assert any(told for _, told in moments)


@pytest.mark.anyio
async def test_a_send_waits_for_outcomes_before_it(tmp_path: Path) -> None:
    """A send is never durable before an outcome that was put in line earlier, awaited or not."""
    path = tmp_path / "run.db"
    async with await SqliteJournal.open(path, may_create=True) as journal:
        await admit(journal, [row(number) for number in range(1, 4)])
        one, two, _ = await journal.take("shop", after=0, limit=9)
        await journal.send(one, request_id=None, at=1.0, repeat_until=None)
        saved = journal.settle(one, Placed(Receipt("91")), at=2.0)
        await journal.send(two, request_id=None, at=1.0, repeat_until=None)
        async with await SqliteJournal.open(snapshot(path, tmp_path / "crash.db")) as after:
            assert list((await states(after)).values()) == ["done", "sending", "pending"]
        await saved


@pytest.mark.anyio
async def test_many_writers_share_commits(tmp_path: Path) -> None:
    """Two hundred rows that are sent at once take a handful of transactions."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await admit(journal, [row(number) for number in range(1, 201)])
        entries = await journal.take("shop", after=0, limit=999)
        commits: list[str] = []
        assert journal._connection is not None
        journal._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
        async with anyio.create_task_group() as tasks:
            for entry in entries:
                tasks.start_soon(partial(journal.send, entry, request_id=None, at=1.0, repeat_until=None))
        journal._connection.set_trace_callback(None)
        assert len(commits) <= 4
        assert set((await states(journal)).values()) == {"sending"}


@pytest.mark.anyio
async def test_one_wish_that_cannot_be_granted(tmp_path: Path) -> None:
    """In a group, a row that may not be sent or a value that cannot be kept fails alone."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True, is_inline=True) as journal:
        await admit(journal, [row(number) for number in range(1, 5)])
        one, two, three, four = await journal.take("shop", after=0, limit=9)
        for entry in (one, two, three):
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
        good = journal.settle(one, Placed(Receipt("91")), at=2.0)
        never_sent = journal.settle(four, Placed(Receipt("92")), at=2.0)
        odd = journal.settle(two, Placed(Receipt(object())), at=2.0)  # type: ignore[arg-type]
        last = journal.settle(three, Placed(Receipt("93")), at=2.0)
        await last
        await good
        with pytest.raises(JournalError, match="is pending: that cannot follow"):
            await never_sent
        with pytest.raises(JournalError, match="cannot hold it"):
            await odd
        assert list((await states(journal)).values()) == ["done", "sending", "done", "pending"]


# ---------------------------------------------------------------------------------------------------- a full disk


@pytest.mark.anyio
async def test_a_full_disk(tmp_path: Path) -> None:
    """A send fails in words and is not kept, outcomes of what was sent are, and with room the run goes on."""
    path = tmp_path / "run.db"
    async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
        await admit(journal, [row(number) for number in range(1, 101)])
        entries = await journal.take("shop", after=0, limit=999)
        for entry in entries[:4]:
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
        assert journal._connection is not None
        journal._connection.execute("PRAGMA max_page_count = 1")
        failed = entries[4]
        with pytest.raises(JournalError, match=r"full: make room, then .* resume"):
            await journal.send(failed, request_id="x" * 9000, at=1.0, repeat_until=None)
        for entry in entries[:3]:
            await journal.settle(entry, Placed(Receipt(f"9{entry.number}")), at=2.0)
        # This one has no room at all, and says what that means.
        with pytest.raises(JournalError, match=r"in doubt.*full"):
            await journal.settle(entries[3], InDoubt("OutcomeUnknown", "x" * 9000), at=2.0)
        async with await SqliteJournal.open(snapshot(path, tmp_path / "crash.db"), is_inline=True) as after:
            found = await states(after)
        assert [found[entry.ref] for entry in entries[:3]] == ["done"] * 3
        assert found[failed.ref] == "pending"
        with pytest.raises(JournalError, match="full"):
            await admit(journal, [row(number) for number in range(101, 400)], "more.csv", may_add=True)
        journal._connection.execute("PRAGMA max_page_count = 1000000")
        assert len(await states(journal)) == 100
        await journal.send(failed, request_id=None, at=1.0, repeat_until=None)
        await admit(journal, [row(number) for number in range(101, 400)], "more.csv", may_add=True)
    async with await SqliteJournal.open(path) as journal:
        assert len(await states(journal)) == 399


@pytest.mark.anyio
async def test_a_group_on_a_full_disk(tmp_path: Path) -> None:
    """In a group that does not fit, no outcome is told to be written that is not."""
    path = tmp_path / "run.db"
    async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
        await admit(journal, [row(number) for number in range(1, 21)])
        entries = await journal.take("shop", after=0, limit=99)
        for entry in entries:
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
        assert journal._connection is not None
        journal._connection.execute("PRAGMA max_page_count = 1")
        saved = [journal.settle(entry, InDoubt("OutcomeUnknown", "x" * 3000), at=2.0) for entry in entries]
        told: dict[str, str] = {}
        for entry, one in zip(entries, saved, strict=True):
            try:
                await one
                told[entry.ref] = "in doubt"
            except JournalError:
                told[entry.ref] = "sending"
        assert "sending" in told.values()
        assert await states(journal) == told


LIMITED = """
import resource, signal, sys, anyio
from smmclient import Receipt
from smmclient.bulk import Placed, SqliteJournal
from smmclient.errors import JournalError

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = await SqliteJournal.open(sys.argv[1])
    rows = await journal.take("shop", after=0, limit=999)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    for entry in rows:
        try:
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
            print("sending", entry.ref)
        except JournalError as error:
            print("failed", entry.ref)
            print("error", str(error))
            break
    for entry in rows[:5]:
        try:
            await journal.settle(entry, Placed(Receipt("5")), at=2.0)
            print("done", entry.ref)
        except JournalError as error:
            print("error", str(error))
    sys.stdout.flush()
    import os
    os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are told otherwise there")
def test_a_log_that_cannot_grow(tmp_path: Path) -> None:
    """When the log may not grow, what was sent still gets its outcome, and a kill after that loses nothing."""
    path = tmp_path / "run.db"

    async def begin() -> None:
        async with await SqliteJournal.open(path, may_create=True) as journal:
            await admit(journal, [row(number) for number in range(1, 101)])

    anyio.run(begin)
    ended = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, timeout=60)
    lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines() if not line.startswith("error")]
    told = {ref: name for name, ref in lines}
    assert told["r1"] == "done", ended
    assert "failed" in told.values()
    assert "error" in ended.stdout

    async def after() -> dict[str, str]:
        async with await SqliteJournal.open(path) as journal:
            return await states(journal)

    found = anyio.run(after)
    for ref, name in told.items():
        if name != "failed":
            assert found[ref] == name


# -------------------------------------------------------------------------------------------------------- binding

SHOP = Bound(panel="shop", provider="notpanel", account="origin https://a.example key s3cret/k&y", base_url="https://a")


@pytest.mark.anyio
@pytest.mark.parametrize("change", [{"account": "another key"}, {"provider": "panelbon"}])
async def test_another_account(tmp_path: Path, change: dict[str, str]) -> None:
    """A run goes on with the account that it was begun with; what else a mismatch came with is not kept either."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await journal.bind([SHOP])
        await journal.bind([SHOP])
        with pytest.raises(JournalMismatch, match="shop"):
            await journal.bind([evolve(SHOP, panel="new"), evolve(SHOP, **change)])
        assert [one.panel for one in await journal.bound()] == ["shop"]
        await journal.bind([SHOP])


@pytest.mark.anyio
async def test_a_new_key_of_the_same_account(tmp_path: Path) -> None:
    """It is taken when its user says so, and then no row of that panel is asked about again with its id."""
    path = tmp_path / "run.db"
    async with await SqliteJournal.open(path, may_create=True) as journal:
        await admit(journal, [row(1), row(2, panel="other")])
        await journal.bind([SHOP, evolve(SHOP, panel="other")])
        for panel in ("shop", "other"):
            (entry,) = await journal.take(panel, after=0, limit=9)
            await journal.send(entry, request_id="id", at=1.0, repeat_until=99.0)
        new = evolve(SHOP, account="a new key")
        with pytest.raises(JournalMismatch, match="provider"):
            await journal.bind([new, evolve(SHOP, panel="other", provider="panelbon")], is_same_account=True)
        assert (await everything(journal))["r1"].repeat_until == 99.0
        await journal.bind([new], is_same_account=True)
    async with await SqliteJournal.open(path) as journal:
        await journal.bind([new])
        found = await everything(journal)
        assert (found["r1"].repeat_until, found["r1"].request_id) == (None, "id")
        assert found["r2"].repeat_until == 99.0


@pytest.mark.anyio
async def test_the_key_is_nowhere(tmp_path: Path) -> None:
    """No file of a run holds the key, and two runs of one account cannot be told to be of one."""
    hashes = set()
    for name in ("one.db", "two.db"):
        async with await SqliteJournal.open(tmp_path / name, may_create=True) as journal:
            await journal.bind([SHOP])
            await journal.checkpoint("shop", Balance(Decimal(5), "USD", 1.0), is_settled=True)
            hashes |= {one.account for one in await journal.bound()}
            for file in tmp_path.iterdir():  # noqa: ASYNC240 (nobody waits)
                content = file.read_bytes()
                for key in ("s3cret", SHOP.account, quote("s3cret/k&y", safe="")):
                    assert key.encode() not in content
    assert len(hashes) == 2


# ------------------------------------------------------------------------------------------------------ admission


@pytest.mark.anyio
async def test_an_admission_that_fails_keeps_nothing(tmp_path: Path) -> None:
    """All or nothing: an error in the block, a cancel or a crash before its end leave the run as it was."""
    path = tmp_path / "run.db"
    async with await SqliteJournal.open(path, may_create=True) as journal:
        with suppress(KeyError):
            async with journal.admission("in.csv") as admission:
                await admission.add([row(1)])
                raise KeyError
        assert await states(journal) == {}
        with anyio.CancelScope() as scope:
            async with journal.admission("in.csv") as admission:
                await admission.add([row(number) for number in range(1, 3000)])
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        assert scope.cancelled_caught
        async with journal.admission("in.csv") as admission:
            await admission.add([row(number) for number in range(1, 3000)])
            crash = snapshot(path, tmp_path / "crash.db")
        assert len(await states(journal)) == 2999
    async with await SqliteJournal.open(crash) as after:
        assert await states(after) == {}
        assert await after.inputs() == []
        await admit(after, [row(1)])


def test_an_admission_that_asyncio_cancels(tmp_path: Path) -> None:
    """Ctrl-C under asyncio, which passes by shields, in the middle of an admission keeps nothing."""
    path = tmp_path / "run.db"

    async def main() -> None:
        journal = await SqliteJournal.open(path, may_create=True)
        for delay in (0.001, 0.005, 0.02):
            task = asyncio.ensure_future(admit(journal, [row(number) for number in range(1, 5000)]))
            await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await states(journal) == {}
        await admit(journal, [row(1)])
        await journal.aclose()
        async with await SqliteJournal.open(path) as again:
            assert await states(again) == {"r1": "pending"}

    asyncio.run(main())


@pytest.mark.anyio
async def test_the_same_input_again(tmp_path: Path) -> None:
    """The same rows add nothing, whatever was wrong with some of them, and whatever the file is called."""
    rows = [
        row(1),
        row(2, None),
        row(3, None),
        bad_row(4),
        bad_row(5, None),
        row(6, "r1"),
        row(7, "r1", link="https://b.example"),
        row(8, None, link="https://example.com/p/2"),
    ]
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        first = await admit(journal, rows)
        before = await everything(journal)
        for name in ("in.csv", "copy.csv"):
            again = await admit(journal, rows, name)
            assert await everything(journal) == before
            assert all(one.was_known for one in again)
            assert [one.reason for one in again] == [one.reason for one in first]
        assert [one.rows for one in await journal.inputs()] == [len(rows)]
        assert [bool(one.reason) for one in first] == [False, False, False, True, True, True, True, True]


@pytest.mark.anyio
async def test_another_input(tmp_path: Path) -> None:
    """Other rows need a word that they are meant; without it nothing of them is kept."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await admit(journal, [row(1)])
        with pytest.raises(JournalMismatch, match="--add"):
            await admit(journal, [row(1), row(2)], "more.csv")
        assert list(await states(journal)) == ["r1"]
        done = await admit(journal, [row(1), row(2)], "more.csv", may_add=True)
        assert [one.was_known for one in done] == [True, False]
        await admit(journal, [row(9)], "try.csv", is_trial=True)
        assert list(await states(journal)) == ["r1", "r2"]
        assert [one.name for one in await journal.inputs()] == ["in.csv", "more.csv"]


@pytest.mark.anyio
async def test_twins(tmp_path: Path) -> None:
    """The same order twice is a mistake unless the second has a ref of its own, or twins are allowed."""
    link = "https://example.com/same"
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        done = await admit(journal, [row(1, None, link=link), row(2, None, link=link), row(3, "mine", link=link)])
        assert [one.reason is None for one in done] == [True, False, True]
        assert done[2].twin == "line 2"
        later = await admit(journal, [row(9, None, link=link)], "b.csv", may_add=True)
        assert "line 2 of in.csv" in str(later[0].reason)
        allowed = await admit(journal, [row(10, None, link=link)], "c.csv", may_add=True, allow_twins=True)
        assert allowed[0].reason is None
        assert sorted((await states(journal)).values()) == ["invalid"] * 2 + ["pending"] * 3


@pytest.mark.anyio
@pytest.mark.parametrize("ref", ["mine", None, "x" * 200])
async def test_a_corrected_row(tmp_path: Path, ref: str | None) -> None:
    """A row that was invalid is pending once the corrected file is added, and the mistake is gone."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await admit(journal, [row(1), bad_row(2, ref)])
        await admit(journal, [row(1), row(2, ref)], may_add=True)
        found = list((await everything(journal)).values())
        assert [entry.state for entry in found] == [RowState.PENDING] * 2
        assert found[1].order is not None
        assert found[1].order.parameters()["link"].endswith("/2")
        assert found[1].error is None
    async with await SqliteJournal.open(tmp_path / "run.db") as journal:
        assert len(await states(journal)) == 2


@pytest.mark.anyio
async def test_a_bad_row_of_another_file_stays(tmp_path: Path) -> None:
    """A good row of another file is not taken for the correction of one with the same number."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True) as journal:
        await admit(journal, [bad_row(1, None)])
        await admit(journal, [row(1, None)], "other.csv", may_add=True)
        assert sorted((await states(journal)).values()) == ["invalid", "pending"]


# ---------------------------------------------------------------------------------------------------------- money

AMOUNTS = st.none() | st.decimals(-(10**12), 10**12, places=12, allow_nan=False, allow_infinity=False)


@settings(max_examples=40)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(list(OrderState))), max_size=12))
def test_sums_are_exact(amounts: list[tuple[Decimal | None, Decimal | None, Decimal | None, OrderState]]) -> None:
    """Sums have every digit, leave out and count what is not known, and tell what came back."""

    async def main() -> None:
        journal = await SqliteJournal.temporary()
        rows = [row(number, cost=one[0]) for number, one in enumerate(amounts, 1)]
        await admit(journal, [*rows, row(99, cost=Decimal("0.1"))])
        for entry in (await journal.take("shop", after=0, limit=99))[: len(amounts)]:
            _, charge, last, state = amounts[entry.number - 1]
            await journal.send(entry, request_id=None, at=1.0, repeat_until=None)
            await journal.settle(entry, Placed(Receipt(f"9{entry.number}", charge=charge)), at=2.0)
            await journal.follow("shop", [OrderStatus(f"9{entry.number}", state, state.value, charge=last)], at=3.0)
        done = [one for one in await journal.tallies() if one.state is RowState.DONE]
        entries = [entry async for entry in journal.entries(states=[RowState.DONE])]
        spent = [entry.spent for entry in entries]
        assert sum(one.rows for one in done) == len(amounts)
        assert sum(one.unpriced for one in done) == spent.count(None)
        assert sum(one.spent for one in done) == sum(one for one in spent if one is not None)
        assert sum(one.returned for one in done) == sum(e.returned for e in entries if e.returned is not None)
        pending = [one for one in await journal.tallies() if one.state is RowState.PENDING]
        assert [(one.rows, one.spent) for one in pending] == [(1, Decimal("0.1"))]
        await journal.aclose()

    anyio.run(main)


@pytest.mark.anyio
async def test_rows_are_paged_while_they_change(tmp_path: Path) -> None:
    """Reading row by row while rows change gives each at most once, in order, and leaves out none that stayed."""
    async with await SqliteJournal.open(tmp_path / "run.db", may_create=True, is_inline=True) as journal:
        await admit(journal, [row(number, panel="shop" if number % 2 else "other") for number in range(1, 2401)])
        seen = []
        async for entry in journal.entries(states=[RowState.PENDING], panel="shop"):
            seen.append(entry.number)
            if entry.number % 10 == 1:
                await journal.send(entry, request_id=None, at=float(entry.number), repeat_until=None)
                await journal.settle(entry, Placed(Receipt(str(entry.number))), at=float(entry.number))
        assert seen == list(range(1, 2401, 2))
        sent = [entry.number async for entry in journal.entries(states=[RowState.DONE], sent_since=1001.0)]
        assert sent == list(range(1001, 2401, 10))
        assert [entry async for entry in journal.entries(states=[])] == []
        assert len([entry async for entry in journal.entries(order_states=[None])]) == 2400


@pytest.mark.anyio
async def test_closing_twice_and_working_after(tmp_path: Path) -> None:
    """A journal may be closed twice; work after that is refused in words."""
    journal = await SqliteJournal.open(tmp_path / "run.db", may_create=True)
    await journal.aclose()
    await journal.aclose()
    with pytest.raises(JournalError, match="is closed"):
        await journal.tallies()


@pytest.mark.anyio
async def test_closing_when_cancelled(tmp_path: Path) -> None:
    """A block that is cancelled lets go of the run, also while others write."""
    path = tmp_path / "run.db"
    with anyio.CancelScope() as scope:
        async with await SqliteJournal.open(path, may_create=True) as journal, anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(journal.tallies)
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    async with await SqliteJournal.open(path):
        pass
