"""Prices side by side: only what can be compared is, exactly, and what is missing stands beside it."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smmclient import Balance, Basis, Catalog, Problem, Service, SMMError, Unreachable, UsageError
from smmclient.many.comparing import Comparison, Wanted, compare
from smmclient.many.exchange import Exchange


def service(number: int, rate: str, **changes: Any) -> Service:
    """A service for followers at that rate."""
    facts: dict[str, Any] = {"name": f"Followers {number}", "type": "Default", "category": None, "min": 10, "max": 5000}
    return Service(id=str(number), rate=Decimal(rate), **{**facts, **changes})


def catalogs(**services: list[Service]) -> dict[str, Catalog | SMMError]:
    """A catalog for each panel."""
    return {panel: Catalog(tuple(rows)) for panel, rows in services.items()}


def balances(**currencies: str | None) -> dict[str, Balance | SMMError]:
    """A balance for each panel, in that currency."""
    return {panel: Balance(Decimal(1), currency, 0.0) for panel, currency in currencies.items()}


def ranks(found: Comparison) -> list[tuple[str, str | None, str | None, list[str]]]:
    """Each ranking with its offers as panel/service."""
    return [
        (one.basis.value, one.currency, one.panel, [f"{offer.panel}/{offer.service.id}" for offer in one.offers])
        for one in found.rankings
    ]


def test_the_lowest_price_comes_first_across_panels() -> None:
    """Offers of one currency are one ranking by price, whatever panel they are from; equals keep their order."""
    found = compare(
        "followers",
        catalogs(a=[service(1, "2"), service(2, "0.5")], b=[service(1, "0.75"), service(2, "0.50")]),
        balances(a="USD", b="usd"),
    )
    assert ranks(found) == [("1000", "USD", None, ["a/2", "b/2", "b/1", "a/1"])]
    assert found.is_complete


def test_currencies_are_never_compared_with_each_other() -> None:
    """12 dong is not dearer than 2 dollars: each currency is a ranking of its own."""
    found = compare("followers", catalogs(a=[service(1, "2")], b=[service(1, "12")]), balances(a="USD", b="VND"))
    assert ranks(found) == [("1000", "USD", None, ["a/1"]), ("1000", "VND", None, ["b/1"])]


def test_a_panel_of_unknown_currency_stands_alone() -> None:
    """No currency, a bare sign, and no balance at all are not the same currency, nor any other's."""
    lost = Unreachable("no answer")
    found = compare(
        "followers",
        catalogs(a=[service(1, "2")], b=[service(1, "1")], c=[service(1, "3")], d=[service(1, "4")]),
        {**balances(a="USD", b=None, c="$"), "d": lost},
    )
    assert ranks(found) == [
        ("1000", "USD", None, ["a/1"]),
        ("1000", None, "b", ["b/1"]),
        ("1000", None, "c", ["c/1"]),
        ("1000", None, "d", ["d/1"]),
    ]
    assert found.currency_failures == {"d": lost}
    assert not found.is_complete


def test_panels_that_did_not_answer_stand_beside_the_ranking() -> None:
    """A missing catalog is a failure and the comparison not complete; rows that could not be read are named."""
    lost, problem = Unreachable("no answer"), Problem(1, "rate", "no price")
    found = compare(
        "followers",
        {"a": lost, "b": Catalog((service(1, "1"),), (problem,))},
        {"a": lost, "b": Balance(Decimal(1), "USD", 0.0)},
    )
    assert found.failures == {"a": lost}
    assert found.currency_failures == {}
    assert found.problems == {"b": (problem,)}
    assert not found.is_complete


def test_packages_are_priced_by_the_package_and_ranked_apart() -> None:
    """A package costs what the panel bills for one; where nobody says what, it has no price and comes last."""
    rows = [
        service(1, "9"),
        service(2, "4", type="Package", package_units=None),
        service(3, "5", type="package", package_units=500, min=500),
        service(4, "3", type="Custom Comments Package", package_units=1000),
        service(5, "1", type="Mega package deal"),
        service(6, "2", type="Subscriptions", package_units=100),
    ]
    found = compare("followers", catalogs(a=rows), balances(a="USD"))
    assert ranks(found) == [
        ("1000", "USD", None, ["a/1"]),
        ("package", "USD", None, ["a/3", "a/4", "a/2", "a/5"]),
        ("subscription", "USD", None, ["a/6"]),
    ]
    assert [offer.price for offer in found.rankings[1].offers] == [Decimal("2.5"), Decimal(3), None, None]


def test_a_quantity_keeps_what_takes_it_and_prices_it_exactly() -> None:
    """Bounds decide, to the unit; what is not ordered by quantity is left out; the cost is not rounded."""
    rows = [
        service(1, "0.333", min=1, max=1234),
        service(2, "0.1", min=1235),
        service(3, "0.1", max=1233),
        service(4, "0.1", type="Package", package_units=1),
        service(5, "0.111", min=1234),
    ]
    with decimal.localcontext(prec=2):
        found = compare("followers", catalogs(a=rows), balances(a="USD"), wanted=Wanted(quantity=1234))
    assert ranks(found) == [("1000", "USD", None, ["a/5", "a/1"])]
    assert [offer.cost for offer in found.rankings[0].offers] == [Decimal("0.136974"), Decimal("0.410922")]


@pytest.mark.parametrize("flag", ["refill", "dripfeed", "cancel"])
def test_a_flag_is_met_only_where_the_panel_says_so(flag: str) -> None:
    """Unknown is neither yes nor no: such services are left out, and counted."""
    rows = [service(1, "1", **{flag: True}), service(2, "1", **{flag: False}), service(3, "1")]
    yes: dict[str, Any] = {flag: True}
    no: dict[str, Any] = {flag: False}
    found = compare("followers", catalogs(a=rows), balances(a="USD"), wanted=Wanted(**yes))
    assert ranks(found)[0][3] == ["a/1"]
    assert found.unsaid == {"a": 1}
    assert ranks(compare("followers", catalogs(a=rows), balances(a="USD"), wanted=Wanted(**no)))[0][3] == ["a/2"]


def test_what_is_ruled_out_anyway_is_not_counted_as_unsaid() -> None:
    """A service that has not the one thing, or takes not the quantity, need not say the other."""
    wanted = Wanted(quantity=100, refill=True, cancel=True)
    rows = [service(1, "1", refill=False), service(2, "1", max=50), service(3, "1", refill=True)]
    found = compare("followers", catalogs(a=rows), balances(a="USD"), wanted=wanted)
    assert found.rankings == ()
    assert found.unsaid == {"a": 1}


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        ("Custom Comments", ["Custom Comments", "custom_comments"]),
        ("default", ["Default"]),
        ("likes SPREAD", ["Likes spread"]),
    ],
)
def test_a_type_is_meant_however_it_is_written(wanted: str, types: list[str]) -> None:
    """Known types are known in each spelling; others are compared as text."""
    every = ["Default", "Custom Comments", "custom_comments", "Likes spread", ""]
    rows = [service(n, "1", type=one) for n, one in enumerate(every)]
    found = compare("followers", catalogs(a=rows), balances(a="USD"), wanted=Wanted(type=wanted))
    assert [offer.service.type for offer in found.rankings[0].offers] == types


def test_given_rates_put_currencies_into_one_ranking() -> None:
    """Prices stay each panel's own; what they are ranked by is exact; a currency without a rate stands apart."""
    exchange = Exchange.of("usd", {"VND": Decimal("0.000039")})
    found = compare(
        "followers",
        catalogs(a=[service(1, "2")], b=[service(1, "25000"), service(2, "99999")], c=[service(1, "1")]),
        balances(a="USD", b="VND", c="INR"),
        exchange=exchange,
    )
    assert ranks(found) == [("1000", "USD", None, ["b/1", "a/1", "b/2"]), ("1000", "INR", None, ["c/1"])]
    first = found.rankings[0].offers[0]
    assert (first.currency, first.price, first.in_base) == ("VND", Decimal(25000), Decimal("0.975"))
    assert found.rankings[1].offers[0].in_base is None


@pytest.mark.parametrize(
    ("base", "rates"),
    [
        ("USD", None),
        (None, {"VND": Decimal(1)}),
        ("$", {"VND": Decimal(1)}),
        ("USD", {"₫": Decimal(1)}),
        ("USD", {"VND": 0.000039}),
        ("USD", {"VND": True}),
        ("USD", {"VND": Decimal(0)}),
        ("USD", {"VND": Decimal(-1)}),
        ("USD", {"VND": Decimal("NaN")}),
        ("USD", {"VND": Decimal("Infinity")}),
        ("USD", {"USD": Decimal(1)}),
        ("USD", {"vnd": Decimal(1), "VND": Decimal(2)}),
        ("USD", {"VND": Decimal("1." + "1" * 60)}),
    ],
)
def test_rates_that_mean_nothing_are_refused(base: Any, rates: Any) -> None:
    """Rates need a base and the base needs none; a rate is an exact amount above 0 for a code."""
    with pytest.raises(UsageError):
        Exchange.of(base, rates)


@pytest.mark.parametrize("words", ["", "  ", "!!", None])
def test_nothing_to_look_for_is_refused(words: Any) -> None:
    """A comparison of everything is no comparison."""
    with pytest.raises(UsageError, match="what to look for"):
        compare(words, {}, {})


@pytest.mark.parametrize(
    "wanted", [{"quantity": 0}, {"quantity": 1.5}, {"quantity": True}, {"refill": "yes"}, {"cancel": 1}, {"type": ""}]
)
def test_wishes_that_mean_nothing_are_refused(wanted: Any) -> None:
    """A quantity is a whole number above 0, a flag True, False or None, a type text."""
    with pytest.raises(UsageError) as met:
        Wanted(**wanted)
    assert type(met.value) is UsageError


ROWS = st.lists(
    st.tuples(
        st.decimals("0", "99999", places=4),
        st.sampled_from(["Default", "Package", "Subscriptions", "odd"]),
        st.sampled_from([None, 1, 1000]),
    ),
    max_size=6,
)


@given(
    st.dictionaries(st.sampled_from("abcd"), ROWS),
    st.lists(st.sampled_from(["USD", "VND", "$", None]), min_size=4, max_size=4),
    st.booleans(),
)
def test_no_ranking_mixes_what_cannot_be_compared(rows: Any, currencies: list[str | None], has_rates: bool) -> None:
    """Every service is in exactly one ranking; a ranking has one basis, one unit, and rising prices."""
    told = dict(zip("abcd", currencies, strict=True))
    found = compare(
        "followers",
        catalogs(
            **{
                panel: [
                    service(n, str(rate), type=kind, package_units=units) for n, (rate, kind, units) in enumerate(of)
                ]
                for panel, of in rows.items()
            }
        ),
        balances(**told),
        exchange=Exchange.of("USD", {"VND": Decimal("0.000039")}) if has_rates else None,
    )
    seen = [(offer.panel, offer.service.id) for one in found.rankings for offer in one.offers]
    assert sorted(seen) == sorted((panel, str(n)) for panel, of in rows.items() for n in range(len(of)))
    for one in found.rankings:
        kinds = {offer.service.type for offer in one.offers}
        assert kinds <= ({"Default", "odd"} if one.basis is Basis.PER_1000 else {"Package"}) or kinds == {
            "Subscriptions"
        }
        assert len({offer.currency for offer in one.offers}) == 1 or (has_rates and one.currency == "USD")
        assert one.panel is None or {offer.panel for offer in one.offers} == {one.panel}
        assert (one.currency is None) == (one.panel is not None)
        prices = [offer.price if offer.in_base is None else offer.in_base for offer in one.offers]
        known = [price for price in prices if price is not None]
        assert known == sorted(known)
        assert prices[: len(known)] == known


def test_a_panel_of_no_known_currency_leaves_a_comparison_incomplete() -> None:
    """Nobody may take the first offer of a ranking for the cheapest of all without seeing that."""
    found = compare("followers", catalogs(a=[service(1, "2")], b=[service(1, "1")]), balances(a="USD", b="$"))
    assert (found.without_currency, found.is_complete) == (("b",), False)


@pytest.mark.parametrize("change", [{"name": None}, {"type": None}, {"rate": 1.5}, {"rate": Decimal("NaN")}])
def test_a_provider_that_gives_odd_values_fails_alone(change: dict[str, Any]) -> None:
    """One of somebody's own, say: the others are compared all the same."""
    odd = attrs.evolve(service(1, "1"), **change)
    found = compare("followers", catalogs(a=[service(1, "2")], b=[odd]), balances(a="USD", b="USD"))
    assert list(found.failures) == ["b"]
    assert not found.is_complete


def test_rates_that_are_no_mapping_are_said() -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError, match="rates are a mapping"):
        Exchange.of("USD", [("VND", Decimal(1))])  # type: ignore[arg-type]
