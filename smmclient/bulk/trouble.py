"""What SQLite's errors mean for a run, and what to do about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smmclient.errors import JournalCorrupt, JournalError, JournalLocked

__all__ = ["KEEP", "NOT_OURS", "meaning", "translated"]

KEEP = "keep the file as it is, order nothing again from it, and compare with the panel what was placed"
NOT_OURS = "name the file that --run made"


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with what to do about them."""
    try:
        yield
    except sqlite3.Error as error:
        raise meaning(error, path) from error
    except UnicodeDecodeError as error:
        # What SQLite says of a damaged file may quote what is damaged.
        raise JournalCorrupt(f"{path} is damaged ({error}): {KEEP}") from error


def meaning(error: sqlite3.Error, path: Path) -> JournalError:
    """One of SQLite's errors as ours."""
    name, text = getattr(error, "sqlite_errorname", None) or "", str(error)
    if name.startswith("SQLITE_NOTADB"):
        return JournalCorrupt(f"{path} is not a run's journal, or its first page is lost: {NOT_OURS}")
    if name.startswith("SQLITE_CORRUPT") or "decode to UTF-8" in text or "user-defined" in text:
        return JournalCorrupt(f"{path} is damaged ({error}): {KEEP}")
    if name.startswith("SQLITE_FULL"):
        return JournalError(f"the disk of {path} is full: make room, then `smm bulk resume` goes on where it stopped")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalLocked(f"another process holds {path}: let it end first")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        what = "written" if name.startswith("SQLITE_READONLY") else "opened"
        return JournalError(f"{path} cannot be {what} ({error}): check the folder, its permissions and its disk")
    return JournalError(f"{path} cannot be used ({error}): check the disk, then resume")
