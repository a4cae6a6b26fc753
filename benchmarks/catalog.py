"""How long does a big catalog take to become typed values? Ours, msgspec structs, and plain json.loads."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal

import msgspec

from benchmarks.tables import Table, interleaved, median, ms, ratio
from smmclient.catalog import Catalog
from smmclient.dialect import V2
from smmclient.wire import WireReply

ROWS = 20_000
ODD = 0.02


class Row(msgspec.Struct):
    """What the convention documents, and nothing else is let in."""

    service: int
    name: str
    type: str
    category: str
    rate: Decimal
    min: int
    max: int
    refill: bool
    cancel: bool
    dripfeed: bool = False


def rows(*, odd: float) -> list[dict[str, object]]:
    draw = random.Random(11)
    made: list[dict[str, object]] = []
    for number in range(1, ROWS + 1):
        row: dict[str, object] = {
            "service": number,
            "name": f"Instagram Followers | {number} | Max 500K | 30 Days Refill ♻️",
            "type": "Default",
            "category": f"Instagram Followers [{number % 180}]",
            "rate": f"{draw.uniform(0.001, 40):.4f}",
            "min": str(draw.choice((10, 50, 100))),
            "max": str(draw.choice((1000, 50_000, 10_000_000))),
            "refill": draw.random() < 0.5,
            "cancel": draw.random() < 0.5,
        }
        if draw.random() < odd:
            row.update(draw.choice(ODDITIES))
        made.append(row)
    return made


#: Readable ones first: the last three rows are problems.
ODDITIES: tuple[dict[str, object], ...] = (
    {"category": None},
    {"type": None},
    {"refill": "1", "cancel": 0},
    {"refill": "30 days"},
    {"rate": "1,234.50"},
    {"min": "10.0"},
    {"rate": "ask us"},
    {"max": None},
    {"service": None},
)


def measure(quick: bool) -> tuple[Table, ...]:
    return tuple(_compare(odd, 2 if quick else 7) for odd in (0.0, ODD))


def _compare(odd: float, rounds: int) -> Table:
    body = json.dumps(rows(odd=odd)).encode()
    reply = WireReply(200, {"content-type": "application/json"}, body)
    operation = V2.services()
    structs = msgspec.json.Decoder(list[Row], strict=False)

    def ours() -> Catalog:
        services, problems = V2.read(reply, operation)
        return Catalog(services, problems)

    found = ours()
    if len(found) + len(found.problems) != ROWS:
        raise AssertionError("a row was lost")

    def structured() -> object:
        try:
            return structs.decode(body)
        except msgspec.ValidationError:
            return None

    copes = structured() is not None
    subjects: dict[str, Callable[[], object]] = {"smmclient: Catalog of Service": ours}
    if copes:
        subjects["msgspec structs"] = structured
    subjects |= {"msgspec, untyped": lambda: msgspec.json.decode(body), "json.loads": lambda: json.loads(body)}
    took = {name: median(all_of) for name, all_of in interleaved(subjects, rounds=rounds).items()}
    figures = [
        (name, ms(took[name]), f"{took[name] / ROWS * 1e6:.1f} µs", ratio(took[name] / took["json.loads"]))
        for name in subjects
    ]
    if not copes:
        figures.insert(1, ("msgspec structs", "gives up", "-", "-"))
    return Table(
        title=f"Catalog: {ROWS:,} rows, {len(body) / 1e6:.1f} MB" + (f", {odd:.0%} of them odd" if odd else ""),
        columns=("", "time", "per row", "ratio to json.loads"),
        rows=figures,
        reading=(
            f"Of the odd rows (null fields, flags as text, thousands separators, prices that are none) {len(found):,} "
            f"became services and {len(found.problems)} are listed as problems; one typed decoder for the whole list "
            "refuses all of it."
            if odd
            else "From the body's bytes to typed values with exact decimals. The event loop stands still for that "
            "long, once an hour."
        ),
    )
