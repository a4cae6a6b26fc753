"""How options are read: whole numbers and amounts to the letter, flags without a "no"."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from smmclient.cli.session import Session

if TYPE_CHECKING:
    from cyclopts import Token

__all__ = ["Amount", "Flag", "Hidden", "Whole"]


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


Whole = Annotated[int, Parameter(converter=_whole)]
Amount = Annotated[Decimal, Parameter(converter=_amount)]
Flag = Annotated[bool, Parameter(negative="", show_default=False, help="Write JSON to stdout, errors too.")]
Hidden = Annotated[Session, Parameter(parse=False)]
