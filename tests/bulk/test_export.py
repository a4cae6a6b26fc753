"""A run written out: CSV, JSON Lines and the HTML page."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, localcontext
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.export import CsvExport, Export, HtmlExport, JsonLinesExport
from smmclient.bulk.source import BadRow, Row, Source
from smmclient.errors import InvalidOrder
from smmclient.forms import FIELDS, build_order
from smmclient.model import OrderState, OrderStatus
from smmclient.orders import AnyOrder, CommentsOrder, Order, PackageOrder, PollOrder, RawOrder, SubscriptionOrder
from smmclient.texts import defuse

T0 = 1_763_668_800.0
LINK = "https://e.example/p"
NASTY = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\x1b[31m\x1b]0;owned\x07\x00\u202e&amp;'
SPACE = "\u202f"


def row(number: int = 1, state: RowState = RowState.PENDING, **given: Any) -> Entry:
    """A row of panel ``bon``, with the rest as it is wanted."""
    base = Entry(
        number=number,
        source="f.csv",
        line=number + 1,
        ref=f"r{number}",
        panel="bon",
        state=state,
        order=Order(7, LINK, 100),
    )
    return attrs.evolve(base, **given)


def done(number: int, paid: str | None = "1.50", *, at: float = T0, **given: Any) -> Entry:
    """A row that was placed half a second after it was sent."""
    charge = None if paid is None else Decimal(paid)
    return row(number, RowState.DONE, charge=charge, sent_at=at, ended_at=at + 0.5, **given)


def status(state: OrderState, charge: str | None, currency: str | None = "USD") -> OrderStatus:
    """What the panel says of an order."""
    return OrderStatus("1", state, state.value.title(), None if charge is None else Decimal(charge), 5, 0, currency)


def written(make: Callable[[io.StringIO], Export], entries: Iterable[Entry]) -> str:
    """What the export writes for those rows."""
    file = io.StringIO(newline="")
    export = make(file)
    for entry in entries:
        export.add(entry)
    export.close()
    return file.getvalue()


def as_csv(*entries: Entry) -> list[dict[str, str]]:
    """The rows of the CSV file, as a spreadsheet has them."""
    text = written(CsvExport, entries)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def as_json(*entries: Entry) -> list[dict[str, Any]]:
    """The objects of the JSON Lines file."""
    text = written(JsonLinesExport, entries)
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


class Page(HTMLParser):
    """The page taken apart; fails where a tag is not closed, or where something could run or be fetched."""

    KNOWN = re.compile(
        "html|head|meta|title|style|body|header|main|footer|section|h1|h2|p|code|dl|div|dt|dd|small|figure|figcaption"
        "|ul|li|table|thead|tbody|tr|th|td|svg|rect|text|line|polygon|polyline"
    )

    def __init__(self, *entries: Entry) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tiles: dict[str, list[str]] = {}
        self.tables: dict[str, list[dict[str, str]]] = {}
        self.tips: dict[str, list[str]] = {}
        self.words = ""
        self.source = written(lambda file: HtmlExport(file, title="Night <run>", made_at=T0), entries)
        self._heading = self._cell = ""
        self._heads: list[str] = []
        self._cells: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_decl(self, decl: str) -> None:
        """It is HTML of today."""
        assert decl == "DOCTYPE html"

    def handle_comment(self, data: str) -> None:
        """There are none."""
        raise AssertionError(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that the page may have, with nothing that acts."""
        assert self.KNOWN.fullmatch(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("href", "src", "srcset", "style", "action", "xlink:href")
            assert "\x1b" not in (value or "")
        if tag == "meta":
            return
        self.open.append(tag)
        self._cell = ""
        if tag == "svg":
            assert dict(attrs)["role"] == "img"
            assert dict(attrs)["aria-label"]
        if tag == "table":
            self._heads = []
        if tag == "tr":
            self._cells = []

    def handle_endtag(self, tag: str) -> None:
        """It closes the tag that was opened last."""
        assert self.open.pop() == tag
        if tag == "h2":
            self._heading = self._cell
        elif tag == "th":
            self._heads.append(self._cell)
        elif tag == "td":
            self._cells.append(self._cell)
        elif tag == "tr" and self._cells:
            self.tables.setdefault(self._heading, []).append(dict(zip(self._heads, self._cells, strict=True)))
        elif tag == "title" and "svg" in self.open:
            self.tips.setdefault(self._heading, []).append(self._cell)
        elif tag == "dt":
            self._tile = self._cell
            self.tiles[self._tile] = []
        elif tag in ("dd", "small") and self._cell:
            self.tiles[self._tile].append(self._cell)
            self._cell = ""

    def handle_data(self, data: str) -> None:
        """Text of what is open."""
        self._cell += data
        if "style" in self.open:
            assert "url(" not in data
            assert "@import" not in data
        else:
            self.words += data

    def count(self, tile: str) -> int:
        """The figure of a tile; 0 for one that is not shown."""
        return int("".join(self.tiles.get(tile, ["0"])).replace(SPACE, ""))


# --- CSV ---


def read_again(folder: Path, *entries: Entry) -> list[Row | BadRow]:
    """What the reader of orders makes of the CSV file."""
    path = folder / "again.csv"
    path.write_text(written(CsvExport, entries), encoding="utf-8", newline="")
    return list(Source(path))


@pytest.mark.parametrize(
    "order",
    [
        Order("7", LINK, 100, runs=2, interval=30, coupon="X"),
        PackageOrder("7", LINK),
        CommentsOrder("7", LINK, ["=nice", "+1, really", 'so "good" 😀', "-5"]),
        SubscriptionOrder("7", "@bob", 10, 20, posts=3, expiry="31/12/2027"),
        PollOrder("7", LINK, 5, "-2"),
        RawOrder("7", {"link": LINK, "quantity": "5"}),
        RawOrder("7", {"link": "＝x", "media": "'=x", "comments": " \u200b-x"}),
    ],
    ids=lambda order: type(order).__name__,
)
def test_orders_are_read_again_from_the_csv(order: AnyOrder, tmp_path: Path) -> None:
    """The reader makes the same order of the file, with the same key for the same panel."""
    (again,) = read_again(tmp_path, row(order=order))
    assert isinstance(again, Row)
    assert (again.ref, again.panel) == ("r1", "bon")
    assert build_order(again.kind, again.cells) == order


def test_our_own_columns_cannot_be_taken_for_an_orders() -> None:
    """All that the reader does not know begins with #."""
    (cells,) = as_csv(row())
    ours = {name for name in cells if not name.startswith("#")}
    assert ours == {"ref", "panel", "type", *FIELDS}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("speed", "5"),
        ("panel", "5"),
        ("ref", "5"),
        ("#state", "5"),
        ("link", "a\r\nb"),
        ("comments", ""),
        ("quantity", "1.000"),
        ("quantity", "007"),
        ("expiry", "2027-12-31"),
    ],
)
def test_an_order_that_would_be_read_as_another_is_not_read(name: str, text: str, tmp_path: Path) -> None:
    """A parameter without a column, or that the reader would change, makes the type one that it does not know."""
    entry = row(order=RawOrder("7", {"media": "m", name: text}))
    (cells,) = as_csv(entry)
    assert json.loads(cells["#other"]) == {name: text}
    (again,) = read_again(tmp_path, entry)
    assert not _can_be_ordered(again)


def _can_be_ordered(again: Row | BadRow) -> bool:
    try:
        return isinstance(again, Row) and bool(build_order(again.kind, again.cells))
    except InvalidOrder:
        return False


def test_the_csv_says_what_became_of_a_row() -> None:
    """Money in plain digits, ids as text, times in UTC, panel text without controls."""
    (cells,) = as_csv(
        done(
            3,
            "0.000001",
            order_id="00123",
            request_id="q-1",
            cost=Decimal("1E-6"),
            error="X",
            reason="a\x1b[31mb\nc",
            status=status(OrderState.PARTIAL, "1.5E-6"),
            status_at=T0 + 1,
        )
    )
    got = {name[1:]: cell for name, cell in cells.items() if name.startswith("#") and cell}
    assert got == {
        "number": "3",
        "source": "f.csv",
        "line": "4",
        "state": "done",
        "order_id": "00123",
        "request_id": "q-1",
        "cost": "0.000001",
        "charge": "0.000001",
        "spent": "0.0000015",
        "returned": "-0.0000005",
        "order_state": "partial",
        "raw_state": "Partial",
        "start_count": "5",
        "remains": "0",
        "currency": "USD",
        "sent_at": "2025-11-20T20:00:00.000Z",
        "ended_at": "2025-11-20T20:00:00.500Z",
        "status_at": "2025-11-20T20:00:01.000Z",
        "latency": "0.500",
        "error": "X",
        "reason": "ab c",
    }


def test_a_row_that_cannot_be_ordered_keeps_what_was_written() -> None:
    """Cells with a column stand in it, the others as JSON; what our own exports added is passed over."""
    cells = {"service": "7", "quantity": "12k", "comments": "a\r\nb", "colour": "=x", "#state": "done", "link": ""}
    (got,) = as_csv(row(state=RowState.INVALID, order=None, written=cells))
    assert (got["service"], got["quantity"], got["comments"], got["link"]) == ("7", "12k", "a\nb", "")
    assert json.loads(got["#other"]) == {"colour": "=x"}
    assert got["#state"] == "invalid"


def test_an_invalid_row_is_ordered_only_when_somebody_has_mended_it(tmp_path: Path) -> None:
    """What is left of a row whose link had a comma looks like an order: with its type emptied it is one."""
    cells = {"service": "7", "link": "https://e.example/?a=1", "quantity": "2", "coupon": "'@x"}
    bad = row(state=RowState.INVALID, order=None, written=cells, reason="more cells than columns")
    (again,) = read_again(tmp_path, bad)
    assert not _can_be_ordered(again)
    assert again.cells == {**cells, "coupon": "@x"}
    assert build_order(None, again.cells) == Order("7", "https://e.example/?a=1", 2, coupon="@x")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-x", "'-x"),
        ("-5", "-5"),
        ("-0.25", "-0.25"),
        ("-5-3", "'-5-3"),
        ("-5\n", "'-5\n"),
        ("-١", "'-١"),
        ("@bob", "'@bob"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("  =x", "'  =x"),
        ("\n=x", "'\n=x"),
        ("\u00a0\ufeff\u200b=x", "'\u00a0\ufeff\u200b=x"),
        ("＝x", "'＝x"),
        ("＋x", "'＋x"),
        ("－x", "'－x"),
        ("＠x", "'＠x"),
        ("'=x", "''=x"),
        ("'twas", "'twas"),
        ("a=b", "a=b"),
        ("", ""),
        ("5", "5"),
    ],
)
def test_formulas_are_defused(text: str, cell: str) -> None:
    """What a spreadsheet would run gets a quote; numbers and plain text stay."""
    assert defuse(text) == cell


texts = st.one_of(st.text(), st.text("=+-@＝＋－＠'\t\r\n <>&\"/;,\x1b[]ab5\ud800"), st.just(NASTY))


@given(texts, texts, st.sampled_from(["link", "quantity", "comments", "expiry", "answer_number", "service", "type"]))
def test_no_row_is_read_as_another_order(
    tmp_path_factory: pytest.TempPathFactory, text: str, ref: str, name: str
) -> None:
    """What is read again is the same order under the same ref, or none."""
    try:
        order = RawOrder("7", {"media": "m", name: text})
    except InvalidOrder:
        return
    folder = tmp_path_factory.getbasetemp()
    for again in read_again(folder, row(order=order, ref=ref), row(order=order)):
        if isinstance(again, Row) and _can_be_ordered(again):
            assert build_order(again.kind, again.cells).parameters() == order.parameters()
            assert (again.ref or "") in (ref, "r1")


@given(texts, texts, texts, texts)
def test_no_text_gets_out_of_its_cell(link: str, reason: str, ref: str, panel: str) -> None:
    """It is neither a formula nor a control sequence in the CSV, nor a tag on the page, and never another column."""
    hostile = row(
        state=RowState.DOUBT, order=RawOrder("7", {"l": "x"}), ref=ref, panel=panel, reason=reason, source=link
    )
    invalid = attrs.evolve(hostile, state=RowState.INVALID, order=None, written={"link": link, reason: ref})
    others = [attrs.evolve(hostile, state=state) for state in (RowState.REFUSED, RowState.DONE)]
    entries = [hostile, invalid, *others]
    for cells in as_csv(*entries):
        assert None not in cells
        for cell in cells.values():
            assert cell.lstrip()[:1] not in tuple("=+@＝＋－＠")
            assert not cell.lstrip().startswith("-") or re.fullmatch(r"-[0-9]+(\.[0-9]+)?", cell)
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cell)
    page = Page(*entries)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page.source)
    assert page.count("Rows") == 4
    page.source.encode()


# --- JSON Lines ---


def test_json_lines_hold_everything_as_it_is() -> None:
    """Every field of the row, money as text, texts untouched, keys in one order."""
    full = done(
        1,
        "0.0000010",
        cost=Decimal("1E-6"),
        ref=NASTY,
        request_id="q",
        repeat_until=T0 + 9,
        order_id="00123",
        error="E",
        reason=NASTY,
        status=status(OrderState.CANCELED, "0"),
        status_at=T0 + 3,
        order=RawOrder("7", {"kind": "odd", "link": LINK}),
    )
    got, empty = as_json(full, row(2, RowState.INVALID, order=None, written={"link": NASTY}))
    assert {one.name for one in attrs.fields(Entry)} <= got.keys()
    assert list(got) == list(empty)
    assert got["order"] == {"kind": "raw", "parameters": {"service": "7", "kind": "odd", "link": LINK}}
    assert (got["cost"], got["charge"], got["spent"], got["returned"]) == ("0.000001", "0.0000010", "0", "0.0000010")
    assert (got["ref"], got["reason"], got["state"]) == (NASTY, NASTY, "done")
    assert (got["sent_at"], got["repeat_until"], got["order_id"]) == (T0, T0 + 9, "00123")
    assert got["status"] == {
        "order": "1",
        "state": "canceled",
        "raw_state": "Canceled",
        "charge": "0",
        "start_count": 5,
        "remains": 0,
        "currency": "USD",
    }
    assert (empty["order"], empty["written"], empty["cost"]) == (None, {"link": NASTY}, None)


# --- HTML ---


def test_an_empty_run_makes_a_page() -> None:
    """With nothing in it but zeros."""
    page = Page()
    assert page.count("Rows") == 0
    assert "no rows" in page.words
    assert not page.tables


def test_the_page_asks_nothing_of_anybody() -> None:
    """Its policy forbids scripts and every fetch, and texts are shown as they are."""
    page = Page(
        row(1, RowState.DOUBT, ref=NASTY, reason=NASTY, order=RawOrder("7", {"link": "javascript:alert(1)"})),
        row(2, RowState.REFUSED, error=NASTY, reason=NASTY, sent_at=T0, ended_at=T0),
        row(3, RowState.INVALID, order=None, written={NASTY: "x"}),
    )
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.source
    assert "<script" not in page.source
    (doubt,) = page.tables["1 order in doubt"]
    assert doubt["Link"] == "javascript:alert(1)"
    assert doubt["Ref"] == '<script>alert(1)</script>"><img src=x onerror=alert(1)>&amp;'


def test_doubt_comes_first_and_says_what_to_do() -> None:
    """Each row in doubt stands before all other figures, with its key, its time and its price."""
    page = Page(
        done(1),
        row(2, RowState.DOUBT, cost=Decimal("2.5"), request_id="q-2", sent_at=T0, error="OutcomeUnknown", reason="cut"),
        row(3, RowState.DOUBT),
    )
    first, second = page.tables["2 orders in doubt"]
    assert first == {
        "Ref": "r2",
        "Line": "f.csv:3",
        "Panel": "bon",
        "Service": "7",
        "Link": LINK,
        "Cost": "2.5",
        "Request id": "q-2",
        "Sent at (UTC)": "2025-11-20 20:00:00",
        "Why": "OutcomeUnknown: cut",
    }
    assert second["Cost"] == "not known"
    assert page.source.index("in doubt</h2>") < page.source.index('class="tiles"')
    assert "smm bulk doubt" in page.words
    assert "smm bulk resolve" in page.words
    assert page.tiles["At risk, in doubt"] == ["2.50 bon's currency", "cost of 1 row not known"]
    assert "No row is in doubt" in Page(done(1)).words


def test_money_is_added_up_by_currency_and_what_is_unknown_is_said() -> None:
    """Panels with the same currency are added, others are not; a row of unknown cost is counted, not taken as 0."""
    page = Page(
        done(1, "0.1", status=status(OrderState.COMPLETED, None)),
        done(2, "0.2"),
        done(3, "3", panel="two", status=status(OrderState.PARTIAL, "1")),
        done(4, "5", panel="lira", status=status(OrderState.CANCELED, "0", "TRY")),
        done(5, "7", panel="mute"),
        done(6, None),
        done(7, None, panel="two", status=status(OrderState.CANCELED, None)),
    )
    assert page.tiles["Spent"] == [
        "7.00 mute's currency",
        "1.30 USD",
        "0.00 TRY",
        "cost of 2 rows not known",
    ]
    assert page.tiles["Came back"] == ["5.00 TRY", "2.00 USD", "what came back of 1 row not known"]
    panels = {cells["Panel"]: (cells["Spent"], cells["Came back"]) for cells in page.tables["Panels"]}
    assert panels == {
        "bon": ("0.30 USD; of 1 row not known", ""),
        "two": ("1.00 USD; of 1 row not known", "2.00 USD; of 1 row not known"),
        "lira": ("0.00 TRY", "5.00 TRY"),
        "mute": ("7.00", ""),
    }
    back = page.tables["Partial, canceled and refunded: 3 orders"]
    assert [cells["Came back"] for cells in back] == ["2 USD", "5 TRY", "not known"]


def test_many_currencies_are_told_apart() -> None:
    """The first four have plots, six a line in the tile; a panel whose statuses name ever new ones is cut off aloud."""
    page = Page(
        *(done(n, str(n), panel=f"p{n}", status=status(OrderState.PENDING, None, f"C{n}")) for n in range(1, 9))
    )
    assert page.tiles["Spent"][0] == "8.00 C8"
    assert page.tiles["Spent"][-1] == "and 2 more accounts, see the panels"
    assert "Not drawn: 4.00 C4, 3.00 C3, 2.00 C2, 1.00 C1." in page.words
    page = Page(*(done(n, "1", status=status(OrderState.PENDING, None, f"C{n}")) for n in range(1, 13)))
    assert "cost of 4 rows not known" in page.tiles["Spent"][-1]


def test_sums_are_exact_whatever_the_callers_precision() -> None:
    """Decimals are added in a context of our own."""
    with localcontext(prec=3):
        page = Page(done(1, "123456789012345678901234567890.1"), done(2, "0.00000000000000000001"))
    assert (
        page.tiles["Spent"][0].replace(SPACE, "")
        == "123456789012345678901234567890.10000000000000000001 bon's currency"
    )


def test_the_plots_show_what_was_counted() -> None:
    """Bars over time add up to the outcomes, and the bars of services to what was spent."""
    chance = random.Random(5)
    states = [RowState.DONE, RowState.REFUSED, RowState.DOUBT]
    entries = []
    for number in range(1, 400):
        at = T0 + chance.random() * 40_000
        made = done(number, str(chance.randrange(1, 900) / Decimal(100)), at=at, order=Order(number % 20, LINK, 100))
        entries.append(attrs.evolve(made, state=chance.choice(states)))
    page = Page(*entries)
    told = Counter[str]()
    for tip in page.tips["Orders over time"]:
        name, count = re.fullmatch(r".* UTC: (placed|refused|in doubt) (\d+)", tip).groups()  # type: ignore[union-attr]
        told[name] += int(count)
    assert told == {
        "placed": page.count("Placed"),
        "refused": page.count("Refused"),
        "in doubt": page.count("In doubt"),
    }
    spent = sum((entry.spent or Decimal(0) for entry in entries if entry.state is RowState.DONE), Decimal(0))
    bars = [tip.rpartition(": ") for tip in page.tips["Spent by service, bon's currency"]]
    assert len(bars) == 16
    assert bars[-1][0] == "5 others"
    assert sum(Decimal(text.replace(SPACE, "")) for _, _, text in bars) == spent
    until = [tip.rpartition(": ")[2] for tip in page.tips["Money spent over time, bon's currency"]]
    assert Decimal(until[-1].replace(SPACE, "")) == spent
    assert len(until) <= 120


def test_latency_is_told_to_five_percent() -> None:
    """The median and the 95th percentile, and the page says how exact they are."""
    page = Page(*(row(n, RowState.DONE, sent_at=T0, ended_at=T0 + n / 100) for n in range(1, 1001)))
    median, slow = re.search(r"Median ([\d.]+) s, 95 % within ([\d.]+) s\.", page.words).groups()  # type: ignore[union-attr]
    assert float(median) == pytest.approx(5, rel=0.055)
    assert float(slow) == pytest.approx(9.5, rel=0.055)
    assert "exact to 5 %" in page.words
    assert sum(int(tip.rpartition(": ")[2]) for tip in page.tips["Latency"]) == 1000


def test_refusals_are_counted_by_reason_with_their_first_lines() -> None:
    """The most frequent first."""
    page = Page(
        *(row(n, RowState.REFUSED, error="InvalidLink", reason="private") for n in range(1, 8)),
        row(8, RowState.REFUSED, error="Refused", reason="no"),
    )
    first, second = page.tables["Refusals"]
    assert first == {
        "Rows": "7",
        "Error": "InvalidLink",
        "Reason": "private",
        "First lines": "f.csv:2, f.csv:3, f.csv:4, f.csv:5, f.csv:6",
    }
    assert second["Rows"] == "1"
    assert page.tips["Refusals by reason"] == ["private: 7", "no: 1"]


def test_time_and_pace_are_told() -> None:
    """From the first to the last send."""
    page = Page(*(done(n, at=T0 + n * 60) for n in range(11)))
    assert page.tiles["First to last send"] == ["10 min"]
    assert page.tiles["Orders per minute"] == ["1.1"]
    assert Page(done(1)).tiles["Orders per minute"] == ["–"]


moments = st.one_of(st.none(), st.floats(0, 4e9), st.sampled_from([float("inf"), 1e300, -5.0]))
amounts = st.one_of(st.none(), st.decimals(-10, 10**6, places=4))
statuses = st.one_of(
    st.none(),
    st.builds(
        OrderStatus,
        order=st.just("1"),
        state=st.sampled_from(OrderState),
        raw_state=texts,
        charge=amounts,
        currency=st.one_of(st.none(), st.sampled_from(["USD", "TRY"]), texts),
    ),
)
orders = st.sampled_from([None, Order(7, LINK, 100), RawOrder("8", {"x": "y"}), SubscriptionOrder(9, "u", 1, 2)])
mixes = st.builds(
    Entry,
    number=st.integers(1, 10**6),
    source=texts,
    line=st.integers(0, 10**6),
    ref=texts,
    panel=st.one_of(st.sampled_from(["bon", "two", ""]), texts),
    state=st.sampled_from(RowState),
    order=orders,
    written=st.dictionaries(texts, texts, max_size=3),
    cost=amounts,
    charge=amounts,
    sent_at=moments,
    ended_at=moments,
    order_id=st.one_of(st.none(), texts),
    error=st.one_of(st.none(), texts),
    reason=st.one_of(st.none(), texts),
    status=statuses,
)


@given(st.lists(mixes, max_size=12))
def test_any_mix_of_rows_adds_up(entries: list[Entry]) -> None:
    """The tiles to the rows, and so do the panels; the placed orders to their states, and both files have all rows."""
    page = Page(*entries)
    kinds = ("Placed", "Refused", "In doubt", "Not sent", "Invalid", "On the way")
    assert sum(map(page.count, kinds)) == page.count("Rows") == len(entries)
    assert sum(int(cells["Rows"]) for cells in page.tables.get("Panels", [])) == len(entries)
    states = page.tips.get("Where the placed orders stand", [])
    assert sum(int(tip.rpartition(": ")[2]) for tip in states) == page.count("Placed")
    assert len(as_csv(*entries)) == len(entries)


@pytest.mark.parametrize("state", RowState)
def test_rows_that_nothing_is_known_of_are_shown(state: RowState) -> None:
    """Everything that may be None is."""
    empty = Entry(number=1, source="", line=0, ref="", panel="", state=state, order=None)
    assert Page(empty).count("Rows") == 1
    (cells,) = as_csv(empty)
    assert cells["#state"] == state.value
    assert as_json(empty)[0]["state"] == state.value


def test_a_run_in_doubt_as_a_whole_is_cut_but_counted() -> None:
    """The table ends after 500 rows and says so."""
    page = Page(*(row(n, RowState.DOUBT, sent_at=T0 + n) for n in range(1, 1202)))
    assert page.count("In doubt") == 1201
    assert len(page.tables[f"1{SPACE}201 orders in doubt"]) == 500
    assert f"The first 500 rows of 1{SPACE}201." in page.words


def test_a_flood_of_names_is_counted_together() -> None:
    """Services, reasons and panels beyond what is kept are others; no row and no known amount of a panel is lost."""
    page = Page(
        *(done(n, "0.01", order=Order(n, LINK, 1)) for n in range(1, 1501)),
        *(row(n, RowState.REFUSED, reason=f"no {n}", panel=f"p{n}") for n in range(1501, 2901)),
    )
    assert page.tiles["Spent"] == ["15.00 bon's currency"]
    assert sum(int(cells["Rows"].replace(SPACE, "")) for cells in page.tables["Panels"]) == 2900
    assert len(page.tables["Panels"]) == 51
    assert len(page.tables["Services"]) == 50
    refusals = [int(re.sub(r"\D", "", tip.rpartition(": ")[2])) for tip in page.tips["Refusals by reason"]]
    assert sum(refusals) == 1400
    assert len(page.source) < 400_000


# --- all three ---


@pytest.mark.parametrize("make", [CsvExport, JsonLinesExport, lambda file: HtmlExport(file, title="", made_at=T0)])
def test_a_closed_export_is_closed(make: Callable[[io.StringIO], Export]) -> None:
    """Closing twice writes once, the file stays open, and no row comes after it."""
    file = io.StringIO(newline="")
    export = make(file)
    export.close()
    text = file.getvalue()
    export.close()
    assert file.getvalue() == text
    with pytest.raises(ValueError, match="closed"):
        export.add(row())


class Sink(io.StringIO):
    """A file that forgets what is written to it."""

    longest = 0

    def write(self, text: str) -> int:
        """Count only."""
        self.longest = max(self.longest, len(text))
        return len(text)


def flood(count: int) -> Iterator[Entry]:
    """Rows with long texts, all different, in every state."""
    states = list(RowState)
    for number in range(1, count + 1):
        made = done(
            number,
            "0.0123",
            at=T0 + number * 1.7,
            order=Order(number % 3000, f"{LINK}/{number}" * 20, 100),
            reason=f"reason {number} " * 30,
            ref=f"ref {number} " * 10,
        )
        yield attrs.evolve(made, state=states[number % len(states)])


@pytest.mark.parametrize("make", [CsvExport, JsonLinesExport, lambda file: HtmlExport(file, title="", made_at=T0)])
def test_memory_is_bounded(make: Callable[[io.StringIO], Export]) -> None:
    """Six thousand rows take less than 5 MB beyond the page itself."""
    tracemalloc.start()
    try:
        export = make(sink := Sink())
        for entry in flood(6_000):
            export.add(entry)
        _, peak = tracemalloc.get_traced_memory()
        export.close()
        _, peak_of_all = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    # The page is put together from parts: it is there a few times, never all rows.
    assert peak_of_all < 5_000_000 + 4 * sink.longest
