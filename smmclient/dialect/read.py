"""Reading what panels send: text to JSON, money, counts, flags and ids. Exact, or `Unreadable`; never a guess."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import NoReturn

import msgspec

from smmclient.model import OrderState, RefillState

__all__ = [
    "Unreadable",
    "read_count",
    "read_flag",
    "read_id",
    "read_json",
    "read_money",
    "read_order_state",
    "read_refill_state",
    "read_text",
]


class Unreadable(Exception):
    """What the panel sent cannot be understood without guessing; says why."""


_decoder = msgspec.json.Decoder(float_hook=Decimal)
#: PHP panels can print a warning before their JSON; more lines of it than this is not one.
_MOST_WARNINGS = 20


def read_json(body: bytes) -> object:
    """The decoded JSON of a body: dict, list, str, int, bool, None, and `Decimal` for every non-integer.

    The content type is not asked, because PHP panels send JSON as text/html. A byte order mark is skipped,
    and so are warnings in the lines before the JSON.
    """
    try:
        decoded: object = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return _read_odd_json(body)
    return decoded


def _read_odd_json(body: bytes) -> object:
    text = body.decode("utf-8-sig", "replace").strip().lstrip("\ufeff")
    if not text:
        raise Unreadable("the reply is empty")
    if text[0] in '{["':
        return _read_lenient(text)
    if text[0] == "<":
        # A PHP warning, then JSON on a line of its own; an HTML page does not end in JSON.
        starts = [match.start(1) for match in re.finditer(r"\n[ \t]*([{\[])", text)]
        for start in starts[-_MOST_WARNINGS:]:
            try:
                return _read_lenient(text[start:])
            except Unreadable:
                continue
        raise Unreadable("the reply is HTML")
    return _read_lenient(text)


def _read_lenient(text: str) -> object:
    # The standard library takes raw line ends in strings and lone surrogates, which msgspec does not.
    try:
        decoded: object = json.loads(text, strict=False, parse_float=_exact, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        # Arithmetic: 1e99999999999999999999 is JSON, and no number that anything can hold.
        raise Unreadable("the reply is not JSON, or is cut") from None
    return decoded


def _exact(text: str) -> Decimal:
    return Decimal(text)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


_PLAIN = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?", re.ASCII)
_GROUPS_THEN_POINT = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d{1,30}|[+-]?\d{1,3}(,\d{3}){2,}", re.ASCII)
_GROUPS_THEN_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d{1,30}|[+-]?\d{1,3}(\.\d{3}){2,}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,30},\d{1,30}", re.ASCII)
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_ONE_DOTTED_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_NOTHING = frozenset({"", "-", "n/a", "null", "none"})


def read_money(value: object) -> Decimal | None:
    """An amount as the text has it, exactly; None where the panel sends nothing.

    Thousands separators (``1,234.50``, ``1.234,50``) and decimal commas (``2,5``) are told apart by shape; ``1,234``
    alone could be either and is `Unreadable`.

    >>> read_money("1,234.50000"), read_money("2,5"), read_money("")
    (Decimal('1234.50000'), Decimal('2.5'), None)
    """
    if type(value) is str and _PLAIN.fullmatch(value):
        return Decimal(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise Unreadable(f"{_shown(value)} is not an amount")
    text = str(value).strip()
    if text.casefold() in _NOTHING:
        return None
    if not _PLAIN.fullmatch(text):
        text = _without_separators(text)
    return Decimal(text)


def _without_separators(text: str) -> str:
    if _GROUPS_THEN_POINT.fullmatch(text):
        return text.replace(",", "")
    if _GROUPS_THEN_COMMA.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    if _ONE_GROUP.fullmatch(text):
        raise Unreadable(f"{_shown(text)} is ambiguous: a thousands separator or a decimal comma")
    if _DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    raise Unreadable(f"{_shown(text)} is not an amount")


def read_count(value: object) -> int | None:
    """A whole number; None where the panel sends nothing. ``"12.0"`` is 12, ``"12.5"`` is `Unreadable`."""
    if type(value) is int:
        return value
    if type(value) is str and value.isdigit() and value.isascii() and len(value) <= 30:
        return int(value)
    if isinstance(value, (str, Decimal)) and _ONE_DOTTED_GROUP.fullmatch(str(value).strip()):
        raise Unreadable(f"{_shown(value)} is ambiguous: a thousands separator or a fraction of zeros")
    amount = read_money(value)
    if amount is None:
        return None
    if amount != amount.to_integral_value():
        raise Unreadable(f"{_shown(value)} is not a whole number")
    return int(amount)


_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no"})


def read_flag(value: object) -> bool | None:
    """A yes or no; None where the panel does not say.

    Panels send booleans, 0 and 1, and either as text. Any other text is the terms of a yes ("30 days").
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        word = str(value).strip().casefold()
        if word in _FALSE:
            return False
        if word in _TRUE or (isinstance(value, str) and word not in _NOTHING):
            return True
        if word in _NOTHING:
            return None
    raise Unreadable(f"{_shown(value)} is neither yes nor no")


#: Texts that stand in an id's place where there is none.
_NO_ID = _NOTHING | {"undefined", "nan", "true", "false", "error", "fail", "failed", "unknown"}


def read_id(value: object) -> str:
    """An id as text. A float is `Unreadable`: an id that went through one may have lost digits."""
    if type(value) is int and value >= 0:
        return str(value)
    if isinstance(value, str):
        text = value.strip()
        usable = text.isprintable() and len(text) <= 200 and not re.search(r"[\s,\ufffd]", text)
        if usable and text.casefold() not in _NO_ID and text[0] != "-" and any(map(str.isalnum, text)):
            return text
    raise Unreadable(f"{_shown(value)} is not an id")


def read_text(value: object) -> str | None:
    """Text as it is, surrounding spaces gone; None where the panel sends nothing."""
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Unreadable(f"{_shown(value)} is not text")
    return str(value).strip() or None


def _fold(word: str) -> str:
    return re.sub(r"[\s_\-]+", "", word).casefold()


#: Words seen in answers to ``action=status``, spelled without spaces, underscores, hyphens and case.
_ORDER_STATES = {
    "pending": OrderState.PENDING,
    "awaiting": OrderState.PENDING,
    "awaitingpayment": OrderState.PENDING,
    "queued": OrderState.PENDING,
    "inprogress": OrderState.IN_PROGRESS,
    "processing": OrderState.PROCESSING,
    "completed": OrderState.COMPLETED,
    "partial": OrderState.PARTIAL,
    "partiallycompleted": OrderState.PARTIAL,
    "canceled": OrderState.CANCELED,
    "cancelled": OrderState.CANCELED,
    "refunded": OrderState.REFUNDED,
    "fail": OrderState.FAILED,
    "failed": OrderState.FAILED,
    "error": OrderState.FAILED,
}

#: The words as nearly all panels spell them, and in snake case.
_USUAL = {
    "Pending": OrderState.PENDING,
    "In progress": OrderState.IN_PROGRESS,
    "Processing": OrderState.PROCESSING,
    "Completed": OrderState.COMPLETED,
    "Partial": OrderState.PARTIAL,
    "Canceled": OrderState.CANCELED,
    "pending": OrderState.PENDING,
    "in_progress": OrderState.IN_PROGRESS,
    "processing": OrderState.PROCESSING,
    "completed": OrderState.COMPLETED,
    "partial": OrderState.PARTIAL,
    "canceled": OrderState.CANCELED,
}

_REFILL_STATES = {
    "pending": RefillState.PENDING,
    "awaiting": RefillState.PENDING,
    "inprogress": RefillState.IN_PROGRESS,
    "processing": RefillState.IN_PROGRESS,
    "completed": RefillState.COMPLETED,
    "rejected": RefillState.REJECTED,
    "canceled": RefillState.REJECTED,
    "cancelled": RefillState.REJECTED,
    "fail": RefillState.FAILED,
    "failed": RefillState.FAILED,
    "error": RefillState.FAILED,
}


def read_order_state(word: str) -> OrderState:
    """The state that a panel's word means; UNKNOWN for a word that nobody documented.

    >>> read_order_state("in_progress"), read_order_state("Queued for review")
    (<OrderState.IN_PROGRESS: 'in_progress'>, <OrderState.UNKNOWN: 'unknown'>)
    """
    return _USUAL.get(word) or _ORDER_STATES.get(_fold(word), OrderState.UNKNOWN)


def read_refill_state(word: str) -> RefillState:
    """The state that a panel's word for a refill means; UNKNOWN for a word that nobody documented."""
    return _REFILL_STATES.get(_fold(word), RefillState.UNKNOWN)


def _shown(value: object) -> str:
    # All or nothing: a part of an echoed API key could not be recognised and taken out later.
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} of {len(text)} characters"
