"""The replay guard in an SQLite file, shared by the processes of a machine.

A claim is one short transaction that does not wait for the disk (WAL, synchronous=NORMAL): it takes less time than a
hop to a thread would, so it is made where it is. Where another process is writing it is tried again, without blocking.
A loss of power may take the last claims along; what was handled then may be handled again, which is the lesser harm.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio

from smmclient.errors import ConfigError, Overloaded, UsageError
from smmclient.webhooks.replays import Claim, check_limit

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SQLiteReplays"]

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS smmclient_replays
    (token TEXT PRIMARY KEY, expires_at REAL NOT NULL, is_done INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS smmclient_replays_ends ON smmclient_replays (expires_at);
"""
_HELD = "SELECT expires_at, is_done FROM smmclient_replays WHERE token = ?"
_CLAIM = """
INSERT INTO smmclient_replays (token, expires_at) VALUES (?, ?)
ON CONFLICT (token) DO UPDATE SET expires_at = excluded.expires_at, is_done = 0
"""
_KEEP = """
INSERT INTO smmclient_replays (token, expires_at, is_done) VALUES (?, ?, 1)
ON CONFLICT (token) DO UPDATE SET
expires_at = CASE is_done WHEN 1 THEN max(expires_at, excluded.expires_at) ELSE excluded.expires_at END, is_done = 1
"""
_EXPIRED = "DELETE FROM smmclient_replays WHERE expires_at < ?"
#: Beyond the limit, those that were claimed first.
_TOO_MANY = """
DELETE FROM smmclient_replays WHERE rowid IN (SELECT rowid FROM smmclient_replays ORDER BY rowid LIMIT
max(0, (SELECT count(*) FROM smmclient_replays) - ?))
"""
#: SQLITE_BUSY and SQLITE_LOCKED.
_LOCKED = (5, 6)
#: Claims between two looks at what has expired.
_ROUND = 1000
#: Seconds for which a locked file is tried again, and between two tries.
_PATIENCE = 5.0
_PAUSE = 0.002


class SQLiteReplays:
    """A guard in a file, for several processes and for restarts. It is made when it is first used.

    Expired tokens are removed on the way, and those beyond ``limit``. It can be closed with `close`, and opens anew
    when it is used again. Raises `ConfigError` for a file that cannot be one, `Overloaded` if others lock it for 5 s.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, limit: int = 1_000_000, clock: Callable[[], float] = time.time
    ) -> None:
        check_limit(limit)
        if str(path) in ("", ":memory:"):
            raise UsageError("SQLiteReplays needs a file: what is in memory is MemoryReplays")
        self._path, self._limit, self._clock = Path(path), limit, clock
        self._connection: sqlite3.Connection | None = None
        self._end: weakref.finalize[[], SQLiteReplays] | None = None
        self._claims = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}>"

    async def claim(self, token: str, expires_at: float) -> Claim:
        """See `ReplayGuard.claim`."""
        now = min(self._clock(), expires_at)

        def work(connection: sqlite3.Connection) -> Claim:
            if self._claims % _ROUND == 0:
                connection.execute(_EXPIRED, (now,))
                connection.execute(_TOO_MANY, (self._limit - 1,))
            held = connection.execute(_HELD, (token,)).fetchone()
            if held is not None and held[0] >= now:
                return Claim.DONE if held[1] else Claim.BUSY
            connection.execute(_CLAIM, (token, expires_at))
            return Claim.NEW

        answer = await self._transact(work)
        self._claims += 1
        return answer

    async def keep(self, token: str, expires_at: float) -> None:
        """See `ReplayGuard.keep`."""
        await self._transact(lambda connection: connection.execute(_KEEP, (token, expires_at)))

    async def release(self, token: str) -> None:
        """See `ReplayGuard.release`."""
        await self._transact(
            lambda connection: connection.execute("DELETE FROM smmclient_replays WHERE token = ?", (token,))
        )

    def close(self) -> None:
        """Let go of the file."""
        self._connection = None
        if self._end is not None:
            self._end()

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work in a transaction of its own, that no other writer is in."""
        import sqlite3

        until = time.monotonic() + _PATIENCE
        while True:
            try:
                connection = self._connection or self._open()
                connection.execute("BEGIN IMMEDIATE")
                # Commits, or rolls back what has failed. Nothing is awaited inside: the connection is nobody else's.
                with connection:
                    return work(connection)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _LOCKED:
                    raise ConfigError(f"{self._path} cannot hold the replay guard: {error}: name another") from error
            if time.monotonic() > until:
                raise Overloaded(f"{self._path} is locked by another process")
            await anyio.sleep(_PAUSE)

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        self._connection, self._end = connection, weakref.finalize(self, connection.close)
        return connection
