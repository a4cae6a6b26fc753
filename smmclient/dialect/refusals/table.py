"""What a table of refusal texts is made of: whole texts, and parts of texts with what must not stand beside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from smmclient.errors import SMMError

__all__ = ["Fault", "Meaning", "Part", "Texts", "normalise", "shape"]


class Fault(Exception):
    """The panel admits that it failed on the way: a 5xx, or a text such as "Internal server error"."""


#: What a text can mean: an error of the tree, or a fault that leaves open what was done.
Meaning: TypeAlias = type[SMMError] | type[Fault]

#: Whole texts by what they mean, as panels send them. Any number in a text stands for every number.
Texts: TypeAlias = Mapping[Meaning, tuple[str, ...]]


def normalise(text: str) -> str:
    """A text as the tables have it: lower case, every run of spaces, underscores and punctuation one space.

    Composed and decomposed letters are the same, marks that remain on their own and invisible characters drop out, and
    the Turkish letters for i are all one, because panels write capitals of either alphabet.

    >>> normalise("  Incorrect_order ID.")
    'incorrect order id'
    >>> normalise("GEÇERSİZ Link") == normalise("geçersiz link")
    True
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("ı", "i")
        text = "".join(one for one in text if unicodedata.category(one) not in ("Mn", "Cf"))
    return " ".join(re.split(r"[\W_]+", text.casefold())).strip()


def shape(text: str) -> str:
    """A normalised text with every number as 0, so that "minimal 10" and "minimal 50" are one text.

    >>> shape("Quantity less than minimal 10")
    'quantity less than minimal 0'
    """
    return re.sub(r"\b[0-9]+( [0-9]+)*\b", "0", normalise(text))


def _shapes(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(("^" if text.startswith("^") else "") + shape(text) for text in texts)


@frozen
class Part:
    """Parts of a text that say what it means; none of ``unless`` may stand in it.

    A part begins where a word does; with ``^`` it begins the text.
    """

    meaning: Meaning
    parts: tuple[str, ...] = field(converter=_shapes)
    unless: tuple[str, ...] = field(default=(), converter=_shapes)

    def holds(self, text: str) -> bool:
        """Whether a `shape` of a text has one of the parts, and nothing that speaks against it."""
        return _has(text, self.parts) and not _has(text, self.unless)


def _has(text: str, parts: tuple[str, ...]) -> bool:
    return any(text.startswith(part[1:]) if part[0] == "^" else f" {part}" in f" {text}" for part in parts)
