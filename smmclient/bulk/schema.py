"""The journal's tables, and rows of them as `Entry` values.

Money and large counts are text, so that no figure passes through a float. ``seal`` is a checksum over what an order is
and what became of it; ``sends`` counts how often a row was written as being sent, and ``intents`` in ``facts`` how
often any was: a lost page shows as a difference between the two.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any, cast

import msgspec

from smmclient.bulk.entry import Entry, RowState
from smmclient.forms import build_order, kind_of
from smmclient.model import OrderState, OrderStatus
from smmclient.orders import AnyOrder

__all__ = [
    "APPLICATION_ID",
    "FORMAT",
    "SCHEMA",
    "SEALED",
    "as_text",
    "content_of",
    "form_of",
    "prepare",
    "read_entry",
    "state_list",
]

#: Marks a SQLite file as a journal of ours ("SMMJ"), and the layout of its tables.
APPLICATION_ID = 0x534D4D4A
FORMAT = 1

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE inputs (number INTEGER PRIMARY KEY, name TEXT, digest BLOB UNIQUE, rows INTEGER, added_at REAL);
CREATE TABLE panels (panel TEXT PRIMARY KEY, provider TEXT, account TEXT, base_url TEXT) WITHOUT ROWID;
CREATE TABLE balances (
  number INTEGER PRIMARY KEY, panel TEXT, amount TEXT, currency TEXT, fetched_at REAL, max_age REAL, is_settled INTEGER
);
CREATE TABLE rows (
  number INTEGER PRIMARY KEY,
  input INTEGER, line INTEGER, ref TEXT UNIQUE, panel TEXT,
  kind TEXT, form TEXT, content BLOB, cost TEXT,
  state TEXT, request_id TEXT, repeat_until REAL, sends INTEGER DEFAULT 0, sent_at REAL, ended_at REAL,
  order_id TEXT, charge TEXT, error TEXT, reason TEXT,
  order_state TEXT, raw_state TEXT, status_charge TEXT, start_count TEXT, remains TEXT, currency TEXT, status_at REAL,
  seal INTEGER
);
CREATE INDEX rows_by_content ON rows (content);
CREATE INDEX rows_open ON rows (panel, state, number) WHERE state IN ('pending', 'sending', 'in doubt');
CREATE INDEX rows_by_order ON rows (panel, order_id) WHERE order_id IS NOT NULL;
"""

#: What the seal covers, in this order.
SEALED = "seal_of(number, ref, panel, kind, form, cost, state, request_id, repeat_until, sends, order_id, charge)"

_EXACT = Context(prec=100)
_FORM = msgspec.json.Decoder(dict[str, str])


def _seal_of(*values: object) -> int:
    return zlib.crc32(repr(values).encode())


class _Sum:
    """Adds up amounts that are kept as text; NULLs are left out."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, amount: str | None) -> None:
        if amount is not None:
            self._sum = _EXACT.add(self._sum, Decimal(amount))

    def finalize(self) -> str:
        return str(self._sum)


def _minus(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else str(_EXACT.subtract(Decimal(one), Decimal(other)))


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the journal's statements use."""
    connection.create_function("seal_of", -1, _seal_of, deterministic=True)
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


def read_entry(row: sqlite3.Row) -> Entry:
    """One row of the table, joined with its input's name as ``source``."""
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
