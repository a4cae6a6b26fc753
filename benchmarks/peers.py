"""How do others do? smmclient beside the HTTP libraries by themselves and the Python clients that one can install."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from attrs import define, field, frozen

from benchmarks.catalog import rows as catalog_rows
from benchmarks.clients.drive import Ended, Timed, drive
from benchmarks.clients.install import PEERS, install
from benchmarks.clients.panel import MOST_IDS, PER, RATE, Tally, bookkeeping_panel
from benchmarks.panels import _process, _receive
from benchmarks.tables import Table, median, ratio, us

AT_ONCE = 100
IDS = [str(number) for number in range(7_000_001, 7_001_001)]
LOST = 100
OVER_LIMIT = 200
#: Rows of the catalog that the panel has: optsmm asks for it before each order.
SERVICES = 10
#: Column, class of `benchmarks.clients`, and the package that it needs.
SUBJECTS = (
    ("smmclient, httpx", "ours:OverHttpx", None),
    ("smmclient, aiohttp", "ours:OverAiohttp", None),
    ("raw httpx", "raw:RawHttpx", None),
    ("raw aiohttp", "raw:RawAiohttp", None),
    ("smmpy", "blocking:Smmpy", "smmpy"),
    ("babismm", "sessions:Babismm", "babismm"),
    ("safesmm", "blocking:Safesmm", "safesmm"),
    ("optsmm", "asynchronous:Optsmm", "optsmm"),
)
#: What orders per second are compared to.
MEASURE = "raw aiohttp"
NONE = "-"


@define
class Subject:
    """One column: a client in its process, or the reason why it is not there."""

    name: str
    client: str
    missing: str | None = None
    connection: Connection | None = None
    samples: list[Timed] = field(factory=list)
    cells: dict[str, str] = field(factory=dict)

    @property
    def is_ours(self) -> bool:
        return self.client.startswith("ours:")

    def ask(self, command: str, **options: object) -> Any:
        assert self.connection is not None
        self.connection.send((command, options))
        return _receive(self.connection)


@frozen
class Place:
    """The panel that all of them are sent to. Each client has a path of its own for each way to behave."""

    origin: str
    tally: Callable[[str], Tally]

    def of(self, subject: Subject, way: str) -> tuple[str, str]:
        path = f"/{way}/{subject.client.replace(':', '-').lower()}"
        return self.origin + path, path


# ------------------------------------------------------------------------------------------------- the questions


def speed(subject: Subject, place: Place, first: int, count: int) -> None:
    url, _ = place.of(subject, "plain")
    # Connections that had no work for a while are closed: each sample opens its own before it is timed.
    subject.ask("orders", url=url, first=first, count=2 * AT_ONCE)
    sample: Timed = subject.ask("orders", url=url, first=first, count=count)
    if sample.ended.placed != count:
        raise AssertionError(f"{subject.name}: of {count} orders that nothing stood in the way of: {sample.ended.text}")
    subject.samples.append(sample)


def statuses(subject: Subject, place: Place) -> None:
    url, path = place.of(subject, "plain-statuses")
    size = subject.ask("ids_a_call", url=url)
    if size == 0:
        return
    if size != 1:
        known = subject.ask("statuses", url=url, ids=IDS, size=len(IDS))
        subject.cells["known"] = f"{known:,}"
    before = place.tally(path).requests
    known = subject.ask("statuses", url=url, ids=IDS, size=size or len(IDS))
    requests = place.tally(path).requests - before
    subject.cells["requests"] = f"{requests:,}" if known == len(IDS) else f"{requests:,} for {known:,}"


def lost_replies(subject: Subject, place: Place) -> list[str]:
    """The first reply about each order is lost; at a plain panel, then at one that knows request_ids."""
    broken = _lost(subject, place, "lost")
    if subject.is_ours:
        broken += _lost(subject, place, "keyed", panel="notpanel")
        again: Timed = subject.ask("orders", url=place.of(subject, "lost/keyed")[0], first=0, count=LOST)
        subject.cells["again told"] = again.ended.text
        broken += _count_lost(subject, place, "keyed")
    return broken


def _lost(subject: Subject, place: Place, row: str, **options: object) -> list[str]:
    url, _ = place.of(subject, f"lost/{row}")
    timed: Timed = subject.ask("orders", url=url, first=0, count=LOST, **options)
    subject.cells[f"{row} told"] = timed.ended.text
    return _count_lost(subject, place, row)


def _count_lost(subject: Subject, place: Place, row: str) -> list[str]:
    tally = place.tally(place.of(subject, f"lost/{row}")[1])
    subject.cells |= {f"{row} made": f"{tally.orders:,}", f"{row} twice": f"{tally.twice:,}"}
    if subject.is_ours and (tally.twice or tally.orders != LOST):
        return [f"peers: {subject.name}, {row}: {tally.orders} orders made of {LOST}, {tally.twice} twice"]
    return []


def odd_receipts(subject: Subject, place: Place) -> None:
    for way in ("null", "list", "nothing"):
        url, _ = place.of(subject, way)
        ended: Ended = subject.ask("orders", url=url, first=0, count=1).ended
        subject.cells[way] = ended.way


def money(subject: Subject, place: Place) -> None:
    kinds = [subject.ask("balance", url=place.of(subject, way)[0]) for way in ("text", "number")]
    subject.cells["money"] = ", ".join(kinds)


def over_limit(subject: Subject, place: Place) -> list[str]:
    url, path = place.of(subject, "limited")
    options = {"limit": (RATE, PER)} if subject.is_ours else {}
    timed: Timed = subject.ask("orders", url=url, first=0, count=OVER_LIMIT, **options)
    denied, failed = place.tally(path).denied, OVER_LIMIT - timed.ended.placed
    subject.cells |= {"denied": f"{denied:,}", "failed": f"{failed:,}", "limited time": f"{timed.seconds:.1f} s"}
    return [f"peers: {subject.name}: {denied} requests denied, {failed} failed"] if subject.is_ours and denied else []


# ------------------------------------------------------------------------------------------------------ the table


@contextmanager
def at_work() -> Iterator[list[Subject]]:
    """Each subject in a process of its own. One that cannot be had is there too, and says why."""
    installed = install()
    with ExitStack() as stack:
        subjects = []
        for name, client, package in SUBJECTS:
            version = "" if package is None else " " + PEERS[package][0].partition("==")[2]
            subject = Subject(name + version, client)
            where = None if package is None else installed[package]
            if isinstance(where, str):
                subject.missing = where
            else:
                start(subject, where, stack)
            subjects.append(subject)
        yield subjects


def start(subject: Subject, where: Path | None, stack: ExitStack) -> None:
    try:
        place = None if where is None else str(where)
        _, subject.connection = stack.enter_context(_process(drive, subject.client, place, AT_ONCE))
    except Exception as error:
        if subject.is_ours:
            raise
        subject.missing = f"{type(error).__name__}: {error}"


def ask_all(subjects: list[Subject], place: Place, *, count: int, rounds: int) -> list[str]:
    """Every question to every subject that is there; what did not hold."""
    broken = []
    for number in range(rounds):
        for subject in there(subjects):
            survive(subject, speed, place, number * count, count)
    for subject in there(subjects):
        for question in (statuses, lost_replies, odd_receipts, money, over_limit):
            broken += cast("list[str]", survive(subject, question, place) or [])
    return broken


def there(subjects: list[Subject]) -> Iterator[Subject]:
    return (subject for subject in subjects if subject.missing is None)


def survive(subject: Subject, question: Callable[..., object], *about: object) -> object:
    """Ask; what a client of others cannot do at all is said in its column, and fails nothing."""
    if subject.missing is not None:
        return None
    try:
        return question(subject, *about)
    except Exception as error:
        if subject.is_ours:
            raise
        subject.missing = f"{type(error).__name__}: {error}"
        return None


def measure(quick: bool) -> tuple[Table, ...]:
    catalog = json.dumps(catalog_rows(SERVICES, odd=0.0)).encode()
    with at_work() as subjects, bookkeeping_panel(catalog) as (origin, tally):
        count, rounds = (100, 2) if quick else (400, 5)
        broken = ask_all(subjects, Place(origin, tally), count=count, rounds=rounds)
        return (_table(subjects, broken, count, rounds),)


#: What each row says, by the name of its cells.
LABELS: Mapping[str, str] = {
    "speed": f"orders per second, {AT_ONCE} in flight",
    "ratio": f"… ratio to {MEASURE}",
    "cpu": "CPU per order",
    "known": f"statuses known after one call for {len(IDS):,}",
    "requests": f"requests until all {len(IDS):,} are known",
    "lost made": f"first reply to `add` lost, {LOST} asked for: orders made",
    "lost twice": "… **orders made twice**",
    "lost told": "… what the client said",
    "keyed told": "the same with NotPanel's request_id: what the client said",
    "again told": "… and when all were asked for again, with the same request_ids",
    "keyed made": "… orders made, all in all",
    "keyed twice": "… **orders made twice**",
    "null": '`add` answered `{"order": null}`',
    "list": "`add` answered `[]`",
    "nothing": "`add` answered `null`",
    "money": "type of a balance sent as text, as a number",
    "denied": f"{OVER_LIMIT} orders against {RATE} requests per {PER:g} s: **429s**",
    "failed": "… orders that failed",
    "limited time": "… time until all had ended",
}


def _table(subjects: list[Subject], broken: list[str], count: int, rounds: int) -> Table:
    measured = {one.name: median([count / sample.seconds for sample in one.samples]) for one in subjects if one.samples}
    for subject in there(subjects):
        per_second = measured[subject.name]
        subject.cells |= {
            "speed": f"{per_second:,.0f}",
            "ratio": ratio(per_second / measured[MEASURE]) if MEASURE in measured else NONE,
            "cpu": us(median([sample.cpu / count for sample in subject.samples])),
        }
    missing = [f"{subject.name} is not there ({subject.missing})." for subject in subjects if subject.missing]
    return Table(
        title="Peers: what else can be installed",
        columns=("", *(subject.name for subject in subjects)),
        rows=[
            (label, *(subject.cells.get(name, "not there" if subject.missing else NONE) for subject in subjects))
            for name, label in LABELS.items()
        ],
        reading=" ".join((READING, f"Medians of {rounds} rounds of {count} orders.", *missing)),
        broken=broken,
    )


READING = (
    "Each client is in a process of its own, is used as its README says, and posts to the same bare server, over "
    "plain HTTP on 127.0.0.1. "
    f"*Driven:* smmclient as a `v2` panel with {AT_ONCE} connections and a limit that is never met; httpx.AsyncClient "
    f"and aiohttp.ClientSession with {AT_ONCE} connections and the form by hand (httpx's pool looks at all its "
    "connections for each request, hence its column); smmpy, babismm and safesmm from "
    f"{AT_ONCE} threads (babismm with a client, so a session, a thread; the other two have no session to keep and "
    f"connect for each call); optsmm from {AT_ONCE} tasks, where each order is three requests with a session each: "
    f"the catalog (here {SERVICES} rows), the balance, and `add` by GET. "
    "*CPU* is user and system time of the client's process. "
    f"*Statuses:* the panel answers the first {MOST_IDS} ids of a call and leaves out the rest, as several do; for "
    f"the second row the caller cuts the ids up, by {MOST_IDS} where a client has a call for several, singly where "
    "it has none. "
    "*First reply lost:* the panel makes the order and closes the connection; asked about the same link again, it "
    "answers. What was made twice was paid twice. With a request_id smmclient repeats by itself, within its quota of "
    "retries; what it did not repeat is `safe_to_repeat`. The others send no request_id. "
    "*Answered oddly:* a type of error, or what the call returns as if all were well. "
    f"*429s:* the window slides, every request counts, and smmclient was told the limit (`Settings.limits`); the "
    "others cannot be. "
    "The rows in bold must be 0 for smmclient, or `run.py` fails; of the others they are what was found. "
    "A dash: there is no such call."
)
