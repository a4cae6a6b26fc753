"""Values as text that is safe in a file, a spreadsheet and a page. Pure.

What a spreadsheet would run as a formula gets a ``'`` in front.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal

__all__ = ["clean", "clock", "defuse", "instant", "money", "short", "tidy"]

#: A whole escape sequence: CSI, then OSC, DCS and their like up to their end, then the two-character ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Marks that turn the direction of what follows: a text could rewrite the column beside it.
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_SPACES = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")

#: Blank or unseen characters, and our own quotes, up to what makes a formula (full-width and small forms too).
_RISKY = re.compile(
    r"[\t\r]|[\s'\x00-\x1f\x7f-\xa0\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff]*[=+@\-＝＋＠－﹦﹢﹫﹣]"
)
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")


def clean(text: object) -> str:
    """The text on one line, without escape sequences, control characters and direction marks: for panel text.

    >>> clean("Likes \\x1b[2J\\x1b[31mcheap\\x07\\ttoday")
    'Likes cheap today'
    """
    return _kept(str(text), _SPACES, _DIRECTIONS)


def tidy(text: str) -> str:
    """The text without escape sequences and control characters but for its line ends, which become ``\\n``."""
    if text.isascii() and text.isprintable():
        return text
    return _kept(text.replace("\r\n", "\n").replace("\r", "\n"), _SPACES - {"\n"}, frozenset())


def _kept(text: str, spaces: frozenset[str], unwanted: frozenset[str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    for char in _ESCAPES.sub("", text):
        if char in spaces:
            kept.append(" ")
        elif (category := unicodedata.category(char)) == "Cs":
            kept.append("\ufffd")
        elif char == "\n" or (category != "Cc" and char not in unwanted):
            kept.append(char)
    return "".join(kept)


def defuse(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula; plain negative numbers stay as they are.

    >>> defuse("=1+1"), defuse(" @bob"), defuse("-0.25"), defuse("a=b")
    ("'=1+1", "' @bob", '-0.25', 'a=b')
    """
    return f"'{text}" if _is_risky(text) else text


def _is_risky(text: str) -> bool:
    return _RISKY.match(text) is not None and _NUMBER.fullmatch(text) is None


def short(text: str, longest: int = 300) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def money(amount: Decimal | None) -> str:
    """The amount in plain digits, never ``1E-6``; empty where it is not known."""
    return "" if amount is None else f"{amount:f}"


def instant(seconds: float | None) -> str:
    """Seconds since the epoch as ISO 8601 in UTC; empty where there are none.

    >>> instant(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if seconds is None:
        return ""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def clock(seconds: float | None) -> str:
    """The same to the second, to be read by people.

    >>> clock(0.25)
    '1970-01-01 00:00:00'
    """
    return instant(seconds).partition(".")[0].replace("T", " ")
