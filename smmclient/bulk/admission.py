"""Reading an input into a journal's file: in one transaction, so that a crash leaves all of it or nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import msgspec

from smmclient.bulk.entry import RowState
from smmclient.bulk.journal import Admission, Admitted, NewRow
from smmclient.bulk.schema import SEALS, as_text, content_of, form_of, seal_of
from smmclient.errors import JournalMismatch

__all__ = ["SqliteAdmission"]


_INSERT = f"INSERT INTO rows VALUES ({', '.join('?' * 27)})"  # noqa: S608
#: What a row has before it is sent: no request_id … charge, and no order_state … status_at.
_NOT_SENT = (None, None, 0, None, None, None, None)
_NO_STATUS = (None,) * 7


class _Runs(Protocol):
    def __call__(self, call: Callable[[], Any]) -> Awaitable[Any]: ...


class SqliteAdmission(Admission):
    """See `Admission`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        run: _Runs,
        commit: Callable[[], None],
        *,
        may_add: bool,
        allow_twins: bool,
    ) -> None:
        self._db, self._path, self._run, self._commit = connection, path, run, commit
        self._may_add, self._allow_twins = may_add, allow_twins
        self._digest = blake2b(digest_size=16)
        self._input = 0
        self._last = 0
        #: Whether an earlier input has the same name: this one may be the same file, corrected.
        self._is_again = False
        self._name = ""
        self._count = 0

    async def begin(self, name: str) -> None:
        """Begin the transaction."""
        self._name = name
        await self._run(self._begin)

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._is_again = self._db.execute("SELECT 1 FROM inputs WHERE name = ?", (self._name,)).fetchone() is not None
        done = self._db.execute("INSERT INTO inputs VALUES (NULL, ?, NULL, 0, ?, 0)", (self._name, time.time()))
        self._input = done.lastrowid or 0
        (self._last,) = self._db.execute("SELECT ifnull(max(number), 0) FROM rows").fetchone()

    async def undo(self) -> None:
        """Keep nothing."""
        await self._run(lambda: self._db.execute("ROLLBACK") if self._db.in_transaction else None)

    async def verify(self) -> None:  # noqa: D102
        await self._run(self._is_same)

    async def end(self, *, is_kept: bool) -> None:
        """Keep the input, if it is one that the journal may hold."""
        await self._run(lambda: self._end(is_kept=is_kept))

    def _is_same(self) -> bool:
        """Whether an earlier input holds the same rows; raises if it has to, and does not."""
        digest = self._digest.digest()
        earlier = self._db.execute("SELECT digest, name FROM inputs WHERE number < ?", (self._input,)).fetchall()
        is_same = any(row["digest"] == digest for row in earlier)
        if earlier and not is_same and not self._may_add:
            raise JournalMismatch(
                f"{self._path} was begun with {earlier[0]['name']}, and {self._name} is not what was read then: take a "
                "new --run file for it, or add its rows to this run with --add"
            )
        return is_same

    def _end(self, *, is_kept: bool) -> None:
        digest, is_same = self._digest.digest(), self._is_same()
        if not is_kept:
            self._db.execute("ROLLBACK")
            return
        if is_same:
            # Rows that were invalid then and are good now belong to the input that was read first.
            (first,) = self._db.execute("SELECT number FROM inputs WHERE digest = ?", (digest,)).fetchone()
            moved = self._db.execute("UPDATE rows SET input = ? WHERE input = ?", (first, self._input))
            if moved.rowcount:
                self._db.execute(f"UPDATE rows SET seal = {SEALS['rows']} WHERE input = ?", (first,))  # noqa: S608
            self._db.execute("DELETE FROM inputs WHERE number = ?", (self._input,))
        else:
            self._db.execute(
                "UPDATE inputs SET digest = ?, rows = ? WHERE number = ?", (digest, self._count, self._input)
            )
            self._db.execute(f"UPDATE inputs SET seal = {SEALS['inputs']} WHERE number = ?", (self._input,))  # noqa: S608
        self._commit()
        with suppress(sqlite3.Error):
            # It is kept already; this makes the log small again.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def add(self, rows: Sequence[NewRow]) -> list[Admitted]:  # noqa: D102
        result: list[Admitted] = await self._run(lambda: [self._add(row) for row in rows])
        return result

    def _add(self, row: NewRow) -> Admitted:
        self._count += 1
        kind, form = (
            (None, msgspec.json.encode(dict(row.written)).decode()) if row.order is None else form_of(row.order)
        )
        content = content_of(row.panel, kind, form)
        # What was written, not what was made of it: the same file is the same input whatever the catalog says today.
        written = content_of(row.panel, None, msgspec.json.encode(dict(row.written)).decode())
        ref = row.ref or f"{row.number}-{written.hex()[:12]}"
        self._digest.update(ref.encode() + b"\n" + written)
        known = self._db.execute("SELECT * FROM rows WHERE ref = ?", (ref,)).fetchone()
        if known is not None:
            return self._meet(known, row, ref, kind, form, content)
        twin = None if kind is None else self._twin(content)
        reason = row.reason
        if twin is not None and row.ref is None and not self._allow_twins:
            reason = f"the same order as {twin}: give each a ref of its own if both are meant, or --allow-twins"
        self._insert(row, ref, kind, form, content, reason, replacing=self._corrected(row))
        return Admitted(reason=reason, twin=twin if reason is None else None)

    def _corrected(self, row: NewRow) -> int | None:
        """The row without a ref that stood in this place of this file, and could not be ordered."""
        if row.ref is not None or not self._is_again:
            return None
        found = self._db.execute(
            "SELECT rows.number FROM rows JOIN inputs ON inputs.number = rows.input "
            "WHERE ref >= ? AND ref < ? AND ref GLOB ? AND state = 'invalid' AND inputs.name = ? AND input <> ?",
            (f"{row.number}-", f"{row.number}.", f"{row.number}-{'[0-9a-f]' * 12}", self._name, self._input),
        ).fetchone()
        return None if found is None else int(found[0])

    def _meet(self, known: sqlite3.Row, row: NewRow, ref: str, kind: str | None, form: str, content: bytes) -> Admitted:
        """A row whose ref is in the journal: the same one of an earlier input, or a mistake."""
        where = self._place(known)
        if known["input"] == self._input:
            reason = f"the ref {ref!r} is that of {where} already: a ref belongs to one row"
            self._insert(row, f"{ref} (again, row {row.number})", None, form, content, reason)
            return Admitted(reason=reason)
        again = f"{ref} (again, row {row.number})"
        if row.ref is not None and (earlier := self._reason_of(again, content)) is not None:
            return Admitted(was_known=True, reason=earlier)
        if known["content"] == content or row.ref is None or kind is None:
            if known["state"] == RowState.INVALID.value and row.order is not None and row.reason is None:
                twin = self._twin(content)
                if twin is None or row.ref is not None or self._allow_twins:
                    self._insert(row, ref, kind, form, content, None, replacing=known["number"])
                    return Admitted(twin=twin)
            return Admitted(
                was_known=True, reason=known["reason"] if known["state"] == RowState.INVALID.value else None
            )
        if known["state"] == RowState.INVALID.value:
            self._insert(row, ref, kind, form, content, row.reason, replacing=known["number"])
            return Admitted(reason=row.reason)
        reason = f"the ref {ref!r} is that of another order, {where}: give this one a ref of its own"
        again = f"{ref} (again, {self._name}, row {row.number})"
        if self._reason_of(again) is not None:
            return Admitted(was_known=True, reason=reason)
        self._insert(row, again, None, form, content, reason)
        return Admitted(reason=reason)

    def _reason_of(self, ref: str, content: bytes | None = None) -> str | None:
        """Why the row of that ref is invalid; None if there is none with that ref and content."""
        found = self._db.execute(
            "SELECT content, reason FROM rows WHERE ref = ? AND state = 'invalid'", (ref,)
        ).fetchone()
        return found["reason"] if found is not None and content in (None, found["content"]) else None

    def _twin(self, content: bytes) -> str | None:
        found = self._db.execute(
            "SELECT * FROM rows WHERE content = ? AND kind IS NOT NULL AND state <> 'invalid' LIMIT 1", (content,)
        ).fetchone()
        return None if found is None else self._place(found)

    def _place(self, row: sqlite3.Row) -> str:
        (name,) = self._db.execute("SELECT name FROM inputs WHERE number = ?", (row["input"],)).fetchone()
        return f"line {row['line']}" if row["input"] == self._input else f"line {row['line']} of {name}"

    def _insert(
        self,
        row: NewRow,
        ref: str,
        kind: str | None,
        form: str,
        content: bytes,
        reason: str | None,
        *,
        replacing: int | None = None,
    ) -> None:
        """Write a new row, or one in the place of a row that was invalid, and so was never sent."""
        is_good = row.order is not None and reason is None
        if not is_good:
            kind, form = None, msgspec.json.encode(dict(row.written)).decode()
        if replacing is None:
            self._last += 1
        else:
            self._db.execute("DELETE FROM rows WHERE number = ? AND state = 'invalid'", (replacing,))
        values = (
            self._last if replacing is None else replacing,
            self._input,
            row.line,
            ref,
            row.panel,
            kind,
            form,
            content,
            as_text(row.cost) if is_good else None,
            (RowState.PENDING if is_good else RowState.INVALID).value,
            *_NOT_SENT,
            None if is_good else row.error or "InvalidOrder",
            reason,
            *_NO_STATUS,
        )
        self._db.execute(_INSERT, (*values, seal_of(*values)))
