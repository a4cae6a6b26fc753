"""Rows that real catalogs have and nobody expects: each a service, most of which can be ordered all the same.

From 22 dumps of `action=services`. What is not for sale is said by a price that nobody can pay, or by a minimum above
the maximum: such rows stand in the catalog and take no order.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from .values import DEFAULT, Service

FIRST = 901
_LONG = "Instagram Followers " + "| High Quality " * 19 + "| Cheap"

# name, type, rate, min, max, flags as in catalog.py; an empty name is sent as null. Rates are in the panel's currency,
# per 1,000, and odd numbers of rows show theirs as a JSON number.
_ROWS = (
    ("𝐈𝐧𝐬𝐭𝐚𝐠𝐫𝐚𝐦 𝐋𝐢𝐤𝐞𝐬 🔥⚡️ | 𝗥𝗲𝗮𝗹", DEFAULT, "1013.75", 10, 50_000, "drc"),
    ("&lt;br&gt;Telegram Views &amp; Reactions", "default", "187.5", 50, 1_000_000, "d"),
    ("  TikTok\r\nViews\t[ Max 10M ]  ", "", "11.250000000000002", 100, 10_000_000, "c"),
    ("\u200fInstagram\u200b Followers\u202e", DEFAULT, "11250", 10, 10_000, "r"),
    (_LONG, DEFAULT, "0.24000000000000002", 100, 2_147_483_647, "dc"),
    ("", DEFAULT, "0.23", 100, 10_000_000, ""),
    ("Instagram Views ❌ OFF", DEFAULT, "116011238807365", 100, 1_000_000, ""),
    ("Instagram Likes ❌ OFF", DEFAULT, "9999999999999.00", 100, 1_000_000, ""),
    ("YouTube Likes | Closed", DEFAULT, "9250", 5_000, 100, "r"),
    ("Facebook Views", DEFAULT, "1250", 0, 2_147_483_647, "d"),
    ("Telegram Members ├®", DEFAULT, "7250", -1, 200_000, "rc"),
    ("Instagram Comments", "custom_comments", "75000", 5, 900, "c"),
    ("Free Trial 🎁", "Special 1", "0", 10, 10, ""),
    ("Twitch Views", "12", "0.000001", 1_000, 1_000_000_000, ""),
    ("X Likes", DEFAULT, "23750", 10, 20_000, "d"),
    ("X Likes", DEFAULT, "23750", 20, 20_000, "d"),
)

MESSY: Mapping[int, Service] = MappingProxyType(
    {
        number: Service(
            id=number,
            name=name,
            type=type_,
            category="💎 Special &amp; New",
            rate=Decimal(rate),
            min=low,
            max=high,
            dripfeed="d" in flags,
            refill="r" in flags,
            cancel="c" in flags,
        )
        for number, (name, type_, rate, low, high, flags) in enumerate(_ROWS, start=FIRST)
    }
)
"""The rows by id."""
