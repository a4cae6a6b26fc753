"""Texts of panels and files, made safe for a terminal, a spreadsheet and a page. Pure."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "defuse", "tidy", "undefuse"]

#: A whole escape sequence: CSI, then OSC, DCS and their like up to their end, then the two-character ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Marks that turn the direction of what follows: a text could rewrite the column beside it.
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_SPACES = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")

#: Blank or unseen characters, and our own quotes, up to what makes a formula (full-width and small forms too), or
#: to a tab or line end, which some programs pass over in front of one.
_RISKY = re.compile(
    r"[\s'\x00-\x1f\x7f-\xa0\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff]*[\t\r=+@\-＝＋＠－﹦﹢﹫﹣]"
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


def undefuse(cell: str) -> str:
    """The cell without the ``'`` that `defuse` put in front of it."""
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell, 1) else cell
