"""Orders, models and errors: what users hold in their hands."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import pickle
from collections.abc import Callable
from decimal import Context, Decimal, localcontext

import attrs
import pytest

import smmclient
from smmclient import (
    AnyOrder,
    Catalog,
    CommentLikesOrder,
    CommentRepliesOrder,
    CommentsOrder,
    CommentsPackageOrder,
    InvalidOrder,
    InvitesOrder,
    MentionsFollowersOrder,
    MentionsHashtagOrder,
    MentionsLikersOrder,
    MentionsListOrder,
    MentionsOrder,
    MentionsWithHashtagsOrder,
    Order,
    OrderState,
    OutcomeUnknown,
    PackageOrder,
    PollOrder,
    RateLimited,
    RawOrder,
    RefillState,
    Refused,
    SeoOrder,
    Service,
    SMMError,
    SubscriptionOrder,
    UnknownOrder,
    UsageError,
    WebTrafficOrder,
)
from smmclient.fields import check_ids

L = "https://example.com/p"

#: (order, the parameters that are sent, the units that are ordered).
KINDS: list[tuple[AnyOrder, dict[str, str], int | None]] = [
    (Order(1, L, 10), {"service": "1", "link": L, "quantity": "10"}, 10),
    (
        Order("srv_1", L, 10, 3, 15),
        {"service": "srv_1", "link": L, "quantity": "10", "runs": "3", "interval": "15"},
        30,
    ),
    (Order(1, L, 10, coupon="X5"), {"service": "1", "link": L, "quantity": "10", "coupon": "X5"}, 10),
    (PackageOrder(2, L), {"service": "2", "link": L}, None),
    (SeoOrder(3, L, 5, ["a", "b"]), {"service": "3", "link": L, "quantity": "5", "keywords": "a\nb"}, 5),
    (CommentsOrder(4, L, "hi\r\n\r\nyou\n"), {"service": "4", "link": L, "comments": "hi\nyou"}, 2),
    (CommentsPackageOrder(4, L, ["hi"]), {"service": "4", "link": L, "comments": "hi"}, None),
    (MentionsOrder(5, L, 7, ["u"]), {"service": "5", "link": L, "quantity": "7", "usernames": "u"}, 7),
    (
        MentionsWithHashtagsOrder(6, L, 7, ["u"], ["h", "i"]),
        {"service": "6", "link": L, "quantity": "7", "usernames": "u", "hashtags": "h\ni"},
        7,
    ),
    (MentionsListOrder(7, L, ["u", "v"]), {"service": "7", "link": L, "usernames": "u\nv"}, 2),
    (MentionsHashtagOrder(8, L, 7, "h"), {"service": "8", "link": L, "quantity": "7", "hashtag": "h"}, 7),
    (MentionsFollowersOrder(9, L, 7, "u"), {"service": "9", "link": L, "quantity": "7", "username": "u"}, 7),
    (MentionsLikersOrder(10, L, 7, L), {"service": "10", "link": L, "quantity": "7", "media": L}, 7),
    (CommentLikesOrder(11, L, 7, "u"), {"service": "11", "link": L, "quantity": "7", "username": "u"}, 7),
    (CommentRepliesOrder(12, L, "u", ["a", "b"]), {"service": "12", "link": L, "username": "u", "comments": "a\nb"}, 2),
    (PollOrder(13, L, 7, 2), {"service": "13", "link": L, "quantity": "7", "answer_number": "2"}, 7),
    (InvitesOrder(14, L, 7, ["g"]), {"service": "14", "link": L, "quantity": "7", "groups": "g"}, 7),
    (
        SubscriptionOrder(15, "bob", 10, 20, posts=3, old_posts=0, delay=30, expiry=dt.date(2027, 12, 31)),
        {
            "service": "15",
            "username": "bob",
            "min": "10",
            "max": "20",
            "posts": "3",
            "old_posts": "0",
            "delay": "30",
            "expiry": "31/12/2027",
        },
        None,
    ),
    (
        WebTrafficOrder(16, L, 7, "US", 1, 2, referring_url=L, runs=2),
        {
            "service": "16",
            "link": L,
            "quantity": "7",
            "country": "US",
            "device": "1",
            "type_of_traffic": "2",
            "referring_url": L,
            "runs": "2",
        },
        14,
    ),
    (RawOrder(17, {"link": L, "speed": 5}), {"service": "17", "link": L, "speed": "5"}, None),
]


@pytest.mark.parametrize(("order", "parameters", "units"), KINDS, ids=lambda value: type(value).__name__)
def test_every_kind_sends_its_parameters(order: AnyOrder, parameters: dict[str, str], units: int | None) -> None:
    """Each kind sends what the convention has for it, in order, and nothing that is not set; and counts its units."""
    assert list(order.parameters().items()) == list(parameters.items())
    assert order.units == units
    assert copy.copy(order) == order
    assert pickle.loads(pickle.dumps(order)) == order
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        order.service = 5  # type: ignore[misc]


BAD: dict[str, Callable[[], object]] = {
    "quantity 0": lambda: Order(1, L, 0),
    "quantity as text": lambda: Order(1, L, "10"),  # type: ignore[arg-type]
    "quantity as float": lambda: Order(1, L, 10.0),  # type: ignore[arg-type]
    "quantity as bool": lambda: Order(1, L, True),
    "service as bool": lambda: Order(True, L, 1),
    "service below 0": lambda: Order(-1, L, 1),
    "service empty": lambda: Order(" ", L, 1),
    "service with a comma": lambda: Order("1,2", L, 1),
    "service with a line end": lambda: Order("1\n", L, 1),
    "link empty": lambda: Order(1, "  ", 1),
    "link no text": lambda: Order(1, None, 1),  # type: ignore[arg-type]
    "link with NUL": lambda: Order(1, "https://x/\x00", 1),
    "link with a line end": lambda: Order(1, "https://x/\r\nkey=1", 1),
    "link with a line separator": lambda: Order(1, "https://x/\u2028", 1),
    "link with half a letter": lambda: Order(1, "https://x/\ud83d", 1),
    "runs 0": lambda: Order(1, L, 1, 0),
    "interval alone": lambda: Order(1, L, 1, interval=5),
    "no comments": lambda: CommentsOrder(1, L, []),
    "blank comments": lambda: CommentsOrder(1, L, "\n\n"),
    "a comment of two lines": lambda: CommentsOrder(1, L, ["a\nb"]),
    "comments no list": lambda: CommentsOrder(1, L, 5),  # type: ignore[arg-type]
    "min above max": lambda: SubscriptionOrder(1, "bob", 5, 4),
    "expiry no date": lambda: SubscriptionOrder(1, "bob", 1, 4, expiry="2027-12-31"),
    "device 6": lambda: WebTrafficOrder(1, L, 1, "US", 6, 3),
    "traffic without keyword": lambda: WebTrafficOrder(1, L, 1, "US", 1, 1),
    "traffic with a keyword too many": lambda: WebTrafficOrder(1, L, 1, "US", 1, 3, google_keyword="x"),
    "raw with key": lambda: RawOrder(1, {"key": "x"}),
    "raw with request_id": lambda: RawOrder(1, {"request_id": "x"}),
    "raw with a list": lambda: RawOrder(1, {"x": [1]}),
    "raw with NUL": lambda: RawOrder(1, {"x": "a\n\x00"}),
    "service of 5,000 digits": lambda: Order(10**5000, L, 1),
    "quantity of 5,000 digits": lambda: Order(1, L, 10**5000),
    "expiry in the year 27": lambda: SubscriptionOrder(1, "bob", 1, 4, expiry=dt.date(27, 1, 2)),
    "coupon empty": lambda: Order(1, L, 1, coupon=""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_orders(case: str) -> None:
    """A field that no panel could take is an InvalidOrder, when the order is made."""
    with pytest.raises(InvalidOrder):
        BAD[case]()


class Choice(enum.IntEnum):
    VIEWS = 7


class Target(enum.StrEnum):
    MINE = "https://example.com/mine"


def test_enums_are_sent_as_their_values() -> None:
    """An int or str enum stands for its value, never for its name."""
    sent = Order(Choice.VIEWS, Target.MINE, Choice.VIEWS).parameters()
    assert sent == {"service": "7", "link": "https://example.com/mine", "quantity": "7"}
    assert check_ids([Choice.VIEWS, Target.MINE.name], "order") == ("7", "MINE")


@pytest.mark.parametrize(
    "ids", [b"12", bytearray(b"12"), memoryview(b"12"), None, 1.5, [10**5000], [None], ["a,b"], [True]]
)
def test_what_is_no_list_of_ids(ids: object) -> None:
    """Bytes, numbers that are no ids and ids that read as several are a UsageError, not a guess."""
    with pytest.raises(UsageError):
        check_ids(ids, "order")


def test_orders_can_be_keys() -> None:
    """Every kind of order is hashable, raw ones too."""
    raw = RawOrder(17, {"link": L})
    assert {raw: 1}[RawOrder(17, {"link": L})] == 1
    assert len({order for order, _, _ in KINDS}) == len(KINDS)


SERVICE = Service("1", "Followers", "Default", None, Decimal("0.90"), 10, 5000, package_units=10)


@pytest.mark.parametrize(
    ("order", "cost"),
    [
        (Order(1, L, 1000), Decimal("0.90")),
        (Order("1", L, 1, runs=3), Decimal("0.0027")),
        (CommentsOrder(1, L, ["a", "b"]), Decimal("0.0018")),
        (PackageOrder(1, L), Decimal("0.009")),
        (SubscriptionOrder(1, "u", 1, 2), Decimal("0.009")),
        (RawOrder(1, {"link": L}), None),
    ],
)
def test_what_an_order_costs(order: AnyOrder, cost: Decimal | None) -> None:
    """The cost is exact, counts every run, and is None where nobody can know it before."""
    assert SERVICE.cost(order) == cost


def test_the_callers_decimal_context_does_not_round_a_cost() -> None:
    """A cost is exact even where the application computes with few digits."""
    with localcontext(Context(prec=3)):
        assert attrs.evolve(SERVICE, rate=Decimal("1.23456")).cost(Order(1, L, 5000)) == Decimal("6.17280")


def test_a_package_of_unknown_size_has_no_cost() -> None:
    """On a panel that does not document what it bills for a package, the cost is unknown, not a guess."""
    assert attrs.evolve(SERVICE, package_units=None).cost(PackageOrder(1, L)) is None


def test_the_cost_of_another_service() -> None:
    """An order for another service is an error, not a price."""
    with pytest.raises(ValueError, match="service 2"):
        SERVICE.cost(Order(2, L, 1))


def named(service: str, name: str, category: str = "") -> Service:
    """A service with that id and name."""
    return Service(service, name, "Default", category, Decimal(1), 1, 9)


def test_a_catalog_is_a_sequence() -> None:
    """A catalog keeps the panel's order, and finds by id."""
    catalog = Catalog((named("0", "a"), named("b7", "b")), fetched_at=5.0)
    assert len(catalog) == 2
    assert [service.id for service in catalog] == ["0", "b7"]
    assert catalog[1] is catalog.get("b7")
    assert catalog.get(0) is catalog[0]
    assert catalog.get("9") is None
    assert catalog[0] in catalog
    assert catalog[:1] == (catalog[0],)
    assert repr(catalog) == "<Catalog: 2 services, 0 problems>"


def test_search_reads_names_as_people_do() -> None:
    """Every word must be there; emoji, entities and odd letters do not matter; names count more than categories."""
    catalog = Catalog(
        (
            named("1", "YouTube Views"),
            named("2", "🔥 𝗜𝗻𝘀𝘁𝗮𝗴𝗿𝗮𝗺 &amp; F\u200bollowers [REAL]"),
            named("3", "Followers | 30 days", "Instagram"),
            named("4", "Instagram Followers"),
            named("5", "Instagram Likes"),
        )
    )
    assert [service.id for service in catalog.search("instagram followers")] == ["4", "2", "3"]
    assert [service.id for service in catalog.search("INSTA foll")] == ["4", "2", "3"]
    assert catalog.search("instagram views") == []
    assert catalog.search(" ") == []


def test_final_states() -> None:
    """An order is final when the panel will not change it any more; a word we do not know is not final."""
    live = {OrderState.PENDING, OrderState.IN_PROGRESS, OrderState.PROCESSING, OrderState.UNKNOWN}
    assert {state for state in OrderState if not state.is_final} == live
    assert {state for state in RefillState if state.is_final} == {
        RefillState.COMPLETED,
        RefillState.REJECTED,
        RefillState.FAILED,
    }


ERRORS: list[SMMError] = [
    OutcomeUnknown("lost", safe_to_repeat=True, provider="p", operation="add", request_id="r"),
    RateLimited("slow", retry_after=3.0, denied_by="key"),
    UnknownOrder("no", text="no", http_status=404, raw={"error": "no"}),
    InvalidOrder("bad"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_a_process_border(error: SMMError) -> None:
    """An error can be pickled and copied with everything it knows."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), error.copy()):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_the_error_tree() -> None:
    """Each branch says what happened; they do not overlap."""
    branches = (smmclient.UsageError, Refused, smmclient.Unavailable, OutcomeUnknown, smmclient.Malformed)
    leaves = [getattr(smmclient, name) for name in smmclient.__all__]
    leaves = [leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, SMMError) and leaf is not SMMError]
    assert len(leaves) == 33
    for leaf in leaves:
        assert sum(issubclass(leaf, branch) for branch in branches) <= 1


def test_every_public_name_is_there() -> None:
    """Each name in __all__ can be imported, and dir() shows it."""
    for name in smmclient.__all__:
        assert getattr(smmclient, name) is not None
        assert name in dir(smmclient)
    with pytest.raises(AttributeError):
        smmclient.nothing  # noqa: B018
