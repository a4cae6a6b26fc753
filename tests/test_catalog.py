"""Catalogs: what is sold, what cannot be ordered and why, what has changed, and what is found."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from smmclient import Catalog, CommentsPackageOrder, PackageOrder, Service, SubscriptionOrder
from smmclient.dialect import V2, Dialect

LINK = "https://example.com/p"
ROW = {"service": 1, "name": "N", "type": "Default", "category": "C", "rate": "1.50", "min": "10", "max": "100"}


def read(rows: object, dialect: Dialect = V2) -> Catalog:
    """The catalog that a panel's reply is."""
    return Catalog(*dialect.services().decode(rows))


# ------------------------------------------------------------------------------------- what is no service to order


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"min": "100", "max": "10"}, "max", "10 is below min 100"),
        ({"rate": "9999999999999.00"}, "rate", "not for sale"),
        ({"rate": 116011238807365}, "rate", "not for sale"),
        ({"rate": "-0.50"}, "rate", "not for sale"),
        ({"rate": "free"}, "rate", "'free' is not an amount"),
        ({"rate": "1,500"}, "rate", "ambiguous"),
        ({"rate": 1e400}, "rate", "not an amount"),
        ({"min": None}, "min", "missing"),
        ({"min": "1.5"}, "min", "not a whole number"),
        ({"service": None}, "service", "not an id"),
        ({"service": "a b"}, "service", "not an id"),
        ({"service": 7.0}, "service", "not an id"),
        ({"name": ["x"]}, "name", "not text"),
    ],
)
def test_a_row_that_cannot_be_ordered_is_a_problem(change: dict[str, object], field: str, reason: str) -> None:
    """Its number, its id where there is one, the field and the reason are kept; the good rows stay."""
    row = {**ROW, "service": 2, **change}
    catalog = read([ROW, row])
    assert [service.id for service in catalog] == ["1"]
    (problem,) = catalog.problems
    assert (problem.row, problem.field, problem.raw) == (2, field, row)
    assert reason in problem.reason
    assert problem.service == ("2" if "service" not in change else None)
    assert catalog.problem(2) == (problem if problem.service else None)


def test_two_rows_with_one_id_are_not_two_services() -> None:
    """Which of the two prices holds is not ours to say twice: the first stays, and the other is told."""
    catalog = read([ROW, {**ROW, "rate": "9.99"}])
    assert [service.rate for service in catalog] == [Decimal("1.50")]
    assert [(one.row, one.field, one.service) for one in catalog.problems] == [(2, "service", "1")]


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"min": 0}, "min", 0),
        ({"min": "-5"}, "min", -5),
        ({"max": 2147483647}, "max", 2147483647),
        ({"min": 5, "max": 5}, "min", 5),
        ({"rate": 0}, "rate", Decimal(0)),
        ({"rate": "2,5"}, "rate", Decimal("2.5")),
        ({"rate": "12,345.50000"}, "rate", Decimal("12345.50000")),
        ({"service": "srv_1775"}, "id", "srv_1775"),
        ({"service": 0}, "id", "0"),
        ({"type": ""}, "type", ""),
        ({"type": None}, "type", ""),
        ({"category": None}, "category", None),
        ({"name": "  N\r\n"}, "name", "N"),
        ({"refill": "30 days"}, "refill", True),
        ({"type": "Package", "min": 100, "max": 1}, "min", 100),
    ],
)
def test_odd_rows_that_are_services_all_the_same(change: dict[str, object], name: str, value: object) -> None:
    """What panels were seen to send is read as it is."""
    catalog = read([{**ROW, **change}])
    assert catalog.problems == ()
    assert getattr(catalog[0], name) == value


@pytest.mark.parametrize("empty", [[], {"services": []}, {"status": "success", "data": "Empty Data"}])
def test_a_panel_may_sell_nothing(empty: object) -> None:
    """An empty catalog is one, however it is said."""
    assert (len(read(empty)), read(empty).problems) == (0, ())


@given(st.lists(st.sampled_from([ROW, {**ROW, "service": 2}, {**ROW, "rate": "x"}, None, 5, "row", [], {}])))
def test_no_row_is_dropped_without_a_trace(rows: list[object]) -> None:
    """Services and problems are as many as the rows."""
    catalog = read(rows)
    assert len(catalog) + len(catalog.problems) == len(rows)


# ------------------------------------------------------------------------------------------------------ prices


def test_rates_by_the_piece_are_told_per_thousand() -> None:
    """A panel that prices single units is no thousand times cheaper."""
    dialect = Dialect(name="piece", rate_per=1)
    service = read([{**ROW, "rate": "0.0015", "original_rate": "0.0020"}], dialect)[0]
    assert (service.rate, service.original_rate) == (Decimal("1.5"), Decimal(2))
    assert read([{**ROW, "rate": "0.0015", "rate1K": "1.5"}], dialect)[0].rate == Decimal("1.5")


def test_packages_by_the_piece_cost_what_the_catalog_says() -> None:
    """Where packages are priced by the piece, one package costs its rate, and the others cost as always."""
    dialect = Dialect(name="vnd", package_rate_per=1)
    rows = [
        {**ROW, "service": 1, "type": "Package", "rate": "57500"},
        {**ROW, "service": 2, "type": "Custom Comments Package", "rate": "57500"},
        {**ROW, "service": 3, "type": "Subscriptions", "rate": "12"},
        {**ROW, "service": 4, "rate": "12"},
    ]
    package, comments, subscription, plain = read(rows, dialect)
    assert package.cost(PackageOrder(1, LINK)) == 57500
    assert comments.cost(CommentsPackageOrder(2, LINK, ["a", "b"])) == 57500
    assert subscription.rate == 12000
    assert subscription.cost(SubscriptionOrder(3, username="bob", min=1, max=2, delay=0)) is None
    assert plain.rate == 12
    # The convention does not say what a package is billed as.
    assert read(rows)[0].cost(PackageOrder(1, LINK)) is None


@pytest.mark.parametrize("least", [0, -1])
def test_a_package_is_never_billed_as_nothing(least: int) -> None:
    """Where a panel bills the min, and sends none that could be billed, nobody can know the cost."""
    dialect = Dialect(name="min", packages_bill_min=True)
    (package,) = read([{**ROW, "type": "Package", "min": least}], dialect)
    assert package.cost(PackageOrder(1, LINK)) is None


# ------------------------------------------------------------------------------------------------------ changes

SERVICE = Service("1", "Likes", "Default", "IG", Decimal("0.50"), 10, 100)
OTHER = evolve(SERVICE, id="2", name="Views")


def test_a_diff_tells_what_came_went_and_changed() -> None:
    """Prices and limits are told apart from other changes, and every change is there."""
    dearer = evolve(SERVICE, rate=Decimal("0.60"))
    renamed, narrower = evolve(SERVICE, id="3", name="A"), evolve(SERVICE, id="4", max=1000)
    older = Catalog((SERVICE, OTHER, renamed, narrower))
    newer = Catalog((evolve(renamed, name="B"), evolve(narrower, max=50), dearer, evolve(OTHER, id="5")))
    diff = newer.diff(older)
    assert [one.id for one in diff.added] == ["5"]
    assert [one.id for one in diff.removed] == ["2"]
    assert [(one.after.id, one.fields) for one in diff.changed] == [("3", ("name",)), ("4", ("max",)), ("1", ("rate",))]
    assert [(one.before.rate, one.after.rate) for one in diff.prices] == [(Decimal("0.50"), Decimal("0.60"))]
    assert [(one.before.max, one.after.max) for one in diff.limits] == [(1000, 50)]


def test_an_equal_catalog_has_no_diff() -> None:
    """Neither order, nor time, nor how a price is written is a change."""
    older = Catalog((SERVICE, OTHER), fetched_at=1.0)
    newer = Catalog((OTHER, evolve(SERVICE, rate=Decimal("0.5"), raw={"service": 1})), fetched_at=2.0)
    assert not newer.diff(older)


def test_a_service_whose_row_cannot_be_read_any_more_was_not_removed() -> None:
    """It may well still be sold, at a price that nobody can read."""
    diff = read([{**ROW, "rate": "?"}]).diff(read([ROW, {**ROW, "service": 2}]))
    assert [one.id for one in diff.unreadable] == ["1"]
    assert [one.id for one in diff.removed] == ["2"]
    assert diff


@given(st.lists(st.integers(1, 5), unique=True), st.lists(st.integers(1, 5), unique=True))
def test_a_diff_accounts_for_every_service(before: list[int], after: list[int]) -> None:
    """What was there, less what went, and what came, is what is there."""
    older = Catalog(tuple(evolve(SERVICE, id=str(n)) for n in before))
    newer = Catalog(tuple(evolve(SERVICE, id=str(n)) for n in after))
    diff = newer.diff(older)
    kept = {one.id for one in older} - {one.id for one in diff.removed}
    assert kept | {one.id for one in diff.added} == {one.id for one in newer}


# ------------------------------------------------------------------------------------------------------- search


def named(*names: str) -> Catalog:
    """A catalog of services with these names, numbered from 1."""
    return Catalog(tuple(evolve(SERVICE, id=str(n), name=name) for n, name in enumerate(names, 1)))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        # Words in their order, before the same words scattered; the shorter name before the longer one.
        (
            "instagram followers",
            [
                "Instagram Followers",
                "🔥 𝗜𝗻𝘀𝘁𝗮𝗴𝗿𝗮𝗺 𝗙𝗼𝗹𝗹𝗼𝘄𝗲𝗿𝘀 | 30 days &amp; more",
                "Followers for Instagram",
            ],
        ),
        # A whole word, then the start of one, then the inside of one.
        ("like", ["Like", "Likes", "Dislikes"]),
        # One and many are the same word, whichever is asked for.
        ("followers", ["Followers", "Follower"]),
        # Full-width letters, accents and invisible marks are read as they are meant.
        ("telegram views", ["Ｔelegram Views", "Telegram\u200b Post Víews"]),
    ],
)
def test_a_search_ranks_what_fits_best_first(words: str, names: list[str]) -> None:
    """Whatever order the panel has them in."""
    for order in (names, names[::-1]):
        found = named(*order, "YouTube Subscribers").search(words)
        assert [service.name for service in found] == names


def test_a_search_without_words_finds_nothing() -> None:
    """Neither do words that stand nowhere."""
    catalog = named("Likes")
    assert catalog.search("") == catalog.search("!!!") == catalog.search("views") == []
