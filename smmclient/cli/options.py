"""How options are read: whole numbers and amounts to the letter, flags without a "no"."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.session import Session

if TYPE_CHECKING:
    from cyclopts import Token

__all__ = ["Amount", "Flag", "Hidden", "Pacing", "Whole", "read_pacing"]


def _whole(hint: object, tokens: Sequence[Token]) -> int:
    # Not Python's own reading, nor cyclopts': they take 1_000 and 0x10, and make 1001 of 1000.6.
    text = tokens[0].value
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(text)


def _amount(hint: object, tokens: Sequence[Token]) -> Decimal:
    # Decimal itself takes NaN and 1_000.
    text = tokens[0].value
    whole, point, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and (fraction.isdigit() or not point)):
        raise ValueError(f"{text[:40]!r} is not an amount such as 2.50")
    return Decimal(text)


def _pacing(hint: object, tokens: Sequence[Token]) -> str:
    text = tokens[0].value
    if text != "none" and _limit_of(text) is None:
        raise ValueError(f"{text[:40]!r} is neither RATE/SECONDS, such as 100/60, nor none")
    return text


def _limit_of(text: str) -> tuple[int, float] | None:
    rate, slash, per = text.partition("/")
    whole, point, fraction = per.partition(".")
    if not (text.isascii() and slash and rate.isdigit() and whole.isdigit() and (fraction.isdigit() or not point)):
        return None
    # Longer ones are a slip of the finger, and not one that Python would take.
    if len(text) > 20 or not int(rate) or not float(per):
        return None
    return int(rate), float(per)


def read_pacing(text: str) -> tuple[tuple[int, float], ...]:
    """What a `Pacing` stands for: one limit of so many requests in so many seconds, or none.

    >>> read_pacing("100/60"), read_pacing("none")
    (((100, 60.0),), ())
    """
    limit = _limit_of(text)
    return () if limit is None else (limit,)


Whole = Annotated[int, Parameter(converter=_whole)]
Amount = Annotated[Decimal, Parameter(converter=_amount)]
Pacing = Annotated[str, Parameter(converter=_pacing)]
Flag = Annotated[bool, Parameter(negative="", show_default=False, help="Write JSON to stdout, errors too.")]
Hidden = Annotated[Session, Parameter(parse=False)]
