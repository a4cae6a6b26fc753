"""A run as a CSV file that opens in a spreadsheet and that the reader of orders takes again."""

from __future__ import annotations

import csv
import json
from typing import TextIO

from smmclient.bulk.cells import BadCell, column_of
from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.export.base import Export
from smmclient.bulk.export.cells import instant, money
from smmclient.forms import FIELDS, kind_of
from smmclient.texts import clean, defuse, tidy, undefuse

__all__ = ["COLUMNS", "CsvExport"]

_FIRST = ("service", "link", "quantity")
#: The fields of orders under their own names: these are read again.
_ORDER = _FIRST + tuple(name for name in FIELDS if name not in _FIRST)
_OWN = (
    "#order_id",
    "#request_id",
    "#cost",
    "#charge",
    "#spent",
    "#returned",
    "#order_state",
    "#raw_state",
    "#start_count",
    "#remains",
    "#currency",
    "#sent_at",
    "#ended_at",
    "#status_at",
    "#latency",
    "#error",
    "#reason",
)
#: The reader of orders passes over the names that begin with ``#``.
COLUMNS: tuple[str, ...] = ("#number", "#source", "#line", "ref", "panel", "#state", "type", *_ORDER, "#other", *_OWN)


class CsvExport(Export):
    """UTF-8 with a byte order mark, CRLF, commas, a line a row. Open the file with ``newline=""``.

    A parameter that has no column, or that the reader would not make the same text of, stands as JSON in ``#other``.
    The ``type`` of such a row, and of an invalid one, says so and is none that can be ordered: read again as it is, it
    could become another order. Who mends the row writes the type anew, or empties it.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        file.write("\ufeff")
        self._writer = csv.writer(file, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def _add(self, entry: Entry) -> None:
        row = [str(entry.number), tidy(entry.source), str(entry.line), *_order(entry), *_own(entry)]
        self._writer.writerow([defuse(cell) if cell else "" for cell in row])


def _order(entry: Entry) -> list[str]:
    given = _as_written(entry) if entry.order is None else entry.order.parameters()
    kind = given.pop("type", "") if entry.order is None else kind_of(entry.order)
    ref = entry.ref or entry.written.get("ref", "")
    panel = entry.panel or entry.written.get("panel", "")
    cells = {name: tidy(text) for name, text in given.items() if name in _ORDER}
    # A cell that was wrong in the file is as wrong here.
    other = {
        name: text
        for name, text in given.items()
        if not (text and cells.get(name) == text and (entry.order is None or _is_read_again(name, text)))
    }
    # Under another ref the reader would not know the row again.
    other |= {f"#{name}": text for name, text in (("ref", ref), ("panel", panel)) if not _is_read_again(name, text)}
    if entry.order is None or entry.state is RowState.INVALID:
        # A bad row may have lost cells on the way here: what is left of it can look like an order.
        kind = f"{kind} (invalid, see #reason)"
    elif other:
        kind = f"{kind} (see #other)"
    shown = [tidy(ref), tidy(panel), entry.state.value, tidy(kind)]
    return [*shown, *(cells.get(name, "") for name in _ORDER), json.dumps(other) if other else ""]


def _is_read_again(name: str, text: str) -> bool:
    """Whether the reader of orders makes the same text of the cell."""
    try:
        return column_of(name).read(undefuse(defuse(tidy(text)))) == text
    except BadCell:
        return False


def _as_written(entry: Entry) -> dict[str, str]:
    """The cells of a row without an order, but for those that have a column of ours."""
    return {
        # Line ends mean nothing more than that; and the mark of a formula that the file had is made anew.
        name: undefuse(text).replace("\r\n", "\n")
        for name, text in entry.written.items()
        if text.strip() and not name.startswith("#") and name not in ("ref", "panel")
    }


def _own(entry: Entry) -> list[str]:
    status = entry.status
    return [
        clean(entry.order_id or ""),
        entry.request_id or "",
        money(entry.cost),
        money(entry.charge),
        money(entry.spent),
        money(entry.returned),
        "" if status is None else status.state.value,
        "" if status is None else clean(status.raw_state),
        "" if status is None or status.start_count is None else str(status.start_count),
        "" if status is None or status.remains is None else str(status.remains),
        "" if status is None else clean(status.currency or ""),
        instant(entry.sent_at),
        instant(entry.ended_at),
        instant(entry.status_at),
        "" if entry.latency is None else f"{entry.latency:.3f}",
        clean(entry.error or ""),
        clean(entry.reason or ""),
    ]
