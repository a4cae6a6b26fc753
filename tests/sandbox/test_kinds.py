"""Every kind of order that the convention knows: what it must have, and what it is billed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from smmclient.sandbox import FLAVOURS, Sandbox
from smmclient.sandbox.dialects import find_dialect
from smmclient.sandbox.kinds import KINDS, kind_of
from smmclient.sandbox.server import build

OpenBox = Callable[..., Sandbox]
Ask = Callable[..., tuple[int, Any]]

LINK: dict[str, Any] = {"link": "https://example.com/1"}
MANY: dict[str, Any] = {**LINK, "quantity": 100}

# The service of each type on v2, an order of it, and the units that it is billed for.
ORDERS: dict[str, tuple[int, dict[str, Any], int]] = {
    "Default": (1, MANY, 100),
    "Package": (18, LINK, 1_000),
    "Subscriptions": (11, {"username": "somebody", "min": 50, "max": 60, "delay": 30}, 50),
    "Custom Comments": (9, {**LINK, "comments": "1\n2\r\n\n3\n4\n5"}, 5),
    "Custom Comments Package": (41, {**LINK, "comments": "one\ntwo"}, 20),
    "SEO": (42, {**MANY, "keywords": "shoes\nboots"}, 100),
    "Mentions": (43, {**MANY, "usernames": "a\nb"}, 100),
    "Mentions with Hashtags": (44, {**MANY, "usernames": "a", "hashtags": "x\ny"}, 100),
    "Mentions Custom List": (45, {**LINK, "usernames": "a\nb\nc"}, 3),
    "Mentions Hashtag": (46, {**MANY, "hashtag": "summer"}, 100),
    "Mentions User Followers": (47, {**MANY, "username": "somebody"}, 100),
    "Mentions Media Likers": (48, {**MANY, "media": "https://example.com/p/1"}, 100),
    "Comment Likes": (49, {**MANY, "username": "somebody"}, 100),
    "Comment Replies": (50, {**LINK, "username": "somebody", "comments": "yes\nno"}, 2),
    "Poll": (51, {**MANY, "answer_number": 2}, 100),
    "Invites from Groups": (52, {**MANY, "groups": "g1\ng2"}, 100),
    "Web Traffic": (53, {**LINK, "quantity": 500, "country": "US", "device": 5, "type_of_traffic": 3}, 500),
}


@pytest.fixture
def box(open_box: OpenBox) -> Sandbox:
    """Open a plain v2."""
    return open_box("v2", balance=10_000)


def test_every_type_is_sold(box: Sandbox, ask: Ask) -> None:
    """The catalog of v2 has each type of the convention, under the id that is ordered here."""
    types = {row["service"]: row["type"] for row in ask(box, "services")[1]}
    assert set(types.values()) == set(ORDERS) == set(KINDS)
    assert {type_: types[service] for type_, (service, _, _) in ORDERS.items()} == {type_: type_ for type_ in ORDERS}


@pytest.mark.parametrize("type_", ORDERS)
def test_each_is_billed_for_its_units(box: Sandbox, ask: Ask, type_: str) -> None:
    """A typed order is taken, for as many units as its kind counts, at the rate of the catalog."""
    service, form, units = ORDERS[type_]
    rate = next(Decimal(row["rate"]) for row in ask(box, "services")[1] if row["service"] == service)
    assert ask(box, "add", form, service=service) == (200, {"order": 23501})
    assert (box.orders[0].quantity, box.orders[0].charge) == (units, rate * units / 1000)
    assert box.balance == 10_000 - box.orders[0].charge


NEEDED = [(type_, name) for type_, kind in KINDS.items() for name in kind.needs]


@pytest.mark.parametrize(("type_", "name"), NEEDED)
@pytest.mark.parametrize("blank", [None, " \r\n "], ids=["left out", "blank"])
def test_each_parameter_is_needed(box: Sandbox, ask: Ask, type_: str, name: str, blank: str | None) -> None:
    """An order without one of its parameters is refused by the parameter's name, and nothing is made."""
    service, form, _ = ORDERS[type_]
    rest = {key: value for key, value in form.items() if key != name}
    if blank is not None:
        rest[name] = blank
    assert ask(box, "add", rest, service=service)[1] == {"error": f"Missing required parameter: {name}"}
    assert not box.orders


WRONG: list[tuple[str, dict[str, object], str]] = [
    ("Mentions Custom List", {"usernames": "alone"}, "Quantity less than minimal 2"),
    ("Comment Replies", {"comments": "\n".join(map(str, range(501)))}, "Quantity more than maximum 500"),
    ("Custom Comments", {"comments": "one\ntwo"}, "Quantity less than minimal 5"),
    ("Poll", {"quantity": 19}, "Quantity less than minimal 20"),
    ("Subscriptions", {"min": 49}, "Quantity less than minimal 50"),
    ("Subscriptions", {"max": 10_001}, "Quantity more than maximum 10000"),
    ("Subscriptions", {"min": 61}, "Incorrect max"),
    ("Subscriptions", {"delay": 7}, "Incorrect delay"),
    ("Subscriptions", {"posts": "all"}, "Incorrect posts"),
    ("Subscriptions", {"old_posts": "-1"}, "Incorrect old_posts"),
    ("Subscriptions", {"expiry": "2027-12-31"}, "Incorrect expiry"),
    ("Web Traffic", {"device": 6}, "Incorrect device"),
    ("Web Traffic", {"type_of_traffic": 0}, "Incorrect type_of_traffic"),
    ("Web Traffic", {"type_of_traffic": 1}, "Missing required parameter: google_keyword"),
    ("Web Traffic", {"type_of_traffic": 2}, "Missing required parameter: referring_url"),
    ("SEO", {"runs": 2}, "Dripfeed is not supported by this service"),
]


@pytest.mark.parametrize(("type_", "changes", "text"), WRONG)
def test_what_a_kind_does_not_allow(box: Sandbox, ask: Ask, type_: str, changes: dict[str, object], text: str) -> None:
    """A parameter out of its bounds is refused in words that name it, and nothing is made."""
    service, form, _ = ORDERS[type_]
    assert ask(box, "add", form | changes, service=service)[1] == {"error": text}
    assert not box.orders


@pytest.mark.parametrize(
    ("type_", "changes", "units"),
    [
        ("Web Traffic", {"runs": 3, "interval": 60}, 1_500),
        ("Web Traffic", {"type_of_traffic": 1, "google_keyword": "shoes"}, 500),
        ("Web Traffic", {"type_of_traffic": 2, "referring_url": "https://example.com"}, 500),
        ("Subscriptions", {"posts": 5, "old_posts": 0, "expiry": "31/12/2027"}, 50),
        ("Default", {"runs": 4, "interval": 10}, 400),
    ],
)
def test_what_is_optional(box: Sandbox, ask: Ask, type_: str, changes: dict[str, object], units: int) -> None:
    """Runs multiply, and what may be given is taken when it is right."""
    service, form, _ = ORDERS[type_]
    assert ask(box, "add", form | changes, service=service)[0] == 200
    assert box.orders[0].quantity == units


def test_types_are_known_however_they_are_spelled() -> None:
    """Case and underscores do not matter; a type that nobody knows is ordered as Default."""
    assert kind_of("custom_comments") is KINDS["Custom Comments"]
    assert kind_of("MENTIONS HASHTAG") is KINDS["Mentions Hashtag"]
    assert [kind_of(odd) for odd in ("", "12", "Special 1")] == [KINDS["Default"]] * 3


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_takes_every_kind(ask: Ask, flavour: str) -> None:
    """Each flavour sells each type, and charges for its orders what it takes from the balance."""
    box = build(find_dialect("v2", flavour), base_url="", options={"balance": 10**9, "clock": lambda: 0.0})
    rows = ask(box, "services")[1]
    shown = [row["service"] for row in (rows["services"] if isinstance(rows, dict) else rows)]
    for service, form, units in ORDERS.values():
        known = {str(one).removeprefix("srv_"): one for one in shown}[str(service)]
        status, body = ask(box, "add", form, service=known)
        assert (status // 100, str(body["order"])) == (2, box.orders[-1].id)
        assert box.orders[-1].quantity == units
    assert box.balance == 10**9 - sum(order.charge for order in box.orders)
