"""The journal's tables, and rows of them as `Entry` values.

Money and large counts are text, so that no figure passes through a float. ``seal`` is a checksum over the rest of its
row; ``sends`` counts how often a row was written as being sent, and ``intents`` in ``facts`` how often any was: a lost
page shows as a difference between the two. ``commits`` in ``facts`` counts the writes, see `smmclient.bulk.mark`.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeVar, cast

import msgspec

from smmclient.bulk.entry import Entry, RowState
from smmclient.errors import InvalidOrder, JournalCorrupt
from smmclient.exact import EXACT
from smmclient.forms import build_order, kind_of
from smmclient.model import OrderState, OrderStatus
from smmclient.orders import AnyOrder

__all__ = [
    "APPLICATION_ID",
    "FORMAT",
    "ROW_COLUMNS",
    "SCHEMA",
    "SEALS",
    "as_text",
    "content_of",
    "form_of",
    "prepare",
    "read_checked",
    "read_entry",
    "seal_of",
    "state_list",
]

#: Marks a SQLite file as a journal of ours ("SMMJ"), and the layout of its tables.
APPLICATION_ID = 0x534D4D4A
FORMAT = 1

SCHEMA = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value, seal INTEGER) WITHOUT ROWID",
    "CREATE TABLE inputs ("
    "number INTEGER PRIMARY KEY, name TEXT, digest BLOB UNIQUE, rows INTEGER, added_at REAL, seal INTEGER)",
    "CREATE TABLE panels ("
    "panel TEXT PRIMARY KEY, provider TEXT, account TEXT, base_url TEXT, seal INTEGER) WITHOUT ROWID",
    "CREATE TABLE balances (number INTEGER PRIMARY KEY, panel TEXT, amount TEXT, currency TEXT, fetched_at REAL, "
    "max_age REAL, is_settled INTEGER, seal INTEGER)",
    "CREATE TABLE rows (number INTEGER PRIMARY KEY, input INTEGER, line INTEGER, ref TEXT UNIQUE, panel TEXT, "
    "kind TEXT, form TEXT, content BLOB, cost TEXT, "
    "state TEXT, request_id TEXT, repeat_until REAL, sends INTEGER, sent_at REAL, ended_at REAL, "
    "order_id TEXT, charge TEXT, error TEXT, reason TEXT, "
    "order_state TEXT, raw_state TEXT, status_charge TEXT, start_count TEXT, remains TEXT, currency TEXT, "
    "status_at REAL, seal INTEGER)",
    "CREATE INDEX rows_by_content ON rows (content)",
    "CREATE INDEX rows_open ON rows (panel, state, number) WHERE state IN ('pending', 'sending', 'in doubt')",
    "CREATE INDEX rows_by_order ON rows (panel, order_id) WHERE order_id IS NOT NULL",
)

#: The columns of ``rows`` but for the seal.
ROW_COLUMNS = (
    *("number", "input", "line", "ref", "panel", "kind", "form", "content", "cost"),
    *("state", "request_id", "repeat_until", "sends", "sent_at", "ended_at", "order_id", "charge", "error", "reason"),
    *("order_state", "raw_state", "status_charge", "start_count", "remains", "currency", "status_at"),
)

#: What the seal of a row of each table is, as SQL: of all its other columns, in their order.
SEALS = {
    "facts": "seal_of(name, value)",
    "inputs": "seal_of(number, name, digest, rows, added_at)",
    "panels": "seal_of(panel, provider, account, base_url)",
    "balances": "seal_of(number, panel, amount, currency, fetched_at, max_age, is_settled)",
    "rows": f"seal_of({', '.join(ROW_COLUMNS)})",
}

T = TypeVar("T")

_FORM = msgspec.json.Decoder(dict[str, str])


def seal_of(*values: object) -> int:
    """A checksum over values as SQLite gives them back: a REAL as a float. It is the same in every Python."""
    return zlib.crc32("\0".join(map(str, values)).encode())


class _Sum:
    """Adds up amounts that are kept as text; NULLs are left out."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, amount: str | None) -> None:
        if amount is not None:
            self._sum = EXACT.add(self._sum, Decimal(amount))

    def finalize(self) -> str:
        return str(self._sum)


def _minus(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else str(EXACT.subtract(Decimal(one), Decimal(other)))


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the journal's statements use."""
    connection.create_function("seal_of", -1, seal_of, deterministic=True)
    connection.create_function("minus", 2, _minus, deterministic=True)
    connection.create_aggregate("total_of", 1, cast("Callable[[], Any]", _Sum))


def as_text(amount: Decimal | int | None) -> str | None:
    """A figure as it is kept."""
    return None if amount is None else str(amount)


def form_of(order: AnyOrder) -> tuple[str, str]:
    """An order as its kind and its parameters; `read_entry` makes it again."""
    return kind_of(order), msgspec.json.encode(order.parameters()).decode()


def content_of(panel: str, kind: str | None, form: str) -> bytes:
    """A digest of what a row orders, and where."""
    return blake2b(f"{panel}\n{kind}\n{form}".encode(), digest_size=16).digest()


def state_list(count: int) -> str:
    """So many placeholders for states."""
    return ", ".join("?" * count)


def read_checked(row: sqlite3.Row, read: Callable[[sqlite3.Row], T]) -> T:
    """What is read of a row; `JournalCorrupt` where it makes no sense."""
    try:
        return read(row)
    except (ValueError, ArithmeticError, TypeError, InvalidOrder, msgspec.MsgspecError) as error:
        raise JournalCorrupt(f"row {row[0]} of the journal is damaged ({error})") from error


def read_entry(row: sqlite3.Row) -> Entry:
    """One row of the table, joined with its input's name as ``source``."""
    return read_checked(row, _read_entry)


def _read_entry(row: sqlite3.Row) -> Entry:
    form = _FORM.decode(row["form"])
    order = None if row["kind"] is None else build_order(row["kind"], form)
    return Entry(
        number=row["number"],
        source=row["source"],
        line=row["line"],
        ref=row["ref"],
        panel=row["panel"],
        state=RowState(row["state"]),
        order=order,
        written=form if order is None else {},
        cost=_amount(row["cost"]),
        request_id=row["request_id"],
        repeat_until=row["repeat_until"],
        sends=row["sends"],
        sent_at=row["sent_at"],
        ended_at=row["ended_at"],
        order_id=row["order_id"],
        charge=_amount(row["charge"]),
        error=row["error"],
        reason=row["reason"],
        status=_read_status(row),
        status_at=row["status_at"],
    )


def _read_status(row: sqlite3.Row) -> OrderStatus | None:
    if row["order_state"] is None:
        return None
    return OrderStatus(
        order=row["order_id"],
        state=OrderState(row["order_state"]),
        raw_state=row["raw_state"],
        charge=_amount(row["status_charge"]),
        start_count=None if row["start_count"] is None else int(row["start_count"]),
        remains=None if row["remains"] is None else int(row["remains"]),
        currency=row["currency"],
    )


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
