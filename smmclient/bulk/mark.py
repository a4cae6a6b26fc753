"""How far a journal is known to have come, in a small file of its own beside it.

SQLite takes a log whose end is missing for one that was never longer, and an older copy of a file for the file. Neither
can be told by looking at them. So the number of the last durable write is kept here as well: a journal that knows of
fewer writes has lost some. It is written after each write, without waiting for the disk: what ends with the process or
is done to the files is noticed for sure, what a power cut does only as far as the disk was told.

The file may be missing or damaged: then there is one witness less, and that is all.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

__all__ = ["Mark", "mark_path"]

_LAYOUT = struct.Struct(">4s16sQ")
_SUM = struct.Struct(">I")
_MAGIC = b"SMMK"


def mark_path(path: Path) -> Path:
    """Where the mark of the journal at that path is."""
    return path.with_name(f"{path.name}-mark")


class Mark:
    """The mark of one run, told from others by its salt. It never fails: without it the journal is as good."""

    def __init__(self, path: Path, salt: bytes) -> None:
        self._path = mark_path(path)
        self.salt = salt
        self._run = blake2b(b"mark", key=salt, digest_size=16).digest()
        self._file: int | None = None

    def read(self) -> int:
        """How many writes are known to have been durable; 0 where nobody knows."""
        try:
            found = self._path.read_bytes()[: _LAYOUT.size + _SUM.size]
            magic, run, commits = _LAYOUT.unpack(found[: _LAYOUT.size])
            (checksum,) = _SUM.unpack(found[_LAYOUT.size :])
        except (OSError, struct.error):
            return 0
        is_ours = magic == _MAGIC and run == self._run and checksum == zlib.crc32(found[: _LAYOUT.size])
        return int(commits) if is_ours else 0

    def write(self, commits: int) -> None:
        """Note that so many writes are durable."""
        with suppress(OSError):
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            start = _LAYOUT.pack(_MAGIC, self._run, commits)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, start + _SUM.pack(zlib.crc32(start)))

    def close(self) -> None:
        """Let go of the file, with what is in it on the disk."""
        if self._file is not None:
            with suppress(OSError):
                os.fsync(self._file)
            with suppress(OSError):
                os.close(self._file)
            self._file = None
