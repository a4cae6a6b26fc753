"""The kinds of order that the convention knows, one frozen class each.

A class's fields are named like the parameters of ``action=add`` and are sent in this order when they are set.
``service`` is an int or text; list-valued fields (comments, usernames …) take a list, or one text with a
line each. Every class takes ``coupon``, which only some panels have. A bad field is an `InvalidOrder`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, cast

from attrs import Attribute, field, fields_dict, frozen
from attrs.validators import optional

from smmclient.errors import InvalidOrder
from smmclient.fields import check_count, check_id, check_lines, check_text

__all__ = [
    "AnyOrder",
    "CommentLikesOrder",
    "CommentRepliesOrder",
    "CommentsOrder",
    "CommentsPackageOrder",
    "InvitesOrder",
    "MentionsFollowersOrder",
    "MentionsHashtagOrder",
    "MentionsLikersOrder",
    "MentionsListOrder",
    "MentionsOrder",
    "MentionsWithHashtagsOrder",
    "Order",
    "PackageOrder",
    "PollOrder",
    "RawOrder",
    "SeoOrder",
    "SubscriptionOrder",
    "WebTrafficOrder",
]


def _named(check: Callable[[Any, str], object]) -> Callable[[object, Attribute[Any], Any], None]:
    """A check as a validator whose error knows the field."""

    def validate(order: object, at: Attribute[Any], value: object) -> None:
        try:
            check(value, at.name)
        except InvalidOrder as error:
            error.field = at.name
            raise

    return validate


_text = _named(check_text)
_count = _named(check_count)
_count_or_zero = _named(partial(check_count, least=0))
_id = _named(partial(check_id, error=InvalidOrder))
_lines = _named(check_lines)


def _split(lines: Iterable[str] | str) -> tuple[str, ...]:
    """One text is split at its line ends, empty lines drop out. What is no list is left for `_lines` to refuse."""
    if isinstance(lines, str):
        return tuple(line for line in lines.splitlines() if line.strip())
    return tuple(lines) if isinstance(lines, Iterable) else cast("tuple[str, ...]", lines)


def _date(expiry: dt.date | str | None) -> dt.date | None:
    if isinstance(expiry, str):
        try:
            expiry = dt.datetime.strptime(expiry.strip(), "%d/%m/%Y").date()
        except ValueError:
            raise InvalidOrder(
                f"expiry must be a date, or text like 31/12/2027, not {expiry!r}", field="expiry"
            ) from None
    if isinstance(expiry, dt.date) and expiry.year < 1000:
        raise InvalidOrder(f"expiry must be in a year of four digits, not {expiry.year}", field="expiry")
    if expiry is None or isinstance(expiry, dt.date):
        return expiry
    raise InvalidOrder(f"expiry must be a date, not {type(expiry).__name__}", field="expiry")


@frozen
class AnyOrder:
    """What all kinds of order have in common. ``type`` is the convention's name of the service type."""

    type: ClassVar[str] = ""
    #: The capability that a panel needs for this kind; None: every panel takes it.
    feature: ClassVar[str | None] = "typed_orders"

    #: The field that says how many units are ordered; None: the service or the panel decides.
    counted_by: ClassVar[str | None] = "quantity"
    #: Whether panels that document it bill the service's own package size.
    billed_as_package: ClassVar[bool] = False

    service: int | str = field(validator=_id)
    coupon: str | None = field(default=None, kw_only=True, validator=optional(_text))

    @property
    def units(self) -> int | None:
        """How many units are ordered in all runs together, or None where that is not ours to say."""
        if self.counted_by is None:
            return None
        counted: int | tuple[str, ...] = getattr(self, self.counted_by)
        per_run = counted if isinstance(counted, int) else len(counted)
        return per_run * (getattr(self, "runs", None) or 1)

    def parameters(self) -> dict[str, str]:
        """The parameters of ``action=add`` that are set, as text, in the order they are sent."""
        sent: dict[str, str] = {}
        for name in fields_dict(type(self)):
            value = getattr(self, name)
            if value is not None and name != "coupon":
                sent[name] = _wire_text(value)
        if self.coupon is not None:
            sent["coupon"] = self.coupon
        return sent


def _wire_text(value: object) -> str:
    if isinstance(value, tuple):
        return "\n".join(value)
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y")
    # A str or int enum's own str() would be its name.
    return str(int(value)) if isinstance(value, int) else str.__str__(cast("str", value)).strip()


@frozen
class Order(AnyOrder):
    """A Default order, and a drip-feed one when ``runs`` is set.

    Drip-feed places ``quantity`` units in each of ``runs`` runs, ``interval`` minutes apart.
    """

    type: ClassVar[str] = "Default"
    feature: ClassVar[str | None] = None

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    runs: int | None = field(default=None, validator=optional(_count))
    interval: int | None = field(default=None, validator=optional(_count))

    def __attrs_post_init__(self) -> None:
        if self.interval is not None and self.runs is None:
            raise InvalidOrder("interval (minutes between runs) needs runs: set both or neither", field="runs")


@frozen
class PackageOrder(AnyOrder):
    """A Package: the service says how much is in it."""

    type: ClassVar[str] = "Package"
    feature: ClassVar[str | None] = "packages"
    counted_by: ClassVar[str | None] = None
    billed_as_package: ClassVar[bool] = True

    link: str = field(validator=_text)


@frozen
class SeoOrder(AnyOrder):
    """An SEO order: ``keywords`` is a list."""

    type: ClassVar[str] = "SEO"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    keywords: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class CommentsOrder(AnyOrder):
    """Custom Comments: one unit for each comment."""

    type: ClassVar[str] = "Custom Comments"
    counted_by: ClassVar[str | None] = "comments"

    link: str = field(validator=_text)
    comments: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class CommentsPackageOrder(AnyOrder):
    """A Custom Comments Package."""

    type: ClassVar[str] = "Custom Comments Package"
    counted_by: ClassVar[str | None] = None
    billed_as_package: ClassVar[bool] = True

    link: str = field(validator=_text)
    comments: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class MentionsOrder(AnyOrder):
    """Mentions of the given users."""

    type: ClassVar[str] = "Mentions"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    usernames: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class MentionsWithHashtagsOrder(AnyOrder):
    """Mentions with Hashtags."""

    type: ClassVar[str] = "Mentions with Hashtags"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    usernames: tuple[str, ...] = field(converter=_split, validator=_lines)
    hashtags: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class MentionsListOrder(AnyOrder):
    """A Mentions Custom List: one unit for each username."""

    type: ClassVar[str] = "Mentions Custom List"
    counted_by: ClassVar[str | None] = "usernames"

    link: str = field(validator=_text)
    usernames: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class MentionsHashtagOrder(AnyOrder):
    """Mentions Hashtag: users are taken from one hashtag."""

    type: ClassVar[str] = "Mentions Hashtag"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    hashtag: str = field(validator=_text)


@frozen
class MentionsFollowersOrder(AnyOrder):
    """Mentions User Followers: users are taken from the followers of ``username`` (a URL or a name)."""

    type: ClassVar[str] = "Mentions User Followers"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    username: str = field(validator=_text)


@frozen
class MentionsLikersOrder(AnyOrder):
    """Mentions Media Likers: users are taken from those who liked ``media`` (a URL)."""

    type: ClassVar[str] = "Mentions Media Likers"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    media: str = field(validator=_text)


@frozen
class CommentLikesOrder(AnyOrder):
    """Comment Likes: ``username`` owns the comment."""

    type: ClassVar[str] = "Comment Likes"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    username: str = field(validator=_text)


@frozen
class CommentRepliesOrder(AnyOrder):
    """Comment Replies to a comment of ``username``: one unit for each reply in ``comments``."""

    type: ClassVar[str] = "Comment Replies"
    counted_by: ClassVar[str | None] = "comments"

    link: str = field(validator=_text)
    username: str = field(validator=_text)
    comments: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class PollOrder(AnyOrder):
    """Votes for ``answer_number`` of a poll, counted as the panel counts them."""

    type: ClassVar[str] = "Poll"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    answer_number: int | str = field(validator=_id)


@frozen
class InvitesOrder(AnyOrder):
    """Invites from Groups."""

    type: ClassVar[str] = "Invites from Groups"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    groups: tuple[str, ...] = field(converter=_split, validator=_lines)


@frozen
class SubscriptionOrder(AnyOrder):
    """Subscriptions: ``min`` to ``max`` units for each post of ``username``; neither link nor quantity.

    ``posts`` unset means every new post, ``old_posts`` is how many existing ones, ``delay`` is in minutes
    (panels take a short list of values), ``expiry`` a date.
    """

    type: ClassVar[str] = "Subscriptions"
    feature: ClassVar[str | None] = "subscriptions"
    counted_by: ClassVar[str | None] = None
    billed_as_package: ClassVar[bool] = True

    username: str = field(validator=_text)
    min: int = field(validator=_count)
    max: int = field(validator=_count)
    posts: int | None = field(default=None, validator=optional(_count))
    old_posts: int | None = field(default=None, validator=optional(_count_or_zero))
    delay: int = field(default=0, validator=_count_or_zero)
    expiry: dt.date | None = field(default=None, converter=_date)

    def __attrs_post_init__(self) -> None:
        if self.min > self.max:
            raise InvalidOrder(f"min ({self.min}) must not be above max ({self.max})", field="min")


@frozen
class WebTrafficOrder(AnyOrder):
    """Web Traffic. ``country`` is "US" or "United States", as the panel has it.

    ``device``: 1 desktop, 2 Android, 3 iOS, 4 mixed mobile, 5 mixed all. ``type_of_traffic``: 1 Google keyword
    (needs ``google_keyword``), 2 custom referrer (needs ``referring_url``), 3 blank referrer.
    """

    type: ClassVar[str] = "Web Traffic"

    link: str = field(validator=_text)
    quantity: int = field(validator=_count)
    country: str = field(validator=_text)
    device: int = field(validator=_count)
    type_of_traffic: int = field(validator=_count)
    google_keyword: str | None = field(default=None, validator=optional(_text))
    referring_url: str | None = field(default=None, validator=optional(_text))
    runs: int | None = field(default=None, validator=optional(_count))
    interval: int | None = field(default=None, validator=optional(_count))

    def __attrs_post_init__(self) -> None:
        if self.device > 5:
            raise InvalidOrder(f"device must be 1 to 5, not {self.device}", field="device")
        if self.type_of_traffic > 3:
            raise InvalidOrder(f"type_of_traffic must be 1 to 3, not {self.type_of_traffic}", field="type_of_traffic")
        if (self.type_of_traffic == 1) != (self.google_keyword is not None):
            raise InvalidOrder("google_keyword goes with type_of_traffic 1, and only with it", field="google_keyword")
        if (self.type_of_traffic == 2) != (self.referring_url is not None):
            raise InvalidOrder("referring_url goes with type_of_traffic 2, and only with it", field="referring_url")
        if self.interval is not None and self.runs is None:
            raise InvalidOrder("interval (minutes between runs) needs runs: set both or neither", field="runs")


_RESERVED = frozenset({"key", "action", "service", "request_id", "coupon"})


def _raw_fields(given: Mapping[str, object]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidOrder(f"fields must be a mapping of parameter to text, not {type(given).__name__}")
    checked: dict[str, str] = {}
    for name, value in given.items():
        name = check_text(name, "a parameter's name")
        if name in _RESERVED:
            raise InvalidOrder(f"{name} is not given in fields: the client sets it (see add_order)")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InvalidOrder(f"{name} must be text or a whole number, not {type(value).__name__}")
        text = _wire_text(value)
        for line in text.splitlines():
            if line.strip():
                check_text(line, name)
        checked[name] = text
    return checked


@frozen
class RawOrder(AnyOrder):
    """The way out: any parameters, sent as they are. Nothing is known about them, so nothing is checked."""

    feature: ClassVar[str | None] = None
    counted_by: ClassVar[str | None] = None

    fields: Mapping[str, str] = field(converter=_raw_fields, hash=False)

    def parameters(self) -> dict[str, str]:
        """The service and the given fields."""
        sent = {"service": str(self.service), **self.fields}
        if self.coupon is not None:
            sent["coupon"] = self.coupon
        return sent
