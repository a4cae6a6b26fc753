"""Which accounts a run is bound to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from smmclient.bulk.journal import Bound
from smmclient.bulk.rows import Rows
from smmclient.bulk.schema import seal_of
from smmclient.errors import JournalMismatch

__all__ = ["bind"]


def bind(db: sqlite3.Connection, path: Path, panels: Sequence[Bound], *, is_same_account: bool) -> None:
    """See `Journal.bind`. When it raises, the transaction that it is in is to be undone."""
    (salt,) = db.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()
    for one in panels:
        # Salted, so that the hash cannot be looked up, nor runs of one account be told to be of one.
        account = blake2b(one.account.encode(), key=salt, digest_size=16).hexdigest()
        known = db.execute("SELECT * FROM panels WHERE panel = ?", (one.panel,)).fetchone()
        if known is not None and known["provider"] != one.provider:
            raise JournalMismatch(
                f"in {path}, {one.panel} is the provider {known['provider']}, not {one.provider}: "
                "name the panel or profile that the run was begun with"
            )
        if known is not None and known["account"] == account:
            continue
        if known is not None and not is_same_account:
            raise JournalMismatch(
                f"{path} was begun with another key or address for {one.panel}: use that one; if it is a "
                "new key of the same account, say so with --same-account (is_same_account)"
            )
        values = (one.panel, one.provider, account, one.base_url)
        db.execute("INSERT OR REPLACE INTO panels VALUES (?, ?, ?, ?, ?)", (*values, seal_of(*values)))
        if known is not None:
            # Whether a request_id belongs to the key or to the account, no panel documents.
            Rows(db).forget_repeats(one.panel)
