"""Orders from a CSV file, or an error that names the line and the column. Pure.

Columns: ``service``, ``link`` and ``quantity``; ``panel``, ``runs`` and ``interval`` may be missing or empty.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from attrs import frozen

from smmclient.cli.outcome import CallError
from smmclient.errors import InvalidOrder
from smmclient.orders import Order

__all__ = ["DemoOrder", "read_orders"]

_NEEDED = ("service", "link", "quantity")
_COLUMNS = ("panel", *_NEEDED, "runs", "interval")
_MOST_TOLD = 5


@frozen
class DemoOrder:
    """One row: the panel that it goes to, and the order."""

    line: int
    panel: str
    order: Order


def read_orders(path: Path | None, panels: Sequence[str], *, panel: str | None = None) -> list[DemoOrder]:
    """The orders of the file, or of the one that ships with the package.

    A row without a panel goes to ``panel``, or to each of ``panels`` in turn.
    """
    if panel is not None and panel not in panels:
        raise CallError(f"the demo has no panel {panel!r}", hint=f"it has {' and '.join(panels)}")
    if path is None:
        text, name = files("smmclient.cli").joinpath("demo_orders.csv").read_text(encoding="utf-8"), "demo_orders.csv"
    else:
        name = path.name
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise _unusable(f"{name} is not UTF-8 text: save it as CSV UTF-8") from error
        except OSError as error:
            raise _unusable(f"{name} cannot be read: {error.strerror}") from error
    return list(_parse(text, name, itertools.cycle((panel,) if panel else panels), panels))


def _parse(text: str, name: str, turns: Iterable[str], panels: Sequence[str]) -> Iterable[DemoOrder]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    wrong: list[str] = []
    orders: list[DemoOrder] = []
    try:
        _check_header(reader.fieldnames or (), name)
        # A row takes its turn whether or not it names a panel, so that adding a name moves no other row.
        for row, turn in zip(reader, turns, strict=False):
            try:
                orders.append(_row(reader.line_num, row, turn, panels))
            except _Wrong as error:
                wrong.append(f"line {reader.line_num}, {error}")
    except csv.Error as error:
        # The inner reader counts the line that it stumbled over, the outer one only whole rows.
        raise _unusable(f"{name} line {reader.reader.line_num}: {error}") from error
    if wrong:
        more = f" (and {len(wrong) - _MOST_TOLD} more)" if len(wrong) > _MOST_TOLD else ""
        raise _unusable(f"{name}: {'; '.join(wrong[:_MOST_TOLD])}{more}")
    if not orders:
        raise _unusable(f"{name} holds no orders")
    return orders


def _unusable(message: str) -> CallError:
    return CallError(
        message, hint="nothing was ordered; correct the file: [panel,]service,link,quantity[,runs,interval]"
    )


class _Wrong(Exception):
    """One cell that cannot be used: its column, and why."""


def _check_header(columns: Sequence[str], name: str) -> None:
    if missing := [column for column in _NEEDED if column not in columns]:
        raise _unusable(f"{name} line 1: no column {', '.join(missing)}")
    if unknown := [column for column in columns if column not in _COLUMNS]:
        raise _unusable(f"{name} line 1: unknown column {unknown[0]!r}; known are {', '.join(_COLUMNS)}")


def _row(line: int, row: Mapping[str | None, str | list[str] | None], turn: str, panels: Sequence[str]) -> DemoOrder:
    if None in row:
        raise _Wrong("more cells than columns")
    cells = {column: value.strip() for column, value in row.items() if column and isinstance(value, str)}
    panel = cells.get("panel") or turn
    if panel not in panels:
        raise _Wrong(f"column panel: {panel!r} is not one of {', '.join(panels)}")
    for column in _NEEDED:
        if not cells.get(column):
            raise _Wrong(f"column {column}: it is empty")
    try:
        order = Order(
            service=cells["service"],
            link=cells["link"],
            quantity=_whole(cells, "quantity") or 0,
            runs=_whole(cells, "runs"),
            interval=_whole(cells, "interval"),
        )
    except InvalidOrder as error:
        # The message begins with the field, which is the column's name.
        raise _Wrong(f"column {error.message}") from None
    return DemoOrder(line, panel, order)


def _whole(cells: Mapping[str, str], column: str) -> int | None:
    text = cells.get(column)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise _Wrong(f"column {column}: {text[:40]!r} is not a whole number")
    return int(text)
