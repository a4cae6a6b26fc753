"""Opening a journal's file: one process at a time, and nothing is trusted that does not add up."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smmclient.bulk.schema import APPLICATION_ID, FORMAT, SCHEMA, SEALED, prepare
from smmclient.bulk.wal import is_torn_inside
from smmclient.errors import JournalCorrupt, JournalError, JournalLocked

__all__ = ["connect_for_reading", "connect_for_writing", "connect_temporary", "lock", "translated"]

_MAGIC = b"SQLite format 3\0"
_KEEP = "keep the file as it is, order nothing again from it, and compare with the panel what was placed"


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with what to do about them."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error, path) from error


def _meaning(error: sqlite3.Error, path: Path) -> JournalError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return JournalCorrupt(f"{path} is damaged ({error}): {_KEEP}")
    if name.startswith("SQLITE_FULL"):
        return JournalError(f"the disk of {path} is full: make room, then `smm bulk resume` goes on where it stopped")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalLocked(f"another process holds {path}: let it end first")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return JournalError(f"{path} cannot be written ({error}): check the folder, its permissions and its disk")
    return JournalError(f"{path} cannot be used ({error}): check the disk, then resume")


def lock(path: Path) -> sqlite3.Connection:
    """Make the run ours until the connection is closed or the process ends, however it ends.

    It is a lock on an empty file beside the journal, so that others can read the journal meanwhile.
    """
    holder = sqlite3.connect(f"{path}-lock", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        holder.close()
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            raise JournalLocked(
                f"another process is working on {path}: let it end, or stop it with Ctrl-C, before you go on"
            ) from error
        raise _meaning(error, path) from error
    return holder


def connect_for_writing(path: Path, *, is_new: bool) -> sqlite3.Connection:
    """A connection to a journal that was looked through; the caller holds the lock."""
    if not is_new:
        _check_file(path)
        if is_torn_inside(path.with_name(f"{path.name}-wal")):
            raise JournalCorrupt(f"{path}-wal is damaged in its middle: {_KEEP}")
    with translated(path):
        connection = _connect(str(path))
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA cache_size=-32000")
            if is_new:
                _create(connection)
            else:
                _look_through(connection, path)
            _note_open(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, also while another process works on the journal."""
    _check_file(path)
    with translated(path):
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro", is_uri=True)
        try:
            _check_format(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def connect_temporary() -> sqlite3.Connection:
    """A journal that is gone when it is closed, for checking a file without a run. It may fill a file, not memory."""
    connection = _connect("")
    connection.execute("PRAGMA cache_size=-32000")
    connection.execute("PRAGMA synchronous=OFF")
    _create(connection)
    return connection


def _connect(name: str, *, is_uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=10, isolation_level=None, check_same_thread=False, uri=is_uri)
    connection.row_factory = sqlite3.Row
    prepare(connection)
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    facts = [("salt", os.urandom(16)), ("intents", 0), ("is_open", 1)]
    connection.executemany("INSERT INTO facts VALUES (?, ?)", facts)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.execute("COMMIT")


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise JournalError(
            f"there is no run at {path}: `smm bulk place FILE --run {path}` begins one; if you moved it, bring "
            f"{path.name}-wal along"
        ) from None
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error
    if start != _MAGIC:
        raise JournalCorrupt(f"{path} is not a run's journal, or its first page is lost: name the file of --run")


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is a database, but not a run's journal: name the file that --run made")
    if version != FORMAT:
        raise JournalError(f"{path} has format {version}, this smmclient reads {FORMAT}: use the release that made it")


def _look_through(connection: sqlite3.Connection, path: Path) -> None:
    _check_format(connection, path)
    (was_open,) = connection.execute("SELECT value FROM facts WHERE name = 'is_open'").fetchone()
    wal = path.with_name(f"{path.name}-wal")
    if was_open and not wal.exists():
        raise JournalCorrupt(
            f"{wal} is missing: the run was cut off, and that file holds what was sent last; put it back beside {path}"
        )
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise JournalCorrupt(f"{path} is damaged ({'; '.join(found)[:200]}): {_KEEP}")
    broken = connection.execute(f"SELECT number FROM rows WHERE seal IS NOT {SEALED} LIMIT 1").fetchone()  # noqa: S608
    if broken is not None:
        raise JournalCorrupt(f"{path} is damaged: row {broken[0]} is not what was written: {_KEEP}")
    (sends,) = connection.execute("SELECT ifnull(sum(sends), 0) FROM rows").fetchone()
    (intents,) = connection.execute("SELECT value FROM facts WHERE name = 'intents'").fetchone()
    if sends != intents:
        raise JournalCorrupt(
            f"{path} is damaged: {intents} orders were written as being sent, {sends} are found: {_KEEP}"
        )


def _note_open(connection: sqlite3.Connection) -> None:
    """Write that the log belongs to the journal from now on, into the file itself."""
    connection.execute("UPDATE facts SET value = 1 WHERE name = 'is_open'")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def note_closed(connection: sqlite3.Connection) -> None:
    """Write that the file is whole without its log."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("UPDATE facts SET value = 0 WHERE name = 'is_open'")
