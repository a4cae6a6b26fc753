"""The journal in one SQLite file: the embedded default."""

from __future__ import annotations

import sqlite3
import uuid
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
from attrs import asdict

from smmclient.bulk import opening
from smmclient.bulk.admission import SqliteAdmission
from smmclient.bulk.binding import bind
from smmclient.bulk.budget import Budget
from smmclient.bulk.entry import Entry, Outcome, RowState
from smmclient.bulk.groups import Groups, Work
from smmclient.bulk.journal import Admission, Bound, Checkpoint, Input, Journal, Tally
from smmclient.bulk.rows import PAGE, Pages, Rows, Wanted
from smmclient.bulk.schema import as_text, seal_of
from smmclient.bulk.trouble import translated
from smmclient.errors import JournalError
from smmclient.model import Balance, OrderState, OrderStatus

__all__ = ["SqliteJournal"]

T = TypeVar("T")

#: What one piece of work can be refused for, by SQLite's word.
_OWN_FAULT = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.DataError)


class SqliteJournal(Journal):
    """See `Journal`. Made by `open`, `read` or `temporary`."""

    def __init__(
        self, path: Path, opened: opening.Opened, *, holder: sqlite3.Connection | None, is_inline: bool = False
    ) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = opened.connection
        self._mark, self._commits = opened.mark, opened.commits
        self._holder = holder
        # A journal that nobody closes would otherwise lose its log when Python ends: SQLite takes it in and removes it.
        self._let_go = weakref.finalize(self, opening.let_go, opened, path, holder)
        #: A group whose work is done, and not yet durable.
        self._prepared: Sequence[Work[Any]] | None = None
        self._changes = self._intents = 0
        self._groups = Groups(self._commit, prepare=self._prepare, undo=self._undo, is_inline=is_inline)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    # --------------------------------------------------------------------------------------------------- its life

    @classmethod
    async def open(
        cls, path: str | PathLike[str], *, may_create: bool = False, is_inline: bool = False
    ) -> SqliteJournal:
        """The run in that file, ours alone until it is closed; ``may_create`` begins one where there is none.

        Raises `JournalLocked` if another process has it, `JournalCorrupt` if it is damaged, and `JournalError`
        where it cannot be read or written. ``is_inline`` works without threads: it blocks the event loop while the disk
        writes, which suits tests.
        """
        place = Path(path)
        return await cls._made(lambda: cls._open(place, may_create=may_create, is_inline=is_inline), is_inline)

    @classmethod
    async def _made(cls, make: Callable[[], SqliteJournal], is_inline: bool) -> SqliteJournal:
        made: list[SqliteJournal] = []
        try:
            await Groups(lambda _: None, is_inline=is_inline).run(lambda: made.append(make()))
        except BaseException:
            for journal in made:
                journal._close()
            raise
        return made[0]

    @classmethod
    def _open(cls, path: Path, *, may_create: bool, is_inline: bool) -> SqliteJournal:
        real = opening.real_path(path)
        if not real.absolute().parent.is_dir():
            raise JournalError(f"there is no folder {real.absolute().parent}: make it, or name another file")
        if not may_create or real.is_dir():
            opening.check_file(real)  # before a lock is left beside what is no journal
        holder = opening.lock(real)
        try:
            opened = opening.connect_for_writing(real, may_create=may_create)
        except BaseException:
            holder.close()
            raise
        return cls(real, opened, holder=holder, is_inline=is_inline)

    @classmethod
    async def read(cls, path: str | PathLike[str]) -> SqliteJournal:
        """The run in that file as it stands, also while another process works on it; nothing can be written."""
        real = opening.real_path(Path(path))
        return await cls._made(
            lambda: cls(real, opening.Opened(opening.connect_for_reading(real), None, 0), holder=None), False
        )

    @classmethod
    async def temporary(cls) -> SqliteJournal:
        """A run that is gone when it is closed, to check a file with."""
        return cls(Path("a temporary run"), opening.connect_temporary(), holder=None)

    async def aclose(self) -> None:
        """Let go of the file. It is whole without its log then."""
        if self._connection is None:
            return
        with anyio.CancelScope(shield=True):
            async with self._groups.held():
                try:
                    await self._groups.run(self._close)
                finally:
                    self._close()

    def _close(self) -> None:
        self._connection = None
        self._let_go()

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError(f"{self.path} is closed: open it again")
        return self._connection

    @property
    def _table(self) -> Rows:
        return Rows(self._db)

    # ------------------------------------------------------------------------------------------------ its writes

    def _prepare(self, batch: Sequence[Work[Any]]) -> None:
        """Do the work of a group, up to the moment when it is made durable. What goes wrong is met again there."""
        left = list(batch)
        try:
            while (bad := self._do(left)) is not None:
                left.remove(bad)
            self._prepared = batch
        except (sqlite3.Error, JournalError):
            self._undo()

    def _undo(self) -> None:
        """Forget what was prepared."""
        self._prepared = None
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _commit(self, batch: Sequence[Work[Any]]) -> None:
        """Do the work of a group in one transaction. A disk that is full still takes outcomes, if it can."""
        try:
            self._transact(batch)
        except JournalError as error:
            outcomes = [work for work in batch if work.is_outcome]
            for work in batch:
                work.error = error
            if not outcomes or self._connection is None:
                return
            try:
                with translated(self.path):
                    # What is in the log goes to where there is room for it already, and the log begins anew.
                    self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except JournalError:
                pass  # the log may have room for it nonetheless
            try:
                self._transact(outcomes)
            except JournalError as again:
                lost = JournalError(
                    f"what became of a row that was sent is not written, so it will be in doubt: {again}"
                )
                for work in outcomes:
                    work.error = lost

    def _transact(self, batch: Sequence[Work[Any]]) -> None:
        """All the work in one transaction, but for what cannot be done by itself: that changes nothing."""
        left = list(batch)
        with translated(self.path):
            is_done, self._prepared = self._prepared is batch, None
            try:
                while not is_done and (bad := self._do(left)) is not None:
                    left.remove(bad)
                self._end_transaction(is_changed=self._db.total_changes != self._changes)
            finally:
                self._undo()

    def _do(self, batch: Sequence[Work[Any]]) -> Work[Any] | None:
        """Do it all in a transaction that stays open, or nothing of it, and return the work that has to be left out."""
        connection = self._db
        connection.execute("BEGIN")
        self._changes, self._intents = connection.total_changes, 0
        bad: Work[Any] | None = None
        for work in batch:
            work.error, before = None, connection.total_changes
            try:
                work.result = work.do()
            except sqlite3.Error as error:
                if not isinstance(error, _OWN_FAULT):
                    connection.execute("ROLLBACK") if connection.in_transaction else None
                    raise
                work.error, bad = JournalError(f"{self.path} cannot hold it: {error}"), work
            except Exception as error:
                work.error = error
                bad = work if connection.total_changes != before else None
            if bad is not None:
                connection.execute("ROLLBACK")
                return bad
        return None

    def _end_transaction(self, *, is_changed: bool = True) -> None:
        """Make it durable, and count it."""
        connection = self._db
        if is_changed:
            opening.write_fact(connection, "commits", self._commits + 1)
            if self._intents:
                more = "UPDATE facts SET value = value + :n, seal = seal_of(name, value + :n) WHERE name = 'intents'"
                connection.execute(more, {"n": self._intents})
        connection.execute("COMMIT")
        self._intents = 0
        if is_changed:
            self._commits += 1
            if self._mark is not None:
                self._mark.write(self._commits)

    # ---------------------------------------------------------------------------------------------------- binding

    async def bind(self, panels: Sequence[Bound], *, is_same_account: bool = False) -> None:  # noqa: D102
        await self._groups.do(lambda: bind(self._db, self.path, panels, is_same_account=is_same_account))

    @asynccontextmanager
    async def admission(  # noqa: D102
        self, name: str, *, may_add: bool = False, allow_twins: bool = False, is_trial: bool = False
    ) -> AsyncIterator[Admission]:
        async with self._groups.held():
            admission = SqliteAdmission(
                self._db,
                self.path,
                self._on_connection,
                self._end_transaction,
                may_add=may_add or is_trial,
                allow_twins=allow_twins,
            )
            try:
                await admission.begin(name)
                yield admission
                await admission.end(is_kept=not is_trial)
            except BaseException:
                await admission.undo()
                raise

    async def _on_connection(self, call: Callable[[], T]) -> T:
        def told() -> T:
            with translated(self.path):
                return call()

        return await self._groups.run(told)

    # --------------------------------------------------------------------------------------------------- the rows

    async def take(self, panel: str, *, after: int, limit: int) -> list[Entry]:  # noqa: D102
        where = "rows.panel = ? AND state = 'pending' AND rows.number > ?"
        return await self._groups.do(lambda: self._table.select(where, (panel, after), limit))

    def request_id(self, entry: Entry) -> str:  # noqa: D102
        if self._mark is None:
            raise JournalError(f"{self.path} is open for reading: nothing is sent from it")
        told = blake2b(f"{entry.sends}\n{entry.ref}".encode(), key=self._mark.salt, digest_size=16).digest()
        return str(uuid.UUID(bytes=told, version=4))

    async def send(self, entry: Entry, *, request_id: str | None, at: float, repeat_until: float | None) -> None:  # noqa: D102
        def write() -> None:
            self._table.send(entry, request_id, at, repeat_until)
            self._intents += 1

        await self._groups.do(write, is_quick=True)

    def settle(self, entry: Entry, outcome: Outcome, *, at: float) -> Awaitable[None]:  # noqa: D102
        def write() -> None:
            self._table.settle(entry, outcome, at)

        return _Saved(self._groups, self._groups.put(write, is_outcome=True, is_quick=True))

    async def follow(self, panel: str, statuses: Sequence[OrderStatus], *, at: float) -> None:  # noqa: D102
        await self._groups.do(lambda: self._table.follow(panel, statuses, at), is_outcome=True)

    # ------------------------------------------------------------------------------------------------ the balances

    async def checkpoint(self, panel: str, balance: Balance, *, is_settled: bool) -> None:  # noqa: D102
        values = (
            panel,
            as_text(balance.amount),
            balance.currency,
            float(balance.fetched_at),
            float(balance.max_age),
            int(is_settled),
        )

        def write() -> None:
            (number,) = self._db.execute("SELECT ifnull(max(number), 0) + 1 FROM balances").fetchone()
            seal = seal_of(number, *values)
            self._db.execute("INSERT INTO balances VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, *values, seal))

        await self._groups.do(write, is_outcome=True)

    async def checkpoints(self, panel: str) -> list[Checkpoint]:  # noqa: D102
        found = await self._rows("SELECT * FROM balances WHERE panel = ? ORDER BY number", (panel,))
        return [
            Checkpoint(
                panel=panel,
                balance=Balance(Decimal(row["amount"]), row["currency"], row["fetched_at"], row["max_age"]),
                is_settled=bool(row["is_settled"]),
            )
            for row in found
        ]

    # --------------------------------------------------------------------------------------------------- to look at

    async def tallies(self) -> list[Tally]:  # noqa: D102
        return await self._groups.do(lambda: self._table.tallies())

    async def keep_budget(self, budget: Budget) -> None:  # noqa: D102
        kept = msgspec.json.encode({name: str(amount) for name, amount in asdict(budget).items() if amount is not None})
        await self._groups.do(lambda: opening.write_fact(self._db, "budget", kept.decode()))

    async def budget(self) -> Budget:  # noqa: D102
        (row,) = await self._rows("SELECT value FROM facts WHERE name = 'budget'")
        kept = msgspec.json.decode(row["value"], type=dict[str, Decimal])
        return Budget(**kept)

    async def inputs(self) -> list[Input]:  # noqa: D102
        found = await self._rows("SELECT * FROM inputs ORDER BY number")
        return [Input(name=row["name"], rows=row["rows"], added_at=row["added_at"]) for row in found]

    async def bound(self) -> list[Bound]:  # noqa: D102
        found = await self._rows("SELECT panel, provider, account, base_url FROM panels ORDER BY panel")
        return [Bound(**row) for row in found]

    async def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        return await self._groups.do(lambda: self._db.execute(query, values).fetchall())

    def entries(  # noqa: D102
        self,
        *,
        states: Collection[RowState] | None = None,
        panel: str | None = None,
        order_states: Collection[OrderState | None] | None = None,
        sent_since: float | None = None,
    ) -> AsyncIterator[Entry]:
        wanted = Wanted.of(states=states, panel=panel, order_states=order_states, sent_since=sent_since)
        return Pages(
            lambda after: self._groups.do(
                lambda: self._table.select(wanted.where, (after, *wanted.values), PAGE),
            )
        )

    async def find(self, ref: str) -> Entry | None:  # noqa: D102
        return await self._one("ref = ?", ref)

    async def find_order(self, panel: str, order_id: str) -> Entry | None:  # noqa: D102
        return await self._one("rows.panel = ? AND order_id = ?", panel, order_id)

    async def _one(self, where: str, *values: str) -> Entry | None:
        found = await self._groups.do(lambda: self._table.select(where, values, 1))
        return found[0] if found else None


class _Saved(Awaitable[None]):
    """What `SqliteJournal.settle` gives: it stands in line already, and may be awaited or not."""

    def __init__(self, groups: Groups, work: Work[None]) -> None:
        self._groups, self._work = groups, work

    def __await__(self) -> Generator[Any, Any, None]:
        return self._groups.wait(self._work).__await__()
