"""A run as one HTML page for people."""

from __future__ import annotations

from typing import TextIO

from smmclient.bulk.entry import Entry
from smmclient.bulk.export.base import Export
from smmclient.bulk.export.cells import clock
from smmclient.bulk.export.charts import charts
from smmclient.bulk.export.digest import Digest
from smmclient.bulk.export.page import page
from smmclient.bulk.export.sections import doubts, tables, tiles
from smmclient.texts import clean

__all__ = ["HtmlExport"]


class HtmlExport(Export):
    """The figures, plots and tables of a run on one page without scripts, written when it is closed.

    Only sums and the first rows of each table are kept, so a million rows take no more memory than a thousand.
    """

    def __init__(self, file: TextIO, *, title: str, made_at: float) -> None:
        super().__init__(file)
        self._title = clean(title)
        self._made_at = clock(made_at)
        self._digest = Digest()

    def _add(self, entry: Entry) -> None:
        self._digest.add(entry)

    def _finish(self) -> None:
        digest = self._digest
        parts = doubts(digest) + tiles(digest) + charts(digest) + tables(digest)
        if not digest.rows:
            parts += "<p>The run has no rows.</p>"
        self._file.write(page(title=self._title, made_at=self._made_at, parts=parts))
