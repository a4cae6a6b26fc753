"""Which kind of order a panel's name of a service type means, and which names say too little."""

from __future__ import annotations

from decimal import Decimal

import pytest

from smmclient import Service
from smmclient.forms import kind_names, kind_of, kind_of_type
from smmclient.orders import Order

#: Spellings of catalogs and of panel servers, by the kind that they mean for certain.
SPELLINGS: dict[str, list[str]] = {
    "default": ["Default", "default", "DEFAULT", " Default ", "Drip Feed", "Drip-feed", "drip_feed", "Dripfeed"],
    "package": ["Package", "package", "PACKAGE"],
    "seo": ["SEO", "seo"],
    "comments": ["Custom Comments", "custom comments", "custom_comments", "CUSTOM_COMMENTS", "Custom Comment"],
    "commentspackage": ["Custom Comments Package", "custom_comments_package", "custom comments package"],
    "mentions": ["Mentions", "mentions"],
    "mentionswithhashtags": ["Mentions with Hashtags", "Mentions with hashtags", "mentions_with_hashtags"],
    "mentionslist": ["Mentions Custom List", "Mentions custom list", "mentions_custom_list", "Mentions (custom list)"],
    "mentionshashtag": ["Mentions Hashtag", "mentions_hashtag"],
    "mentionsfollowers": ["Mentions User Followers", "Mentions user followers", "mentions_user_followers"],
    "mentionslikers": ["Mentions Media Likers", "mentions_media_likers"],
    "commentlikes": ["Comment Likes", "comment_likes"],
    "commentreplies": ["Comment Replies", "comment_replies"],
    "poll": ["Poll", "poll"],
    "invites": ["Invites from Groups", "Invites from groups", "invites_from_groups"],
    "subscription": ["Subscriptions", "subscriptions", "Subscriptions ", "Subscription", "subscription"],
    "webtraffic": ["Web Traffic", "web_traffic"],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in SPELLINGS.items() for name in names])
def test_types_that_say_their_kind(kind: str, name: str) -> None:
    """However a panel spells a type of the convention, its kind is found."""
    assert kind_of_type(name) == kind
    assert Service("1", "a", name, None, Decimal(1), 1, 9).kind == kind


@pytest.mark.parametrize(
    "name",
    [
        # Nothing, or a number: one panel's 1 is Default, another's is Package.
        *("", " ", "-", "0", "1", "2", "100"),
        # Names of one panel's own.
        *("Special", "special", "Special 1", "Likes spread", "sim", "fb_viplike", "fb_eyeslive", "group-7"),
        # What the service does, not what it needs.
        *("like", "subscribe", "comment", "repost", "vote", "retweet", "follow", "Instagram Followers"),
        # More or less than a type of the convention.
        *("Default 2", "Package 3", "Custom", "Comment", "Mention", "Custom Comments + Likes", "Auto Package"),
        # Other letters: nothing of them may be left out to make a name fit.
        *("Default пакет", "Пакет", "packagé", "默认"),
    ],
)
def test_types_that_say_too_little(name: str) -> None:
    """A type that no kind has for certain has none, rather than the nearest."""
    assert kind_of_type(name) is None
    assert Service("1", "a", name, None, Decimal(1), 1, 9).kind is None


def test_every_kind_goes_by_its_own_name() -> None:
    """The short name of each kind, and its class's, is a name of it; every kind but raw has spellings above."""
    assert all(kind_of_type(name) == name == kind_of_type(f"{name}Order") for name in kind_names())
    assert set(kind_names()) == {*SPELLINGS, "raw"}
    assert kind_of(Order(1, "https://example.com/p", 10)) == "default"
