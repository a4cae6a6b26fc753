"""A run as JSON Lines: everything that is known of each row, as it is."""

from __future__ import annotations

import json
from decimal import Decimal

from smmclient.bulk.entry import Entry
from smmclient.bulk.export.base import Export
from smmclient.bulk.export.cells import money
from smmclient.forms import kind_of
from smmclient.model import OrderStatus
from smmclient.orders import AnyOrder

__all__ = ["JsonLinesExport"]


class JsonLinesExport(Export):
    """One object a line, in ASCII, keys always in the same order; money is text, what is not known is null."""

    def _add(self, entry: Entry) -> None:
        self._file.write(json.dumps(_row(entry), allow_nan=False))
        self._file.write("\n")


def _row(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "source": entry.source,
        "line": entry.line,
        "ref": entry.ref,
        "panel": entry.panel,
        "state": entry.state.value,
        "order": None if entry.order is None else _order(entry.order),
        "written": dict(entry.written),
        "cost": _money(entry.cost),
        "request_id": entry.request_id,
        "repeat_until": entry.repeat_until,
        "sends": entry.sends,
        "sent_at": entry.sent_at,
        "ended_at": entry.ended_at,
        "order_id": entry.order_id,
        "charge": _money(entry.charge),
        "error": entry.error,
        "reason": entry.reason,
        "status": None if entry.status is None else _status(entry.status),
        "status_at": entry.status_at,
        "latency": entry.latency,
        "spent": _money(entry.spent),
        "returned": _money(entry.returned),
    }


def _order(order: AnyOrder) -> dict[str, object]:
    # Apart from the kind: a raw order may have a parameter of that name.
    return {"kind": kind_of(order), "parameters": order.parameters()}


def _status(status: OrderStatus) -> dict[str, object]:
    return {
        "order": status.order,
        "state": status.state.value,
        "raw_state": status.raw_state,
        "charge": _money(status.charge),
        "start_count": status.start_count,
        "remains": status.remains,
        "currency": status.currency,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)
