"""Opening a journal's file: one process at a time, and nothing is trusted that does not add up.

The file is looked through by a connection that changes nothing, so what is damaged stays as it was found.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from smmclient.bulk.mark import Mark, mark_path
from smmclient.bulk.schema import APPLICATION_ID, FORMAT, SCHEMA, SEALS, prepare, seal_of
from smmclient.bulk.trouble import KEEP, NOT_OURS, meaning, translated
from smmclient.bulk.wal import is_torn_inside
from smmclient.errors import JournalCorrupt, JournalError, JournalLocked

__all__ = [
    "Opened",
    "check_file",
    "connect_for_reading",
    "connect_for_writing",
    "connect_temporary",
    "let_go",
    "lock",
    "real_path",
    "wal_path",
    "write_fact",
]


@frozen
class Opened:
    """A connection that may write, the mark of its run, and how many writes the run has seen."""

    connection: sqlite3.Connection
    mark: Mark | None
    commits: int


def real_path(path: Path) -> Path:
    """The file itself, which may be named by a link: what stands beside it is beside the file, not the link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def wal_path(path: Path) -> Path:
    """Where SQLite's log of the journal at that path is."""
    return path.with_name(f"{path.name}-wal")


def lock(path: Path) -> sqlite3.Connection:
    """Make the run ours until the connection is closed or the process ends, however it ends.

    It is a lock on an empty file beside the journal, so that others can read the journal meanwhile.
    """
    place = path.with_name(f"{path.name}-lock")
    try:
        holder = sqlite3.connect(place, timeout=0, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise meaning(error, place) from error
    try:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        holder.close()
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith("SQLITE_BUSY"):
            raise JournalLocked(
                f"another process is working on {path}: let it end, or stop it with Ctrl-C, before you go on"
            ) from error
        if name.startswith("SQLITE_NOTADB"):
            raise JournalError(f"{place} is in the way, and is not ours: move it away") from error
        raise meaning(error, place) from error
    return holder


def connect_for_writing(path: Path, *, may_create: bool) -> Opened:
    """A connection to a journal that was looked through; the caller holds the lock."""
    if may_create and not (path.exists() and (path.is_dir() or path.stat().st_size)):
        _create(path)
    check_file(path)
    if is_torn_inside(wal_path(path)):
        raise JournalCorrupt(f"{wal_path(path)} is damaged in its middle: {KEEP}")
    with translated(path):
        mark, commits = _look_through(path)
        connection = _connect(str(path))
        try:
            _set_durable(connection, path)
            _note_open(connection, path)
        except BaseException:
            connection.close()
            raise
    mark.write(commits)
    return Opened(connection, mark, commits)


def _disconnect(connection: sqlite3.Connection, path: Path) -> None:
    """Write that the file is whole without its log, and let go of it."""
    with contextlib.suppress(sqlite3.Error):
        # First what the log holds, then that it is not needed: a crash in between must not tell the second only.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        write_fact(connection, "is_open", 0)
    connection.close()
    if not wal_path(path).exists() and _is_open(path):
        # It could not be written: then the log has to stay, if only as a name.
        with contextlib.suppress(OSError):
            wal_path(path).touch()


def let_go(opened: Opened, path: Path, holder: sqlite3.Connection | None) -> None:
    """End what `connect_for_writing` and `lock`, or only a connection for reading, began."""
    if holder is None:
        opened.connection.close()
        return
    _disconnect(opened.connection, path)
    if opened.mark is not None:
        opened.mark.close()
    holder.close()


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, also while another process works on the journal."""
    check_file(path)
    with translated(path):
        _check_log(path)
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro", is_uri=True)
        try:
            _check_format(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def connect_temporary() -> Opened:
    """A journal that is gone when it is closed, for checking a file without a run. It may fill a file, not memory."""
    connection = _connect("")
    connection.execute("PRAGMA cache_size=-32000")
    connection.execute("PRAGMA synchronous=OFF")
    _fill(connection)
    return Opened(connection, None, 0)


def _connect(name: str, *, is_uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=10, isolation_level=None, check_same_thread=False, uri=is_uri)
    connection.row_factory = sqlite3.Row
    prepare(connection)
    return connection


def _set_durable(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise JournalError(f"{path} cannot be worked on where it is ({mode}): put it on a local disk")
    connection.execute("PRAGMA synchronous=FULL")
    # Where a plain sync stops at the drive's cache (macOS).
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA checkpoint_fullfsync=ON")
    connection.execute("PRAGMA cache_size=-32000")


def _create(path: Path) -> None:
    """Make an empty journal, which is there whole or not at all."""
    if wal_path(path).exists() and wal_path(path).stat().st_size:
        raise JournalCorrupt(
            f"{path} is gone or empty, but its log {wal_path(path)} is there: put the two together again, or name "
            "another file for a new run"
        )
    new = path.with_name(f"{path.name}-new")
    try:
        for rest in (new, path.with_name(f"{new.name}-journal"), wal_path(new), mark_path(path), wal_path(path)):
            rest.unlink(missing_ok=True)
        with translated(path):
            connection = _connect(str(new))
            try:
                _fill(connection)
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
        new.replace(path)
        if os.name == "posix":
            folder = os.open(path.absolute().parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise JournalError(f"{path} cannot be made ({error.strerror}): check the folder and its disk") from error


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    for statement in SCHEMA:
        connection.execute(statement)
    facts = {"salt": os.urandom(16), "intents": 0, "commits": 0, "is_open": 0, "budget": "{}"}
    connection.executemany(
        "INSERT INTO facts VALUES (?, ?, ?)", [(name, value, seal_of(name, value)) for name, value in facts.items()]
    )
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.execute("COMMIT")


def check_file(path: Path) -> None:
    """Raise unless there is a file that could be a journal."""
    # It is not opened here: that would undo the locks that SQLite holds on it in this process.
    try:
        if path.is_dir():
            raise JournalError(f"{path} is a folder: {NOT_OURS}")
        size = path.stat().st_size
    except FileNotFoundError:
        raise JournalError(
            f"there is no run at {path}: `smm bulk place FILE --run {path}` begins one; if you moved it, bring "
            f"{path.name}-wal along"
        ) from None
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error
    if size == 0:
        raise JournalCorrupt(f"{path} is empty: {NOT_OURS}, or put its content back")


def _check_log(path: Path) -> None:
    """Raise if the log that holds what was sent last is missing. Nothing is made by looking: SQLite would make one."""
    if not wal_path(path).exists() and _is_open(path) and not wal_path(path).exists():
        raise JournalCorrupt(
            f"{wal_path(path)} is missing: the run was cut off, and that file holds what was sent last; put it back "
            f"beside {path}, or compare with the panel what was placed"
        )


def _is_open(path: Path) -> bool:
    name = f"{path.absolute().as_uri()}?immutable=1"
    with (
        contextlib.suppress(sqlite3.Error, UnicodeDecodeError),
        contextlib.closing(_connect(name, is_uri=True)) as looking,
    ):
        found = looking.execute("SELECT value FROM facts WHERE name = 'is_open'").fetchone()
        return found is not None and bool(found[0] != 0)
    return False


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is a database, but not a run's journal: {NOT_OURS}")
    if version != FORMAT:
        raise JournalError(f"{path} has format {version}, this smmclient reads {FORMAT}: use the release that made it")


def _look_through(path: Path) -> tuple[Mark, int]:
    """Raise `JournalCorrupt` unless all adds up. Returns the run's mark, and the number of its writes."""
    # The first is SQLite's work, the second mostly Python's: side by side they take half the time.
    with ThreadPoolExecutor(1) as pool, contextlib.closing(connect_for_reading(path)) as connection:
        structure = pool.submit(_check_structure, path)
        found = _check_content(connection, path)
        structure.result()
        return found


def _check_structure(path: Path) -> None:
    with translated(path), contextlib.closing(connect_for_reading(path)) as connection:
        connection.execute("PRAGMA cache_size=-32000")
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise JournalCorrupt(f"{path} is damaged ({'; '.join(found)[:200]}): {KEEP}")


def _check_content(connection: sqlite3.Connection, path: Path) -> tuple[Mark, int]:
    tables = [row[0] for row in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
    if sorted(tables) != sorted(SCHEMA):
        raise JournalCorrupt(f"{path} is damaged (its tables are not ours): {KEEP}")
    sent = 0
    for table, seal in SEALS.items():
        sends = "ifnull(sum(sends), 0)" if table == "rows" else "0"
        counted, broken = connection.execute(
            f"SELECT {sends}, sum(seal IS NOT {seal}) FROM {table}"  # noqa: S608
        ).fetchone()
        sent += counted
        if broken:
            raise JournalCorrupt(f"{path} is damaged: {broken} of its {table} are not what was written: {KEEP}")
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    if facts.keys() != {"salt", "intents", "commits", "is_open", "budget"}:
        raise JournalCorrupt(f"{path} is damaged (its facts are not all there): {KEEP}")
    if sent != facts["intents"]:
        raise JournalCorrupt(
            f"{path} is damaged: {facts['intents']} orders were written as being sent, {sent} are found: {KEEP}"
        )
    mark = Mark(path, facts["salt"])
    if mark.read() > facts["commits"]:
        raise JournalCorrupt(
            f"{path} or its -wal is an older copy, or has lost its end: it holds {facts['commits']} writes, "
            f"{mark_path(path)} knows of {mark.read()}. Put the newest back, or compare with the panel what was placed"
        )
    return mark, facts["commits"]


def write_fact(connection: sqlite3.Connection, name: str, value: int | str) -> None:
    """Set a fact, with its seal."""
    connection.execute("UPDATE facts SET value = ?, seal = ? WHERE name = ?", (value, seal_of(name, value), name))


def _note_open(connection: sqlite3.Connection, path: Path) -> None:
    """Write that the log belongs to the journal from now on, into the file itself."""
    write_fact(connection, "is_open", 1)
    (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise JournalLocked(f"another process reads {path}: let it end first")
