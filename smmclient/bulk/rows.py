"""The statements of a journal's rows: each is a piece of work for `smmclient.bulk.groups.Groups`."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from decimal import Decimal

from attrs import frozen

from smmclient.bulk.entry import BY_HAND, Entry, InDoubt, NotPlaced, Outcome, Placed, RefusedRow, RowState, TakenBack
from smmclient.bulk.journal import Tally
from smmclient.bulk.schema import ROW_COLUMNS, SEALS, as_text, read_checked, read_entry, state_list
from smmclient.errors import JournalError
from smmclient.model import OrderState, OrderStatus

__all__ = ["PAGE", "Pages", "Rows", "Wanted"]

#: Rows that are read at once.
PAGE = 500

_ENTRY = "SELECT rows.*, inputs.name AS source FROM rows JOIN inputs ON inputs.number = rows.input"
_SEAL = f"UPDATE rows SET seal = {SEALS['rows']}"  # noqa: S608

#: Which states an outcome may follow; a row in doubt is settled by a late reply, or by its user.
_MAY_SETTLE = {
    Placed: (RowState.SENDING, RowState.DOUBT),
    RefusedRow: (RowState.SENDING, RowState.DOUBT, RowState.PENDING),
    InDoubt: (RowState.SENDING, RowState.DOUBT),
    NotPlaced: (RowState.SENDING, RowState.DOUBT),
    TakenBack: (RowState.DONE, RowState.PENDING),
}
#: What is forgotten of an order that a row turns out not to have got.
_ORDER = (
    *("order_id", "charge", "order_state", "raw_state", "status_charge", "start_count", "remains", "currency"),
    "status_at",
)


@functools.cache
def _update(names: tuple[str, ...], states: tuple[str, ...], reasons: tuple[str, ...] = ()) -> str:
    """The statement that changes these columns of a row in one of the states, and its seal with them.

    With ``reasons`` it changes a row only if it stands so for one of them.
    """
    new = {name: f":{name}" for name in names}
    if "sent_at" in new:
        new["sends"] = "sends + 1"
    sets = ", ".join(f"{name} = {value}" for name, value in new.items())
    sealed = ", ".join(new.get(name, name) for name in ROW_COLUMNS)
    listed = ", ".join(f"'{state}'" for state in states)
    said = ", ".join(f"'{reason}'" for reason in reasons)
    only = f" AND reason IN ({said})" if reasons else ""
    return f"UPDATE rows SET {sets}, seal = seal_of({sealed}) WHERE number = :row AND state IN ({listed}){only}"  # noqa: S608


@frozen
class Wanted:
    """Which rows are asked for, as SQL."""

    where: str
    values: tuple[object, ...]

    @classmethod
    def of(
        cls,
        *,
        states: Collection[RowState] | None,
        panel: str | None,
        order_states: Collection[OrderState | None] | None,
        sent_since: float | None,
    ) -> Wanted:
        """What `Journal.entries` is asked for."""
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
            where.append("(max(sent_at, ifnull(ended_at, sent_at)) >= ? OR state = 'sending')")
            values.append(sent_since)
        return cls(" AND ".join(where), tuple(values))


class Pages(AsyncIterator[Entry]):
    """Rows, read page by page. Not a generator, so leaving it early leaves nothing behind."""

    def __init__(self, read: Callable[[int], Awaitable[list[Entry]]]) -> None:
        self._read = read
        self._page: list[Entry] = []
        self._at = self._after = 0
        self._is_last = False

    async def __anext__(self) -> Entry:
        if self._at == len(self._page):
            if self._is_last:
                raise StopAsyncIteration
            self._page, self._at = await self._read(self._after), 0
            self._is_last = len(self._page) < PAGE
            if not self._page:
                raise StopAsyncIteration
            self._after = self._page[-1].number
        self._at += 1
        return self._page[self._at - 1]


@frozen
class Rows:
    """The rows of one connection. A method that raises has changed nothing."""

    _db: sqlite3.Connection

    def select(self, where: str, values: Sequence[object], limit: int) -> list[Entry]:
        """Rows in the order of the file."""
        found = self._db.execute(f"{_ENTRY} WHERE {where} ORDER BY rows.number LIMIT ?", (*values, limit))
        return [read_entry(row) for row in found]

    def send(self, entry: Entry, request_id: str | None, at: float, repeat_until: float | None) -> None:
        """The row is about to be sent. ``intents`` in ``facts`` has to be counted up with it."""
        change: dict[str, object] = {
            "state": "sending",
            "cost": as_text(entry.cost),
            "request_id": request_id,
            "repeat_until": None if repeat_until is None else float(repeat_until),
            "sent_at": float(at),
            "ended_at": None,
            "error": None,
            "reason": None,
        }
        self._change(entry, (RowState.PENDING,), change)

    def settle(self, entry: Entry, outcome: Outcome, at: float) -> None:
        """How the row's sending ended."""
        change: dict[str, object] = {"ended_at": float(at), "error": None, "reason": None}
        match outcome:
            case Placed(receipt, reason):
                change |= {"state": "done", "order_id": receipt.order, "charge": as_text(receipt.charge)}
                change |= {"reason": reason}
            case RefusedRow(error, reason):
                change |= {"state": "refused", "error": error, "reason": reason}
            case InDoubt(error, reason):
                change |= {"state": "in doubt", "error": error, "reason": reason}
            case NotPlaced(reason, is_answer):
                change |= {"state": "pending", "reason": reason}
                change |= {"request_id": None, "repeat_until": None} if is_answer else {}
            case TakenBack(reason):
                change |= {"state": "in doubt", "error": "OutcomeUnknown", "reason": reason, **dict.fromkeys(_ORDER)}
        reasons = BY_HAND if isinstance(outcome, TakenBack) else ()
        self._change(entry, _MAY_SETTLE[type(outcome)], change, reasons)

    def _change(
        self, entry: Entry, states: tuple[RowState, ...], change: dict[str, object], reasons: tuple[str, ...] = ()
    ) -> None:
        statement = _update(tuple(change), tuple(state.value for state in states), reasons)
        if self._db.execute(statement, {**change, "row": entry.number}).rowcount != 1:
            found = self._db.execute("SELECT state FROM rows WHERE number = ?", (entry.number,)).fetchone()
            raise JournalError(
                f"row {entry.ref} ({entry.source}, line {entry.line}) is {found[0] if found else 'not in this run'}: "
                "that cannot follow"
            )

    def follow(self, panel: str, statuses: Sequence[OrderStatus], at: float) -> None:
        """Where placed orders stand."""
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
        self._db.executemany(
            "UPDATE rows SET order_state = ?, raw_state = ?, status_charge = ?, start_count = ?, remains = ?, "
            "currency = ?, status_at = ? WHERE panel = ? AND order_id = ?",
            values,
        )
        self._db.executemany(f"{_SEAL} WHERE panel = ? AND order_id = ?", [(panel, one.order) for one in statuses])

    def forget_repeats(self, panel: str) -> None:
        """No row of the panel may be asked about again."""
        self._db.execute("UPDATE rows SET repeat_until = NULL WHERE panel = ? AND repeat_until IS NOT NULL", (panel,))
        self._db.execute(f"{_SEAL} WHERE panel = ? AND request_id IS NOT NULL", (panel,))

    def tallies(self) -> list[Tally]:
        """Counts and sums."""
        spent = "CASE WHEN state = 'done' THEN coalesce(status_charge, charge, cost) ELSE cost END"
        came_back = "order_state IN ('partial', 'canceled', 'refunded')"
        found = self._db.execute(
            f"SELECT panel, state, order_state, error, count(*) AS rows, total_of({spent}) AS spent, "  # noqa: S608
            f"total_of(CASE WHEN {came_back} THEN minus(coalesce(charge, cost), status_charge) END) AS returned, "
            f"count(*) - count({spent}) AS unpriced FROM rows GROUP BY panel, state, order_state, error",
        )
        return [read_checked(row, _read_tally) for row in found]


def _read_tally(row: sqlite3.Row) -> Tally:
    return Tally(
        panel=row["panel"],
        state=RowState(row["state"]),
        order_state=None if row["order_state"] is None else OrderState(row["order_state"]),
        error=row["error"],
        rows=row["rows"],
        spent=Decimal(row["spent"]),
        returned=Decimal(row["returned"]),
        unpriced=row["unpriced"],
    )
