"""What every export is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TextIO

from smmclient.bulk.entry import Entry

__all__ = ["Export"]


class Export(ABC):
    """Rows in, a file out. The file is the caller's: UTF-8, opened with ``newline=""``, and never closed here."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._closed = False

    def add(self, entry: Entry) -> None:
        """Take in the next row."""
        if self._closed:
            raise ValueError("the export is closed: it takes no more rows")
        self._add(entry)

    def close(self) -> None:
        """Write what is not written yet. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._finish()
            self._file.flush()

    @abstractmethod
    def _add(self, entry: Entry) -> None: ...

    def _finish(self) -> None:  # noqa: B027 - most have nothing left to write
        pass
