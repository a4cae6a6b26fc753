"""What the sandbox sells: forty services with the types, prices and bounds that panels have, then rarer types."""

from collections.abc import Collection
from decimal import Decimal

from .values import CUSTOM_COMMENTS, DEFAULT, PACKAGE, SUBSCRIPTIONS, Service

# name, type, category, rate per 1,000, min, max, flags (d: drip-feed, r: refill, c: cancel).
# The first is the one that examples order: cheap, wide bounds, every flag set.
_ROWS = (
    ("Instagram Followers | 30 Days Refill", DEFAULT, "Instagram Followers", "0.90", 10, 500_000, "drc"),
    ("Instagram Followers | No Refill", DEFAULT, "Instagram Followers", "0.35", 50, 100_000, "dc"),
    ("Instagram Followers | Real, Slow", DEFAULT, "Instagram Followers", "3.2040", 100, 20_000, "r"),
    ("Instagram Likes", DEFAULT, "Instagram Likes", "0.0811", 10, 300_000, "dc"),
    ("Instagram Likes | Real", DEFAULT, "Instagram Likes", "0.62", 20, 20_000, "drc"),
    ("Instagram Views | Reels", DEFAULT, "Instagram Views", "0.0012", 100, 10_000_000, "d"),
    ("Instagram Story Views", DEFAULT, "Instagram Views", "0.04", 100, 40_000, ""),
    ("Instagram Saves", DEFAULT, "Instagram Likes", "0.11", 10, 50_000, "c"),
    ("Instagram Comments | Custom", CUSTOM_COMMENTS, "Instagram Comments", "6", 5, 900, "c"),
    ("Instagram Comments | Emoji 💬", DEFAULT, "Instagram Comments", "4.75", 5, 1_000, ""),
    ("Instagram Auto Likes | New Posts", SUBSCRIPTIONS, "Instagram Subscriptions", "0.45", 50, 10_000, "c"),
    ("Instagram Auto Views | New Posts", SUBSCRIPTIONS, "Instagram Subscriptions", "0.02", 100, 100_000, "c"),
    ("TikTok Followers", DEFAULT, "TikTok", "1.74", 10, 100_000, "drc"),
    ("TikTok Likes", DEFAULT, "TikTok", "0.27", 10, 100_000, "dc"),
    ("TikTok Views", DEFAULT, "TikTok", "0.0009", 100, 2_147_483_647, "d"),
    ("TikTok Shares", DEFAULT, "TikTok", "0.15", 100, 50_000, ""),
    ("TikTok Comments | Custom", CUSTOM_COMMENTS, "TikTok", "8.50", 10, 500, ""),
    ("TikTok Starter | 1K Views + 100 Likes", PACKAGE, "TikTok Packages", "2.50", 1_000, 1_000, ""),
    ("YouTube Views | Lifetime Guarantee", DEFAULT, "YouTube Views", "1.98", 500, 1_000_000, "drc"),
    ("YouTube Views | Ads", DEFAULT, "YouTube Views", "2.4500", 10_000, 5_000_000, "c"),
    ("YouTube Subscribers", DEFAULT, "YouTube Subscribers", "14.70", 50, 10_000, "rc"),
    ("YouTube Likes", DEFAULT, "YouTube Likes", "0.74", 20, 50_000, "drc"),
    ("YouTube Comments | Custom", CUSTOM_COMMENTS, "YouTube Comments", "12", 5, 500, "c"),
    ("YouTube Watch Time | 1,000 Hours", PACKAGE, "YouTube Packages", "19.99", 1_000, 1_000, "r"),
    ("Telegram Members", DEFAULT, "Telegram", "0.58", 100, 200_000, "rc"),
    ("Telegram Post Views", DEFAULT, "Telegram", "0.0150", 50, 1_000_000, "d"),
    ("Telegram Reactions 👍", DEFAULT, "Telegram", "0.08", 10, 100_000, "c"),
    ("Telegram Auto Views | Next Posts", SUBSCRIPTIONS, "Telegram Subscriptions", "0.06", 50, 50_000, ""),
    ("Facebook Page Likes", DEFAULT, "Facebook", "1.26", 100, 100_000, "rc"),
    ("Facebook Post Likes", DEFAULT, "Facebook", "0.44", 20, 50_000, "drc"),
    ("Facebook Video Views", DEFAULT, "Facebook", "0.10", 500, 10_000_000, "d"),
    ("Facebook Profile Followers", DEFAULT, "Facebook", "0.88", 100, 500_000, "r"),
    ("X Followers", DEFAULT, "X", "4.10", 20, 50_000, "rc"),
    ("X Likes", DEFAULT, "X", "1.90", 10, 20_000, "d"),
    ("X Post Views", DEFAULT, "X", "0.0042", 100, 100_000_000, "d"),
    ("Spotify Plays | Free Accounts", DEFAULT, "Spotify", "0.33", 1_000, 10_000_000, "dr"),
    ("Spotify Followers", DEFAULT, "Spotify", "0.85", 20, 100_000, "r"),
    ("SoundCloud Plays", DEFAULT, "SoundCloud", "0.0070", 100, 10_000_000, ""),
    ("Twitch Followers", DEFAULT, "Twitch", "0.95", 10, 50_000, "c"),
    ("Website Traffic | Worldwide", DEFAULT, "Traffic", "0.16", 500, 1_000_000, "d"),
    # Behind the forty that every panel here has had from the start: ids are in use.
    ("Instagram Comments | Package of 20", "Custom Comments Package", "Instagram Comments", "40", 20, 20, ""),
    ("Google Ranking | Keywords", "SEO", "SEO", "3.10", 10, 5_000, "c"),
    ("Instagram Mentions | Usernames", "Mentions", "Instagram Mentions", "5.20", 10, 5_000, "c"),
    ("Instagram Mentions | With Hashtags", "Mentions with Hashtags", "Instagram Mentions", "5.60", 10, 5_000, "c"),
    ("Instagram Mentions | Custom List", "Mentions Custom List", "Instagram Mentions", "4.40", 2, 1_000, "c"),
    ("Instagram Mentions | Hashtag", "Mentions Hashtag", "Instagram Mentions", "4.10", 10, 20_000, ""),
    ("Instagram Mentions | Followers", "Mentions User Followers", "Instagram Mentions", "3.95", 10, 50_000, "c"),
    ("Instagram Mentions | Likers", "Mentions Media Likers", "Instagram Mentions", "3.80", 10, 20_000, ""),
    ("Instagram Comment Likes", "Comment Likes", "Instagram Comments", "1.35", 10, 10_000, "rc"),
    ("Instagram Comment Replies", "Comment Replies", "Instagram Comments", "9.25", 1, 500, "c"),
    ("Instagram Story Poll Votes", "Poll", "Instagram Votes", "0.95", 20, 30_000, ""),
    ("Facebook Group Invites", "Invites from Groups", "Facebook", "2.75", 50, 5_000, "c"),
    ("Website Traffic | By Country", "Web Traffic", "Traffic", "0.22", 500, 1_000_000, "dc"),
)


def build_catalog(types: Collection[str]) -> dict[int, Service]:
    """Return the services of these types by id; an id means the same service on every panel."""
    return {
        number: Service(
            id=number,
            name=name,
            type=type_,
            category=category,
            rate=Decimal(rate),
            min=low,
            max=high,
            dripfeed="d" in flags,
            refill="r" in flags,
            cancel="c" in flags,
        )
        for number, (name, type_, category, rate, low, high, flags) in enumerate(_ROWS, start=1)
        if type_ in types
    }
