"""What a column may be called and what a cell may say: text to text, and never a guess. Pure."""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import get_type_hints

from attrs import frozen

import smmclient.orders as kinds
from smmclient.errors import UsageError
from smmclient.fields import check_text
from smmclient.forms import FIELDS

__all__ = ["LISTS", "LONGEST_CELL", "WHOLE", "BadCell", "Column", "column_of", "normal_name", "text_of"]

LONGEST_CELL = 64 * 1024
_LONGEST_NAME = 200
#: What stands around a cell without meaning anything; line ends and other controls do.
_BLANKS = " \t\u00a0\u202f\u3000\ufeff"
_LONGEST_REF = 200
_LONGEST_COUNT = 18


class BadCell(Exception):
    """The cell, or a column's name, is not one that can be read in one way only; the text says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@frozen
class Column:
    """A column: the parameter it stands for, and how a cell of it is read (``""``: it says nothing)."""

    name: str
    read: Callable[[str], str]
    #: ``panel``, ``ref`` and ``type`` are about the row and no parameters of the order.
    about_row: bool = False
    #: Its name as it is written, for messages.
    label: str = ""


def _named_by(*annotations: object) -> frozenset[str]:
    """The fields of all kinds that are annotated so."""
    hints: dict[str, object] = {}
    for kind in kinds.__all__:
        if kind not in ("AnyOrder", "RawOrder"):
            hints |= get_type_hints(getattr(kinds, kind))
    return frozenset(name for name in FIELDS if hints[name] in annotations)


#: The fields that are counts, and those with a line for each entry.
WHOLE = _named_by(int, int | None)
LISTS = _named_by(tuple[str, ...])

_WHOLE_NUMBER = re.compile(
    r"""(?: (?P<whole> [0-9]+
                     | [1-9][0-9]{0,2} (?: (?P<space>[ \u00a0\u202f'\u2019]) [0-9]{3} (?: (?P=space) [0-9]{3} )* )
                     | [1-9][0-9]{0,2} (?P<mark>[.,]) [0-9]{3} (?: (?P=mark) [0-9]{3} )+ )
            (?: (?! (?P=mark) ) [.,] 0{1,2} )?
          # One group, and then the other mark: 1,234.00
          | (?P<group> [1-9][0-9]{0,2} (?P<first>[.,]) [0-9]{3} ) (?! (?P=first) ) [.,] 0{1,2} )""",
    re.VERBOSE,
)
_TWO_READINGS = re.compile(r"([1-9][0-9]{0,2})[.,]([0-9]{3})")
_NO_DIGIT = re.compile(r"[^0-9]")


def _whole(text: str) -> str:
    if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= _LONGEST_COUNT:
        return text
    if not (text := text.strip()):
        return ""
    if match := _WHOLE_NUMBER.fullmatch(text):
        digits = _NO_DIGIT.sub("", match["whole"] or match["group"]).lstrip("0") or "0"
        if len(digits) > _LONGEST_COUNT:
            raise BadCell(f"a whole number has at most {_LONGEST_COUNT} digits, not {len(digits)}: {text[:40]!r}")
        return digits
    if match := _TWO_READINGS.fullmatch(text):
        raise BadCell(f"{text} can be read in two ways: write {match[1]}{match[2]} if it is that many")
    raise BadCell(f"must be a whole number, not {text[:40]!r}: write it with digits only")


_SERVICE_AS_NUMBER = re.compile(r"([0-9]+)[.,]0{1,2}")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+")


def _service(text: str) -> str:
    if (text := text.strip()).isdigit():
        return text
    if match := _SERVICE_AS_NUMBER.fullmatch(text):
        return match[1]
    if _SCIENTIFIC.fullmatch(text):
        raise BadCell(f"a spreadsheet has rounded the id to {text[:40]}: format the column as text and write it again")
    return text


def _text(text: str) -> str:
    return text if text.strip() else ""


def _trimmed(text: str) -> str:
    return text.strip(_BLANKS)


def _lines(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _text(text)


_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


def _expiry(text: str) -> str:
    match = _ISO_DATE.fullmatch(text := text.strip())
    return f"{match[3]}/{match[2]}/{match[1]}" if match else text


def _ref(text: str) -> str:
    if not (text := text.strip()):
        return ""
    if len(text) > _LONGEST_REF:
        raise BadCell(f"a ref has at most {_LONGEST_REF} characters, not {len(text)}: shorten it")
    try:
        return check_text(text, "a ref", error=UsageError)
    except UsageError as error:
        raise BadCell(error.message) from None


_PANEL_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def _panel(text: str) -> str:
    if (text := text.strip()) and not _PANEL_NAME.fullmatch(text):
        raise BadCell(f"{text[:40]!r} is no name of a panel: those have letters, digits, dots, - and _")
    return text


def _of_the_user(_: str) -> str:
    return ""


def _nameless(text: str) -> str:
    if text.strip():
        raise BadCell("there is a cell in a column without a name: name the column, or empty the cell")
    return ""


_READERS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(FIELDS, _trimmed),
    **dict.fromkeys(WHOLE, _whole),
    **dict.fromkeys(LISTS, _lines),
    "service": _service,
    "answer_number": str.strip,
    "expiry": _expiry,
    "panel": _panel,
    "ref": _ref,
    "type": str.strip,
}
_ABOUT_ROW = frozenset({"panel", "ref", "type"})
#: What the client sets itself, or what has a column of its own that is checked.
_NOT_FREE = frozenset({"key", "action", "request_id", "service", "coupon"})
_OWN = "a column of your own begins with # or _, a panel's own parameter with field:"
_BETWEEN_WORDS = re.compile(r"[\s-]+")


def normal_name(written: str) -> str:
    """A column's name as it is compared: without case, with ``_`` between words.

    >>> normal_name(" Type of-traffic ")
    'type_of_traffic'
    """
    return _BETWEEN_WORDS.sub("_", written.strip("\ufeff").strip()).lower()


@functools.lru_cache(maxsize=512)
def column_of(written: str) -> Column:
    """The column that a header or a key names; raises `BadCell` where there is none."""
    if len(written) > _LONGEST_NAME:
        raise BadCell(f"a name has at most {_LONGEST_NAME} characters, not {len(written)}")
    if not (bare := written.strip("\ufeff").strip()):
        return Column("", _nameless)
    if bare.startswith(("#", "_")):
        return Column("", _of_the_user, label=bare)
    if bare.startswith("field:"):
        return _free(bare)
    name = normal_name(bare)
    if name not in _READERS:
        raise BadCell(_unknown(name))
    return Column(name, _READERS[name], name in _ABOUT_ROW, bare)


def _free(written: str) -> Column:
    name = written.removeprefix("field:").strip()
    try:
        check_text(name, "the name after field:", error=UsageError)
    except UsageError as error:
        raise BadCell(error.message) from None
    if name in _NOT_FREE:
        raise BadCell(f"{name} cannot be given as field:{name}")
    return Column(name, _text, label=written)


@functools.lru_cache(maxsize=512)
def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _READERS, n=1)
    return f"is not known; did you mean {close[0]!r}? ({_OWN})" if close else f"is not known ({_OWN})"


#: From here on a float stands for several whole numbers.
_LARGEST_FLOAT = 2**53
_LARGEST_INT = 10**30


def text_of(name: str, value: object) -> str:
    """What a cell would say for a value from JSON or from an application; raises `BadCell`."""
    if isinstance(value, str):
        # A str enum's own str() would be its name.
        text = value if type(value) is str else str.__str__(value)
    elif value is None:
        return ""
    elif isinstance(value, (int, float, Decimal)) and _is_exact(value):
        return str(int(value))
    elif isinstance(value, (list, tuple)) and name in LISTS:
        text = _joined(value)
    elif isinstance(value, dt.date) and name == "expiry":
        return f"{value.day:02}/{value.month:02}/{value.year:04}"
    else:
        listed = ", or a list of texts" if name in LISTS else ""
        raise BadCell(f"must be text or a whole number{listed}, not {_shown(value)}")
    if "\0" in text:
        raise BadCell("holds a NUL character: remove it")
    if len(text) > LONGEST_CELL:
        raise BadCell(f"is longer than {LONGEST_CELL} characters: shorten it")
    return text


def _is_exact(value: float | Decimal) -> bool:
    """Whether it is a whole number, and one only."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _LARGEST_INT
    if isinstance(value, float):
        return value.is_integer() and abs(value) < _LARGEST_FLOAT
    return value.is_finite() and value.adjusted() < _LONGEST_COUNT and value == value.to_integral_value()


def _joined(entries: list[object] | tuple[object, ...]) -> str:
    for place, entry in enumerate(entries, 1):
        if not isinstance(entry, str):
            raise BadCell(f"entry {place} must be text, not {_shown(entry)}")
        if entry.splitlines() != [entry] or not entry.strip():
            raise BadCell(f"entry {place} must be one line of text: {entry[:40]!r}")
    return "\n".join(str.__str__(entry) for entry in entries if isinstance(entry, str))


def _shown(value: object) -> str:
    return _SHOWN.get(type(value)) or f"{type(value).__name__} {value!r}"[:60]


_SHOWN: Mapping[type, str] = {dict: "an object", list: "a list", bool: "true or false"}
