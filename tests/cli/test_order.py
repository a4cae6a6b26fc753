"""``smm order``: what is sent, what is refused before it is sent, and what it would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smmclient.cli.ordering import parse_fields
from smmclient.errors import InvalidOrder
from smmclient.forms import build_order
from smmclient.orders import AnyOrder, CommentsOrder, Order, PackageOrder, PollOrder, RawOrder, SubscriptionOrder
from smmclient.panel import Panel
from smmclient.sandbox import Limits, Sandbox, serve

LINK = ("--link", "https://e.example/p")


@pytest.mark.parametrize(
    ("kind", "given", "order"),
    [
        (None, ["link=l", "quantity=5"], Order("1", "l", 5)),
        (None, ["link=l", "quantity=5", "runs=2", "interval=30"], Order("1", "l", 5, runs=2, interval=30)),
        (None, ["link=l", "speed=fast"], RawOrder("1", {"link": "l", "speed": "fast"})),
        ("raw", ["link=l", "quantity=5"], RawOrder("1", {"link": "l", "quantity": "5"})),
        ("package", ["link=l"], PackageOrder("1", "l")),
        ("Custom Comments", ["link=l", "comments=a", "comments=b"], CommentsOrder("1", "l", ("a", "b"))),
        ("comments", ["link=l", "comments=a=b"], CommentsOrder("1", "l", ("a=b",))),
        ("poll", ["link=l", "quantity=5", "answer_number=2"], PollOrder("1", "l", 5, "2")),
        ("subscription", ["username=u", "min=5", "max=9", "posts=3"], SubscriptionOrder("1", "u", 5, 9, 3)),
        ("Subscriptions", ["username=u", "min=5", "max=9"], SubscriptionOrder("1", "u", 5, 9)),
    ],
)
def test_fields_become_an_order(kind: str | None, given: list[str], order: AnyOrder) -> None:
    """Kinds go by their short name or the panel's; a name that is given again adds a line."""
    assert build_order(kind, {"service": "1", **parse_fields(given)}) == order


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (None, ["link=l"], "need quantity"),
        (None, ["quantity=5"], "need link"),
        ("bunch", ["link=l"], "type 'bunch'"),
        ("package", ["link=l", "quantity=5"], "quantity: not a field of Package"),
        ("poll", ["link=l", "quantity=5"], "need answer_number"),
        ("poll", ["link=l", "quantity=5.0", "answer_number=1"], "whole number"),
        (None, ["link"], "name=value"),
        (None, ["key=k", "link=l"], "key is not given in fields"),
    ],
)
def test_what_is_missing_or_wrong_is_named(kind: str | None, given: list[str], told: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidOrder, match=told):
        build_order(kind, {"service": "1", **parse_fields(given)})


def test_an_order_is_placed_with_what_was_given(smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...]) -> None:
    """The panel has it under the caller's request_id."""
    ran = smm("order", "--service", 1, *LINK, "--quantity", 100, "--request-id", "mine-1", *at_box)
    assert ran.rows == [["order", box.orders[0].id], ["request_id", "mine-1"]]
    assert (box.orders[0].link, box.orders[0].quantity, box.orders[0].request_id) == (LINK[1], 100, "mine-1")


def test_the_id_of_a_placed_order_is_never_lost(
    smm: Callable[..., Any],
    box: Sandbox,
    at_box: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is written before anything else can go wrong, such as the closing of the connection."""
    close = Panel.aclose

    async def fail(panel: Panel) -> None:
        await close(panel)
        raise RuntimeError("closing went wrong")

    monkeypatch.setattr(Panel, "aclose", fail)
    with pytest.raises(RuntimeError):
        smm("order", "--service", 1, *LINK, "--quantity", 100, *at_box)
    assert box.orders[0].id in capsys.readouterr().out


def test_a_dry_run_shows_order_and_cost_and_places_nothing(
    smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...]
) -> None:
    """Only the catalog is read."""
    ran = smm("order", "--service", 1, *LINK, "--quantity", 100, "--runs", 3, "--dry-run", *at_box, "--json")
    assert ran.json == {
        "dry_run": True,
        "panel": "notpanel",
        "sent": {"service": "1", "link": LINK[1], "quantity": "100", "runs": "3"},
        "cost": "0.27",
    }
    assert [one.action for one in box.requests] == ["services"]


@pytest.mark.parametrize(
    ("service", "quantity", "told"),
    [(1, 9, "takes 10 to 500000"), (1, 500_001, "takes 10 to 500000"), (404, 10, "no service 404")],
)
def test_a_dry_run_checks_the_order_against_the_catalog(
    smm: Callable[..., Any], at_box: tuple[str, ...], service: int, quantity: int, told: str
) -> None:
    """What the panel would refuse is a wrong call already."""
    ran = smm("order", "--service", service, *LINK, "--quantity", quantity, "--dry-run", *at_box)
    assert ran.code == 2
    assert told in ran.err


@pytest.fixture
def messy(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A panel whose catalog has rows that nobody can order; its key is in the environment."""
    with serve("v2", flavour="php", limits=Limits()) as box:
        monkeypatch.setenv("V2_API_KEY", box.api_key)
        yield box


@pytest.mark.parametrize("checked", [("--dry-run",), ("--max-charge", "9"), ("--max-charge", "9", "--dry-run")])
@pytest.mark.parametrize(
    ("service", "told"),
    [(907, "rate: 116011238807365 is no price"), (909, "max: 100 is below min 5000"), (4444, "has no service 4444")],
)
def test_what_the_catalog_does_not_sell_is_refused_where_it_is_read(
    smm: Callable[..., Any], messy: Sandbox, checked: tuple[str, ...], service: int, told: str
) -> None:
    """With the catalog's own reason, before an order is sent."""
    at = ("--panel", "v2", "--base-url", messy.base_url)
    ran = smm("order", "--service", service, *LINK, "--quantity", 100, *checked, *at)
    assert ran.code == 2
    assert told in ran.err
    assert "`smm services` lists what can be ordered" in ran.err
    assert [one.action for one in messy.requests] == ["services"]


def test_a_quantity_out_of_bounds_is_refused_with_a_bound_on_the_charge(
    smm: Callable[..., Any], box: Sandbox, at_box: tuple[str, ...]
) -> None:
    """The catalog has been read anyway."""
    ran = smm("order", "--service", 1, *LINK, "--quantity", 5, "--max-charge", 9, *at_box)
    assert ran.code == 2
    assert "takes 10 to 500000" in ran.err
    assert box.count("add") == 0


def test_a_plain_order_is_one_request_and_the_help_says_so(
    smm: Callable[..., Any], messy: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the catalog says is looked up where it is asked for, and not otherwise."""
    ran = smm("order", "--service", 907, *LINK, "--quantity", 100, "--panel", "v2", "--base-url", messy.base_url)
    assert ran.code == 3
    assert [one.action for one in messy.requests] == ["add"]
    told = " ".join(smm("order", "--help").out.split())
    assert "It goes out in one request" in told
    assert "With --dry-run or --max-charge the catalog is read first" in told


@pytest.mark.parametrize(
    ("flavour", "arguments", "words"),
    [
        ("cmsnt", ("--quantity", 1), "the panel does not accept the quantity"),
        ("cmsnt", ("--quantity", 100, "--service", 4444), "the panel does not sell that service"),
        ("perfectpanel", ("--quantity", 500_000), "the balance does not cover it"),
    ],
)
def test_a_refusal_is_said_in_words(
    smm: Callable[..., Any],
    profiles: Path,
    monkeypatch: pytest.MonkeyPatch,
    flavour: str,
    arguments: tuple[object, ...],
    words: str,
) -> None:
    """Some panels answer with codes such as neworder.error.min_quantity: what they mean stands beside them."""
    with serve("v2", flavour=flavour, limits=Limits()) as box:
        monkeypatch.setenv("V2_API_KEY", box.api_key)
        service = () if "--service" in arguments else ("--service", 1)
        ran = smm("order", *service, *LINK, *arguments, "--panel", "v2", "--base-url", box.base_url)
    assert ran.code == 3
    assert f"-> {words}" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "placed"),
    [
        (("--service", 1, "--quantity", 1000, "--max-charge", "0.90"), 0, 1),
        (("--service", 1, "--quantity", 1000, "--max-charge", "0.89"), 2, 0),
        (("--service", 1, "--quantity", 1000, "--runs", 2, "--max-charge", "0.90"), 2, 0),
        (("--service", 1, "--field", "quantity=1000", "--type", "raw", "--max-charge", "9"), 2, 0),
        (("--service", 404, "--quantity", 1000, "--max-charge", "9"), 2, 0),
        (("--service", 1, "--quantity", 1000, "--max-charge", "NaN"), 2, 0),
        (("--service", 1, "--quantity", 1000, "--max-charge", "1_0"), 2, 0),
        (("--service", 1, "--quantity", 1000, "--max-charge", "-1"), 2, 0),
    ],
)
def test_max_charge_keeps_back_what_costs_more_or_cannot_be_known(
    smm: Callable[..., Any],
    box: Sandbox,
    at_box: tuple[str, ...],
    arguments: tuple[object, ...],
    code: int,
    placed: int,
) -> None:
    """The guard holds before anything is sent, and for an amount that is no number."""
    assert smm("order", *LINK, *arguments, *at_box).code == code
    assert box.count("add") == placed
