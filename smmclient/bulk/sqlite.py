"""The journal in one SQLite file: the embedded default."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from smmclient.bulk import opening
from smmclient.bulk.admission import SqliteAdmission
from smmclient.bulk.entry import Entry, InDoubt, NotPlaced, Outcome, Placed, RefusedRow, RowState
from smmclient.bulk.groups import Groups, Work
from smmclient.bulk.journal import Admission, Bound, Checkpoint, Input, Journal, Tally
from smmclient.bulk.paging import Pages
from smmclient.bulk.schema import SEALED, as_text, read_entry, state_list
from smmclient.errors import JournalError, JournalMismatch
from smmclient.model import Balance, OrderState, OrderStatus

__all__ = ["SqliteJournal"]

T = TypeVar("T")

_ENTRY = "SELECT rows.*, inputs.name AS source FROM rows JOIN inputs ON inputs.number = rows.input"
_PAGE = 500

#: Which states an outcome may follow; a row in doubt is settled by a late reply, or by its user.
_MAY_SETTLE = {
    Placed: (RowState.SENDING, RowState.DOUBT),
    RefusedRow: (RowState.SENDING, RowState.DOUBT, RowState.PENDING),
    InDoubt: (RowState.SENDING, RowState.DOUBT),
    NotPlaced: (RowState.SENDING, RowState.DOUBT),
}


class SqliteJournal(Journal):
    """See `Journal`. Made by `open`, `read` or `temporary`."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, *, holder: sqlite3.Connection | None, is_inline: bool = False
    ) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = connection
        self._holder = holder
        self._groups = Groups(self._commit, is_inline=is_inline)

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
        return await Groups(lambda _: None, is_inline=is_inline).run(
            lambda: cls._open(place, may_create=may_create, is_inline=is_inline)
        )

    @classmethod
    def _open(cls, path: Path, *, may_create: bool, is_inline: bool) -> SqliteJournal:
        is_new = may_create and not (path.exists() and path.stat().st_size)
        if not is_new and not path.is_file():
            opening.connect_for_reading(path)  # says what is wrong
        if not path.absolute().parent.is_dir():
            raise JournalError(f"there is no folder {path.absolute().parent}: make it, or name another file")
        holder = opening.lock(path)
        try:
            connection = opening.connect_for_writing(path, is_new=is_new)
        except BaseException:
            holder.close()
            raise
        return cls(path, connection, holder=holder, is_inline=is_inline)

    @classmethod
    async def read(cls, path: str | PathLike[str]) -> SqliteJournal:
        """The run in that file as it stands, also while another process works on it; nothing can be written."""
        place = Path(path)
        connection = await Groups(lambda _: None).run(lambda: opening.connect_for_reading(place))
        return cls(place, connection, holder=None)

    @classmethod
    async def temporary(cls) -> SqliteJournal:
        """A run that is gone when it is closed, to check a file with."""
        return cls(Path("a temporary run"), opening.connect_temporary(), holder=None)

    async def aclose(self) -> None:
        """Let go of the file. It is whole without its log then."""
        if self._connection is None:
            return
        async with self._groups.held():
            connection, self._connection = self._connection, None
            await self._groups.run(lambda: self._close(connection))

    def _close(self, connection: sqlite3.Connection) -> None:
        if self._holder is not None:
            opening.note_closed(connection)
        connection.close()
        if self._holder is not None:
            self._holder.close()

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError(f"{self.path} is closed: open it again")
        return self._connection

    def _commit(self, batch: Sequence[Work[Any]]) -> None:
        """Do the work of a group in one transaction. A disk that is full still takes outcomes, if it can."""
        try:
            with opening.translated(self.path):
                self._transact(batch)
        except JournalError as error:
            for work in batch:
                work.error = error
            outcomes = [work for work in batch if work.is_outcome]
            if not outcomes or self._connection is None:
                return
            try:
                with opening.translated(self.path):
                    # Makes room: what is in the log goes to where there is room for it already.
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    self._transact(outcomes)
            except JournalError as again:
                # What was done before the second fault was undone with it.
                for work in outcomes:
                    work.error = again

    def _transact(self, batch: Sequence[Work[Any]]) -> None:
        connection = self._db
        connection.execute("BEGIN")
        try:
            for work in batch:
                work.error = None
                try:
                    work.result = work.do()
                except sqlite3.Error:
                    raise
                except Exception as error:
                    # This one wish cannot be granted: it has changed nothing, and the others can be.
                    work.error = error
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    # ---------------------------------------------------------------------------------------------------- binding

    async def bind(self, panels: Sequence[Bound], *, is_same_account: bool = False) -> None:  # noqa: D102
        await self._groups.do(lambda: self._bind(panels, is_same_account=is_same_account))

    def _bind(self, panels: Sequence[Bound], *, is_same_account: bool) -> None:
        (salt,) = self._db.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()
        for one in panels:
            # Salted, so that the hash cannot be looked up, nor runs of one account be told to be of one.
            account = blake2b(one.account.encode(), key=salt, digest_size=16).hexdigest()
            known = self._db.execute("SELECT * FROM panels WHERE panel = ?", (one.panel,)).fetchone()
            if known is None:
                self._db.execute(
                    "INSERT INTO panels VALUES (?, ?, ?, ?)", (one.panel, one.provider, account, one.base_url)
                )
            elif known["provider"] != one.provider:
                raise JournalMismatch(
                    f"in {self.path}, {one.panel} is the provider {known['provider']}, not {one.provider}: "
                    "name the panel or profile that the run was begun with"
                )
            elif known["account"] != account:
                if not is_same_account:
                    raise JournalMismatch(
                        f"{self.path} was begun with another key or address for {one.panel}: use that one; if it is a "
                        "new key of the same account, say so with --same-account (is_same_account)"
                    )
                # Whether a request_id belongs to the key or to the account, no panel documents.
                self._db.execute(
                    "UPDATE panels SET account = ?, base_url = ? WHERE panel = ?", (account, one.base_url, one.panel)
                )
                self._db.execute("UPDATE rows SET repeat_until = NULL WHERE panel = ?", (one.panel,))
                self._db.execute(f"UPDATE rows SET seal = {SEALED} WHERE panel = ?", (one.panel,))  # noqa: S608

    @asynccontextmanager
    async def admission(  # noqa: D102
        self, name: str, *, may_add: bool = False, allow_twins: bool = False, is_trial: bool = False
    ) -> AsyncIterator[Admission]:
        async with self._groups.held():
            admission = SqliteAdmission(self._db, self.path, self._on_connection, allow_twins=allow_twins)
            await admission.begin(name)
            try:
                yield admission
                await admission.end(may_add=may_add or is_trial, is_kept=not is_trial)
            except BaseException:
                await admission.undo()
                raise

    async def _on_connection(self, call: Callable[[], T]) -> T:
        def translated() -> T:
            with opening.translated(self.path):
                return call()

        return await self._groups.run(translated)

    # --------------------------------------------------------------------------------------------------- the rows

    async def take(self, panel: str, *, after: int, limit: int) -> list[Entry]:  # noqa: D102
        where = "rows.panel = ? AND state = 'pending' AND rows.number > ?"
        return await self._groups.do(lambda: self._select(where, (panel, after), limit))

    def _select(self, where: str, values: Sequence[object], limit: int) -> list[Entry]:
        found = self._db.execute(f"{_ENTRY} WHERE {where} ORDER BY rows.number LIMIT ?", (*values, limit))
        return [read_entry(row) for row in found]

    async def send(self, entry: Entry, *, request_id: str | None, at: float, repeat_until: float | None) -> None:  # noqa: D102
        def write() -> None:
            self._change(
                entry,
                (RowState.PENDING,),
                "state = 'sending', request_id = ?, repeat_until = ?, sent_at = ?, sends = sends + 1, "
                "ended_at = NULL, error = NULL, reason = NULL",
                (request_id, repeat_until, at),
            )
            self._db.execute("UPDATE facts SET value = value + 1 WHERE name = 'intents'")

        await self._groups.do(write)

    def settle(self, entry: Entry, outcome: Outcome, *, at: float) -> Awaitable[None]:  # noqa: D102
        work = self._groups.put(lambda: self._settle(entry, outcome, at), is_outcome=True)
        return self._groups.wait(work)

    def _settle(self, entry: Entry, outcome: Outcome, at: float) -> None:
        after = _MAY_SETTLE[type(outcome)]
        match outcome:
            case Placed(receipt):
                values: tuple[object, ...] = (at, receipt.order, as_text(receipt.charge))
                self._change(
                    entry,
                    after,
                    "state = 'done', ended_at = ?, order_id = ?, charge = ?, error = NULL, reason = NULL",
                    values,
                )
            case RefusedRow(error, reason):
                self._change(
                    entry, after, "state = 'refused', ended_at = ?, error = ?, reason = ?", (at, error, reason)
                )
            case InDoubt(error, reason):
                self._change(
                    entry, after, "state = 'in doubt', ended_at = ?, error = ?, reason = ?", (at, error, reason)
                )
            case NotPlaced(reason):
                self._change(entry, after, "state = 'pending', ended_at = ?, error = NULL, reason = ?", (at, reason))

    def _change(self, entry: Entry, states: Collection[RowState], change: str, values: Sequence[object]) -> None:
        done = self._db.execute(
            f"UPDATE rows SET {change} WHERE number = ? AND state IN ({state_list(len(states))})",  # noqa: S608
            (*values, entry.number, *(state.value for state in states)),
        )
        if done.rowcount != 1:
            (state,) = self._db.execute("SELECT state FROM rows WHERE number = ?", (entry.number,)).fetchone()
            raise JournalError(f"row {entry.ref} ({entry.source}, line {entry.line}) is {state}: that cannot follow")
        self._db.execute(f"UPDATE rows SET seal = {SEALED} WHERE number = ?", (entry.number,))  # noqa: S608

    async def follow(self, panel: str, statuses: Sequence[OrderStatus], *, at: float) -> None:  # noqa: D102
        values = [
            (
                one.state.value,
                one.raw_state,
                as_text(one.charge),
                as_text(one.start_count),
                as_text(one.remains),
                one.currency,
                at,
                panel,
                one.order,
            )
            for one in statuses
        ]
        await self._groups.do(
            lambda: self._db.executemany(
                "UPDATE rows SET order_state = ?, raw_state = ?, status_charge = ?, start_count = ?, remains = ?, "
                "currency = ?, status_at = ? WHERE panel = ? AND order_id = ?",
                values,
            ),
            is_outcome=True,
        )

    # ------------------------------------------------------------------------------------------------ the balances

    async def checkpoint(self, panel: str, balance: Balance, *, is_settled: bool) -> None:  # noqa: D102
        values = (
            panel,
            as_text(balance.amount),
            balance.currency,
            balance.fetched_at,
            balance.max_age,
            is_settled,
        )
        await self._groups.do(
            lambda: self._db.execute("INSERT INTO balances VALUES (NULL, ?, ?, ?, ?, ?, ?)", values), is_outcome=True
        )

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
        spent = "CASE WHEN state = 'done' THEN coalesce(status_charge, charge, cost) ELSE cost END"
        came_back = "order_state IN ('partial', 'canceled', 'refunded')"
        found = await self._rows(
            f"SELECT panel, state, order_state, error, count(*) AS rows, total_of({spent}) AS spent, "  # noqa: S608
            f"total_of(CASE WHEN {came_back} THEN minus(coalesce(charge, cost), status_charge) END) AS returned, "
            f"count(*) - count({spent}) AS unpriced FROM rows GROUP BY panel, state, order_state, error",
        )
        return [
            Tally(
                panel=row["panel"],
                state=RowState(row["state"]),
                order_state=None if row["order_state"] is None else OrderState(row["order_state"]),
                error=row["error"],
                rows=row["rows"],
                spent=Decimal(row["spent"]),
                returned=Decimal(row["returned"]),
                unpriced=row["unpriced"],
            )
            for row in found
        ]

    async def inputs(self) -> list[Input]:  # noqa: D102
        found = await self._rows("SELECT * FROM inputs ORDER BY number")
        return [Input(name=row["name"], rows=row["rows"], added_at=row["added_at"]) for row in found]

    async def bound(self) -> list[Bound]:  # noqa: D102
        found = await self._rows("SELECT * FROM panels ORDER BY panel")
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
        where, values = ["rows.number > ?"], list[object]()
        if states is not None:
            where.append(f"state IN ({state_list(len(states))})")
            values += [state.value for state in states]
        if panel is not None:
            where.append("rows.panel = ?")
            values.append(panel)
        if order_states is not None:
            where.append(f"ifnull(order_state, '') IN ({state_list(len(order_states))})")
            values += ["" if state is None else state.value for state in order_states]
        if sent_since is not None:
            where.append("sent_at >= ?")
            values.append(sent_since)
        condition = " AND ".join(where)
        return Pages(lambda after: self._groups.do(lambda: self._select(condition, (after, *values), _PAGE)))

    async def find(self, ref: str) -> Entry | None:  # noqa: D102
        found = await self._groups.do(lambda: self._select("ref = ?", (ref,), 1))
        return found[0] if found else None

    async def find_order(self, panel: str, order_id: str) -> Entry | None:  # noqa: D102
        found = await self._groups.do(lambda: self._select("rows.panel = ? AND order_id = ?", (panel, order_id), 1))
        return found[0] if found else None
