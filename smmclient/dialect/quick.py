"""The quick way through a large catalog: rows of the usual shape become values only when somebody looks at them.

`read_services` says what a catalog means; this gives the same for the body of a bare list. Rows are decoded by their
types, and checked a column at a time. What does not fit is read by `read_row`, like all rows of a smaller reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import compress, count
from operator import eq, gt
from typing import Annotated, cast, overload

import msgspec

from smmclient.catalog import Problem, Service, read_later
from smmclient.dialect.read import Unreadable, read_json, read_text
from smmclient.dialect.services import Pricing, priced, read_row

__all__ = ["ServiceRows", "read_body"]

#: Where fewer than one row in so many has the usual shape, the quick way is none.
_ONE_IN = 2
#: No panel's ids or bounds come near the end of it; what does is looked at by `read_row`.
_Count = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]


class _Row(msgspec.Struct, gc=False):
    """A row as nearly all panels send it. What would be read otherwise by `read_row` does not fit these types.

    Numbers with a point are let in, to be found by their type: without that msgspec takes 7.0 for 7.
    """

    service: _Count | float | str
    rate: str
    min: _Count | float
    max: _Count | float
    name: str | None = None
    type: str | None = None
    category: str | None = None
    refill: bool | None = None
    cancel: bool | None = None
    dripfeed: bool | None = None
    # What has one of these, be it null, is another shape.
    original_rate: msgspec.UnsetType = msgspec.UNSET
    discount_percent: msgspec.UnsetType = msgspec.UNSET
    rate1K: msgspec.UnsetType = msgspec.UNSET


class _NumberRow(_Row, gc=False):
    """The same with its price as it is written, which may be a number: a float would change its digits."""

    rate: msgspec.Raw  # type: ignore[assignment]


_rows = msgspec.json.Decoder(list[_Row], strict=False)
_row = msgspec.json.Decoder(_Row, strict=False)
_number_row = msgspec.json.Decoder(_NumberRow, strict=False)
_raws = msgspec.json.Decoder(list[msgspec.Raw])

#: Lines with a price below the figures that stand for "not for sale".
_prices = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,30})?\n)*+")


def read_body(body: bytes, pricing: Pricing) -> tuple[ServiceRows, tuple[Problem, ...]] | None:
    """What `read_services` makes of the body, the services unbuilt; None where that has to look at it itself."""
    if body[:1] != b"[":
        return None
    try:
        try:
            rows = _rows.decode(body)
        except msgspec.ValidationError:
            # Some row has another shape: all of them, one at a time.
            return _with_odd_rows(body, None, pricing)
        if len(rows) < 2:
            return None
        return _with_odd_rows(body, rows, pricing) if _odd(rows) else (ServiceRows(rows, pricing, body), ())
    except (msgspec.MsgspecError, Unreadable, ValueError, ArithmeticError, RecursionError):
        return None


def _odd(rows: Sequence[_Row]) -> set[int]:
    """The places of rows that need a second look, found a column at a time.

    Ids are compared only where nothing else is odd; `_with_odd_rows` compares them itself.
    """
    odd: set[int] = set()
    smallest, largest = [row.min for row in rows], [row.max for row in rows]
    for column in (smallest, largest):
        if set(map(type, column)) != {int}:
            odd.update(at for at, value in enumerate(column) if type(value) is not int)
    if any(map(gt, smallest, largest)):
        odd.update(compress(count(), map(gt, smallest, largest)))
    odd.update(_no_prices([row.rate for row in rows]))
    ids = [row.service for row in rows]
    are_numbers = set(map(type, ids)) == {int}
    if not are_numbers:
        odd.update(at for at, one in enumerate(ids) if not _is_number(one))
    if not odd and len(set(ids if are_numbers else map(str, ids))) < len(ids):
        odd.update(range(len(rows)))
    return odd


def _no_prices(rates: list[str]) -> Iterator[int]:
    """The places of what is no price as `read_money` takes it without a second look, nor one of a service for sale."""
    # In one text, because to match each would take twice as long as all the rest.
    text = "\n".join([*rates, ""])
    if text.count("\n") != len(rates):
        yield from range(len(rates))
        return
    start = place = 0
    while start < len(text):
        end = cast("re.Match[str]", _prices.match(text, start)).end()
        place += text.count("\n", start, end)
        if end < len(text):
            yield place
            place += 1
            end = text.index("\n", end) + 1
        start = end


def _is_number(one: object) -> bool:
    return type(one) is int or (type(one) is str and one.isascii() and one.isdigit() and len(one) <= 30)


def _row_by_row(raws: Sequence[msgspec.Raw]) -> list[_Row | None] | None:
    """The rows, None for one of another shape; None if most are."""
    rows: list[_Row | None] = []
    odd = 0
    decode = _row.decode
    for raw in raws:
        try:
            rows.append(decode(raw))
        except msgspec.ValidationError:
            rows.append(row := _with_number(raw))
            odd += row is None
            if odd > 10 + len(rows) // _ONE_IN:
                return None
    return rows


def _with_number(raw: msgspec.Raw) -> _Row | None:
    """The row, if it is the usual one but for a price that is a number; that is kept as it is written."""
    try:
        row = _number_row.decode(raw)
    except msgspec.ValidationError:
        return None
    row.rate = bytes(row.rate).decode("utf-8", "replace")  # type: ignore[assignment]
    return row


def _with_odd_rows(
    body: bytes, rows: Sequence[_Row] | None, pricing: Pricing
) -> tuple[ServiceRows, tuple[Problem, ...]] | None:
    raws = _raws.decode(body)
    shaped: list[_Row | None] | None = _row_by_row(raws) if rows is None else [*rows]
    if shaped is None or len(shaped) < 2:
        return None
    places = [at for at, row in enumerate(shaped) if row is not None]
    for odd in _odd([row for row in shaped if row is not None]):
        shaped[places[odd]] = None
    kept: list[_Row | Service] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(shaped, 1):
        if row is not None and seen.setdefault(str(row.service), number) == number:
            kept.append(row)
            continue
        found = read_row(number, read_json(bytes(raws[number - 1])), seen, pricing)
        if isinstance(found, Service):
            kept.append(found)
        else:
            problems.append(found)
    left_out = {problem.row for problem in problems}
    numbers = [number - 1 for number in range(1, len(raws) + 1) if number not in left_out]
    return ServiceRows(kept, pricing, body, numbers), tuple(problems)


class ServiceRows(Sequence[Service]):
    """The services of a body, each made when it is first looked at, and its ``raw`` row when that is."""

    def __init__(
        self, rows: Sequence[_Row | Service], pricing: Pricing, body: bytes, numbers: Sequence[int] | None = None
    ) -> None:
        self._rows: list[_Row | Service] = list(rows)
        self._numbers = numbers
        self._pricing = pricing
        self._body = body
        self._raws: list[msgspec.Raw] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Service: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Service, ...]: ...
    def __getitem__(self, index: int | slice) -> Service | tuple[Service, ...]:
        if isinstance(index, slice):
            return tuple(map(self.__getitem__, range(len(self._rows))[index]))
        row = self._rows[index]
        if isinstance(row, Service):
            return row
        at = range(len(self._rows))[index]
        service = self._rows[at] = self._build(row, at)
        return service

    def __iter__(self) -> Iterator[Service]:
        return map(self.__getitem__, range(len(self._rows)))

    def ids(self) -> list[str]:
        """The ids of all services, in order; none is built for that."""
        return [row.id if isinstance(row, Service) else str(row.service) for row in self._rows]

    def _build(self, row: _Row, at: int) -> Service:
        service = Service(
            str(row.service),
            read_text(row.name) or "",
            read_text(row.type) or "",
            read_text(row.category),
            Decimal(row.rate),
            int(row.min),
            int(row.max),
            row.refill,
            row.cancel,
            row.dripfeed,
        )
        return read_later(priced(service, self._pricing), self._row_of)

    def raw(self, at: int) -> object:
        """The decoded row of the service at that place; its text, if a field that nobody needs cannot be decoded."""
        if self._raws is None:
            self._raws = _raws.decode(self._body)
        text = bytes(self._raws[at if self._numbers is None else self._numbers[at]])
        try:
            return read_json(text)
        except Unreadable:
            return text.decode("utf-8", "replace")

    @cached_property
    def _row_of(self) -> Callable[[str], object]:
        """The decoded row of the service with that id. One function for all of them, which are many."""
        places = {one: at for at, one in enumerate(self.ids())}

        def row_of(service: str) -> object:
            return self.raw(places[service])

        return row_of

    # -- as the tuple that it stands for

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, ServiceRows)):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} services>"

    def __reduce__(self) -> tuple[type[tuple[Service, ...]], tuple[tuple[Service, ...]]]:
        return tuple, (tuple(self),)
