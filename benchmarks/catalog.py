"""How long does a big catalog take to become typed values, how long does the loop stand still, and what is held?"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import json
import random
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal

import aiohttp
import cattrs
import msgspec
from attrs import frozen

from benchmarks.clients.panel import bookkeeping_panel
from benchmarks.tables import Table, interleaved, median, ms, ratio
from smmclient import Settings, connect
from smmclient.catalog import Catalog
from smmclient.dialect import V2
from smmclient.transport import AiohttpTransport, HttpxTransport
from smmclient.wire import WireReply

ROWS = 20_000
ODD = 0.02
OURS = "smmclient: Catalog of Service"
OURS_ODD = f"smmclient, {ODD:.0%} of the rows odd"
OURS_LOOKED_AT = "smmclient, and every Service looked at"
STRUCTS = "msgspec to structs"
BOUND = 120.0
#: Seconds between two ticks of the task that notes how long the loop stood still.
TICK = 0.001


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


@frozen
class AttrsRow:
    """The same as an attrs class."""

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


def rows(count: int = ROWS, *, odd: float) -> list[dict[str, object]]:
    draw = random.Random(11)
    made: list[dict[str, object]] = []
    for number in range(1, count + 1):
        row: dict[str, object] = {
            "service": number,
            "name": f"Instagram Followers | {number} | Max 500K | R30 ♻️",
            "type": "Default",
            "category": f"Instagram Likes [{number % 180}]",
            "rate": f"{draw.uniform(0.001, 40):.4f}",
            "min": str(draw.choice((10, 50, 100))),
            "max": str(draw.choice((1000, 50_000, 10_000_000))),
            "refill": draw.random() < 0.5,
            "cancel": draw.random() < 0.5,
        }
        if draw.random() < odd:
            row = {name: value for name, value in {**row, **draw.choice(ODDITIES)}.items() if value is not MISSING}
        made.append(row)
    return made


MISSING = object()
#: Readable ones first: the last five are problems.
ODDITIES: tuple[dict[str, object], ...] = (
    {"rate": 0.24000000000000002},
    {"rate": "1,234.50"},
    {"category": None, "type": None},
    {"refill": "1", "cancel": 0},
    {"refill": "false", "cancel": "30 days"},
    {"min": "10.0"},
    {"refill": MISSING, "cancel": MISSING, "type": MISSING},
    {"rate": "ask us"},
    {"min": 5000, "max": 100},
    {"max": MISSING},
    {"rate": MISSING},
    {"service": None},
)


def read(body: bytes) -> Catalog:
    services, problems = V2.read(WireReply(200, {"content-type": "application/json"}, body), V2.services())
    return Catalog(services, problems)


def look_at_all(body: bytes) -> Catalog:
    catalog = read(body)
    for _ in catalog:
        pass
    return catalog


def others() -> dict[str, Callable[[bytes], object]]:
    """What else reads a body."""
    structs = msgspec.json.Decoder(list[Row], strict=False)
    straight = msgspec.json.Decoder(list[AttrsRow], strict=False)
    converter = cattrs.Converter()
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    found: dict[str, Callable[[bytes], object]] = {
        STRUCTS: structs.decode,
        "msgspec straight to attrs classes": straight.decode,
        "msgspec to dicts, cattrs to attrs classes": lambda body: converter.structure(
            msgspec.json.decode(body), list[AttrsRow]
        ),
        "msgspec to dicts": msgspec.json.decode,
        "json.loads": json.loads,
    }
    if importlib.util.find_spec("orjson") is not None:
        found["orjson to dicts"] = importlib.import_module("orjson").loads
    return found


def measure(quick: bool) -> tuple[Table, ...]:
    body = json.dumps(rows(odd=0.0)).encode()
    return (_reading(body, 2 if quick else 7), _fetching(body, 2 if quick else 5))


# ----------------------------------------------------------------------------------------------------- to decode


def _reading(body: bytes, rounds: int) -> Table:
    odd_body = json.dumps(rows(odd=ODD)).encode()
    found = read(odd_body)
    if len(read(body)) != ROWS or len(found) + len(found.problems) != ROWS:
        raise AssertionError("a row was lost")
    readers = others()
    subjects: dict[str, tuple[Callable[[bytes], object], bytes]] = {
        OURS: (read, body),
        OURS_ODD: (read, odd_body),
        OURS_LOOKED_AT: (look_at_all, body),
    }
    subjects |= {name: (reader, body) for name, reader in readers.items()}
    odd = {OURS_ODD: f"{len(found):,} and {len(found.problems)} problems"}
    odd |= {name: _with_odd_rows(reader, odd_body) for name, reader in readers.items()}
    timed = interleaved({name: _bound(*subject) for name, subject in subjects.items()}, rounds=rounds)
    took = {name: median(all_of) for name, all_of in timed.items()}
    held = {name: _held(*subject) for name, subject in subjects.items()}
    return Table(
        title=f"Catalog: {ROWS:,} rows of {len(body) / ROWS:.0f} bytes",
        columns=("", "time", "per row", "ratio to structs", "peak per row", "kept per row", f"with {ODD:.0%} odd rows"),
        rows=[
            (
                name,
                ms(took[name]),
                f"{took[name] / ROWS * 1e6:.1f} µs",
                ratio(took[name] / took[STRUCTS]),
                *(f"{size / ROWS:,.0f} B" for size in held[name]),
                odd.get(name, "-"),
            )
            for name in subjects
        ],
        reading=(
            "From the body's bytes to values. Ours are checked, every row; a `Service`, with its exact decimals, is "
            "built when it is first looked at, and its `raw` row decoded when that is: the third line is for all of "
            "them. Structs and attrs classes have what the convention documents; dicts are whatever the panel sent. "
            "Memory is what tracemalloc counts, without the body: at the most while reading, and with the result in "
            "hand. The odd rows: float rates, thousands separators, flags as text, null and missing fields, min above "
            "max, prices that are none. Ours makes services of what can be read and lists the rest as problems; what "
            "decodes the whole list by types refuses all of it. orjson is in the table where it is installed."
        ),
    )


def _bound(reader: Callable[[bytes], object], body: bytes) -> Callable[[], object]:
    return lambda: reader(body)


def _with_odd_rows(reader: Callable[[bytes], object], body: bytes) -> str:
    try:
        result = reader(body)
    except Exception as error:
        return f"refuses all: {type(error).__name__}"
    return "typed" if isinstance(result, list) and isinstance(result[0], (Row, AttrsRow)) else "passed on unread"


def _held(reader: Callable[[bytes], object], body: bytes) -> tuple[int, int]:
    """Bytes at the peak of reading, and bytes that the result keeps."""
    gc.collect()
    tracemalloc.start()
    try:
        result = reader(body)
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return peak, kept


# ------------------------------------------------------------------------------------------------------ to fetch


async def _longest_gap(fetch: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The seconds that it took, and the longest time in them in which no other task had its turn."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    started = time.perf_counter()
    result = await fetch()
    seconds = time.perf_counter() - started
    # The tick that was held up comes after the fetch.
    await asyncio.sleep(5 * TICK)
    ticking.cancel()
    del result
    return seconds, longest


async def _fetch_all(url: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    structs = msgspec.json.Decoder(list[Row], strict=False)
    took: dict[str, list[tuple[float, float]]] = {}
    async with asyncio.timeout(BOUND), AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        fetches: dict[str, Callable[[], Awaitable[object]]] = {}
        for kind in (HttpxTransport, AiohttpTransport):
            transport = kind()
            stack.push_async_callback(transport.aclose)
            settings = Settings(limits=(), cache=False)
            panel = connect("v2", api_key="key", base_url=url, settings=settings, transport=transport)
            fetches[f"smmclient, {kind.__name__}"] = panel.services

        async def by_hand() -> object:
            async with session.post(url, data={"key": "key", "action": "services"}) as reply:
                return structs.decode(await reply.read())

        fetches["aiohttp and msgspec to structs"] = by_hand
        for number in range(rounds + 1):
            for name, fetch in fetches.items():
                gc.collect()
                sample = await _longest_gap(fetch)
                if number:
                    took.setdefault(name, []).append(sample)
    return took


def _fetching(body: bytes, rounds: int) -> Table:
    with bookkeeping_panel(body) as (origin, _):
        took = asyncio.run(_fetch_all(f"{origin}/plain/catalog", rounds))
    return Table(
        title=f"Catalog: {ROWS:,} rows fetched through a provider",
        columns=("", "time", "the loop stands still for at most", "worst of all rounds"),
        rows=[
            (
                name,
                ms(median([seconds for seconds, _ in samples])),
                ms(median([gap for _, gap in samples])),
                ms(max(gap for _, gap in samples)),
            )
            for name, samples in took.items()
        ],
        reading=(
            f"A task beside the fetch ticks every {TICK * 1e3:g} ms and notes the longest time between two ticks. "
            "Whatever else the program does waits for that long, once for each time that the catalog is fetched: "
            "a provider keeps it for an hour if nothing else is said."
        ),
    )
