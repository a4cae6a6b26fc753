"""Rows against the catalog: what is wrong is named, what is good is priced, and nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_lab import World, begin, rows
from smmclient import (
    Catalog,
    CommentsOrder,
    ConfigError,
    JournalMismatch,
    Order,
    PackageOrder,
    RawOrder,
    Service,
    Settings,
    Unreachable,
    UsageError,
)
from smmclient.bulk import Budget, Problem, Report, RowState, Source, SqliteJournal, admit, check
from smmclient.bulk.checking import check_row
from smmclient.bulk.journal import NewRow
from smmclient.bulk.source import Row
from smmclient.dialect import V2
from smmclient.panel import Panel
from smmclient.sandbox import Limits
from smmclient.testing import ManualClock, ScriptedTransport
from smmclient_notpanel import NOTPANEL
from smmclient_panelbon import PANELBON


def service(number: int, kind: str, **more: Any) -> Service:
    """A service of that type at 2 for 1,000, from 10 to 5,000 units."""
    return Service(str(number), f"Service {number}", kind, None, Decimal(2), more.pop("min", 10), 5000, **more)


CATALOG = Catalog(
    (
        service(1, "Default", dripfeed=True),
        service(2, "Default", dripfeed=False),
        service(3, "Custom Comments", min=1),
        service(4, "Package", package_units=100),
        service(5, "custom_comments", min=1),
        service(6, "Likes spread"),
        service(7, "Subscriptions"),
        service(8, "Poll"),
    )
)
LINK = "https://example.com/p"


def checked(cells: Mapping[str, str], *, dialect: Any = V2, kind: str | None = None) -> NewRow:
    """A row with these cells, checked."""
    panel = Panel(dialect, api_key="k", base_url="https://p.example/api", transport=ScriptedTransport([]))
    columns = {"quantity": "quantity (C)", "link": "link (B)"}
    return check_row(Row(1, 2, dict(cells), kind=kind), "p", panel, CATALOG, columns)


@pytest.mark.parametrize(
    ("cells", "order", "cost"),
    [
        ({"service": "1", "link": LINK, "quantity": "100"}, Order("1", LINK, 100), "0.2"),
        (
            {"service": "1", "link": LINK, "quantity": "100", "runs": "3", "interval": "5"},
            Order("1", LINK, 100, runs=3, interval=5),
            "0.6",
        ),
        ({"service": "2", "link": "@name", "quantity": "10"}, Order("2", "@name", 10), "0.02"),
        ({"service": "3", "link": LINK, "comments": "a\nb"}, CommentsOrder("3", LINK, ("a", "b")), "0.004"),
        ({"service": "5", "link": LINK, "comments": "a\nb"}, CommentsOrder("5", LINK, ("a", "b")), "0.004"),
        (
            {"service": "3", "link": LINK, "comments": "a\nb", "quantity": "2"},
            CommentsOrder("3", LINK, ("a", "b")),
            "0.004",
        ),
        ({"service": "4", "link": LINK}, PackageOrder("4", LINK), "0.2"),
        ({"service": "4", "link": LINK, "quantity": "1"}, PackageOrder("4", LINK), "0.2"),
        ({"service": "6", "link": LINK, "quantity": "50"}, Order("6", LINK, 50), "0.1"),
        ({"service": "6", "link": LINK, "speed": "9"}, RawOrder("6", {"link": LINK, "speed": "9"}), None),
    ],
)
def test_the_services_type_decides_what_a_row_orders(cells: dict[str, str], order: object, cost: str | None) -> None:
    """Whatever the panel's spelling of it; the cost is exact, and None where nobody can know."""
    row = checked(cells)
    assert row.reason is None
    assert row.order == order
    assert row.cost == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("cells", "kind", "told"),
    [
        ({"link": LINK, "quantity": "100"}, None, "column service: service is empty"),
        ({"service": "404", "link": LINK, "quantity": "100"}, None, "no service '404'"),
        ({"service": "1", "quantity": "100"}, None, r"column link \(B\): Default orders need link"),
        ({"service": "1", "link": LINK}, None, r"column quantity \(C\): Default orders need quantity"),
        (
            {"service": "1", "link": LINK, "quantity": "9"},
            None,
            r"quantity \(C\): service 1 takes 10 to 5000 units, not 9",
        ),
        ({"service": "1", "link": LINK, "quantity": "5001"}, None, "not 5001"),
        ({"service": "1", "link": LINK, "quantity": "100", "interval": "5"}, None, "needs runs"),
        ({"service": "2", "link": LINK, "quantity": "100", "runs": "2"}, None, "service 2 has no drip-feed"),
        ({"service": "1", "link": LINK, "quantity": "100", "comments": "a"}, None, "comments: not a field of Default"),
        ({"service": "3", "link": LINK, "quantity": "100"}, None, "Custom Comments orders need comments"),
        ({"service": "3", "link": LINK, "comments": "a\nb", "quantity": "5"}, None, "comments are 2, not 5"),
        ({"service": "4", "link": LINK, "quantity": "1000"}, None, "Package orders take no quantity"),
        ({"service": "7", "link": LINK, "quantity": "10"}, None, "column link"),
        ({"service": "8", "link": LINK, "quantity": "10"}, None, "Poll orders need answer_number"),
        ({"service": "1", "link": LINK, "quantity": "10"}, "bunch", "type 'bunch' is not known"),
        ({"service": "1", "link": "https://", "quantity": "10"}, None, r"link \(B\): link names no host"),
        ({"service": "1", "link": "https://https://x.example", "quantity": "10"}, None, "names no host"),
        ({"service": "1", "link": "ftp://x.example/", "quantity": "10"}, None, "must begin with http"),
        ({"service": "1", "link": "javascript:alert(1)", "quantity": "10"}, None, "not a web address"),
        ({"service": "1", "link": "https://x.example/a b", "quantity": "10"}, None, "link has a space"),
        ({"service": "1", "link": "a\x00b", "quantity": "10"}, None, "control character"),
    ],
)
def test_what_is_wrong_is_named_by_its_column(cells: dict[str, str], kind: str | None, told: str) -> None:
    """In words that say what to mend."""
    row = checked(cells, kind=kind)
    assert row.order is None
    assert row.error == "InvalidOrder"
    with pytest.raises(UsageError, match=told):
        raise UsageError(row.reason or "")


@pytest.mark.parametrize(
    ("dialect", "cells", "told"),
    [
        (NOTPANEL, {"service": "1", "link": "@name", "quantity": "10"}, "http"),
        (NOTPANEL, {"service": "1", "link": LINK + "x" * 1000, "quantity": "10"}, "1000 characters"),
        (PANELBON, {"service": "1", "link": LINK, "quantity": "10", "runs": "2"}, "drip-feed"),
        (PANELBON, {"service": "3", "link": LINK, "comments": "a"}, "has no Custom Comments orders"),
        (PANELBON, {"service": "1", "link": LINK, "quantity": "10", "coupon": "x"}, "coupons"),
    ],
)
def test_what_the_panels_documents_rule_out_is_known_before(dialect: Any, cells: dict[str, str], told: str) -> None:
    """The same checks as when an order is placed."""
    row = checked(cells, dialect=dialect)
    assert row.order is None
    assert told in (row.reason or "")


@pytest.fixture
def anyio_backend() -> str:
    """The checks are plain; one event loop is enough."""
    return "asyncio"


pytestmark = pytest.mark.anyio


async def report_of(given: list[dict[str, Any]], path: Path, *, world: World, **options: Any) -> Report:
    """Admit rows to the run at ``path``."""
    async with await SqliteJournal.open(path, may_create=True, is_inline=True) as journal:
        return await admit(
            Source.of(given, name=options.pop("name", "rows")),
            journal,
            {world.name: world.panel()},
            panel=world.name,
            **options,
        )


async def found(path: Path) -> list[tuple[str, str]]:
    """Every row's state and ref."""
    async with await SqliteJournal.read(path) as journal:
        return [(entry.state.value, entry.ref) async for entry in journal.entries()]


async def test_the_whole_is_priced_per_service_against_the_balance(tmp_path: Path) -> None:
    """And nothing but the catalog and the balance is asked for."""
    async with ManualClock() as clock:
        world = World.make("notpanel", clock, limits=Limits(), balance=Decimal(1))
        given = rows(5) + rows(2, service=2, start=5) + [{"service": 404, "link": "x", "quantity": 1}]
        async with await SqliteJournal.temporary() as journal:
            report = await check(
                Source.of(given),
                journal,
                {"notpanel": world.panel()},
                panel="notpanel",
                budget=Budget(max_order=Decimal("0.09")),
            )
        assert (report.rows, report.good, report.bad, report.known) == (8, 7, 1, 0)
        (panel,) = report.panels
        assert panel.cost == sum((one.cost for one in report.services), Decimal(0))
        assert panel.balance is not None
        assert panel.is_covered is (panel.balance.amount >= panel.cost)
        assert {one.service: one.rows for one in report.services} == {"1": 5, "2": 2}
        assert [problem.line for problem in report.problems] == [8]
        assert report.held == sum(report.held_because.values())
        assert {action for _, action in world.hits} == {"services", "balance"}


async def test_the_same_order_twice_needs_refs(tmp_path: Path) -> None:
    """Without a ref of its own the second is bad; with one it is let in and counted."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock)
        one = rows(1)[0]
        report = await report_of([one, one, {**one, "ref": "mine"}], tmp_path / "run.db", world=world)
        assert (report.good, report.bad, report.twins) == (2, 1, 1)
        assert "same order as line 1" in report.problems[0].reason
        report = await report_of([one, one], tmp_path / "other.db", world=world, allow_twins=True)
        assert (report.good, report.bad) == (2, 0)


async def test_a_ref_belongs_to_one_row(tmp_path: Path) -> None:
    """Also where the orders differ."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock)
        given = [{**row, "ref": "a"} for row in rows(2)]
        report = await report_of(given, tmp_path / "run.db", world=world)
        assert (report.good, report.bad) == (1, 1)
        assert "'a' is that of line 1" in report.problems[0].reason


async def test_the_same_file_again_adds_nothing(tmp_path: Path) -> None:
    """Another one is a mismatch, unless it is to be added; then what was there before is known."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock)
        path = tmp_path / "run.db"
        await begin(path, world, rows(3))
        assert (await report_of(rows(3), path, world=world)).known == 3
        with pytest.raises(JournalMismatch, match="--add"):
            await report_of(rows(4), path, world=world)
        assert len(await found(path)) == 3
        report = await report_of(rows(4), path, world=world, may_add=True, name="more")
        assert (report.known, report.good) == (3, 1)
        assert len(await found(path)) == 4


async def test_a_corrected_row_goes_when_its_file_is_added(tmp_path: Path) -> None:
    """The bad row stays in the books until then."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock)
        path = tmp_path / "run.db"
        wrong = [{**row, "ref": str(n)} for n, row in enumerate(rows(3))]
        wrong[1]["quantity"] = 1
        report = await report_of(wrong, path, world=world)
        assert (report.good, report.bad) == (2, 1)
        assert sorted(await found(path)) == [("invalid", "1"), ("pending", "0"), ("pending", "2")]
        wrong[1]["quantity"] = 100
        report = await report_of(wrong, path, world=world, may_add=True)
        assert (report.good, report.known, report.bad) == (1, 2, 0)
        assert sorted(await found(path)) == [("pending", "0"), ("pending", "1"), ("pending", "2")]


async def test_strict_and_no_keep_nothing(tmp_path: Path) -> None:
    """Neither does an error on the way."""
    async with ManualClock() as clock:
        world = World.make("panelbon", clock)
        path = tmp_path / "run.db"
        given: list[dict[str, Any]] = [*rows(3), {"service": 1}]
        with pytest.raises(UsageError, match="1 of 4 rows"):
            await report_of(given, path, world=world, is_strict=True)

        async def say_no(report: Report) -> bool:
            assert report.good == 3
            return False

        with pytest.raises(UsageError, match="not agreed"):
            await report_of(given, path, world=world, agree=say_no)

        async def fail(problem: Problem) -> None:
            raise RuntimeError(problem.reason)

        with pytest.raises(RuntimeError):
            await report_of(given, path, world=world, on_problem=fail)
        assert await found(path) == []
        assert (await report_of(given, path, world=world)).good == 3


async def test_rows_name_their_panels(tmp_path: Path) -> None:
    """An unknown one is the row's fault; a catalog that cannot be had is everybody's."""
    async with ManualClock() as clock:
        one, other = World.make("panelbon", clock), World.make("notpanel", clock)
        panels = {"panelbon": one.panel(), "notpanel": other.panel()}
        given = [{**row, "panel": name} for row, name in zip(rows(3), ["panelbon", "notpanel", "nowhere"], strict=True)]
        given += rows(1, start=9)
        async with await SqliteJournal.open(tmp_path / "run.db", may_create=True, is_inline=True) as journal:
            report = await admit(Source.of(given), journal, panels)
            assert [(one.line, one.reason) for one in report.problems] == [
                (3, "column panel: there is no panel 'nowhere' in this run"),
                (4, "column panel: no panel is named for the row"),
            ]
            assert {one.panel for one in await journal.bound()} == {"panelbon", "notpanel"}
        other.is_down = True
        async with await SqliteJournal.temporary() as journal:
            with pytest.raises(Unreachable):
                await check(Source.of(given), journal, {"panelbon": one.panel(), "notpanel": other.panel()})
        assert not one.links
        assert not other.links


async def test_guards_are_amounts() -> None:
    """Nothing else is taken."""
    for bad in (5, "5", Decimal(-1), Decimal("NaN"), 1.5):
        with pytest.raises(ConfigError, match="max_spend"):
            Budget(max_spend=bad)  # type: ignore[arg-type]
    assert Settings().max_connections == 8
    assert RowState.DOUBT.value == "in doubt"
