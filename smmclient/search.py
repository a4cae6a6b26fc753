"""Finding words in names that are full of emoji, entities and mathematical letters. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["rank", "words_of"]

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text as one would type them: entities resolved, letters plain, case and accents gone.

    >>> words_of("🔥 𝗜𝗻𝘀𝘁𝗮𝗴𝗿𝗮𝗺 &amp; Fólłowers")
    ['instagram', 'followers']
    """
    plain = html.unescape(text)
    if plain.isascii():
        return _WORD.findall(plain.casefold())
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(char for char in plain if not unicodedata.combining(char) and char not in _INVISIBLE)
    return _WORD.findall(plain.casefold().translate(_PLAIN))


#: Zero-width and bidi marks, found inside the names of real catalogs.
_INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u00ad")
#: Letters that have no decomposition.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def rank(query: str, texts: Sequence[tuple[str, str]]) -> list[int]:
    """The indexes of the (name, rest) texts that hold every word of the query, the best match first.

    A whole word counts more than the start of one, and that more than the inside of one; the name counts more than the
    rest, and words that follow each other there as they do in the query count more than scattered ones. Between equals
    the shorter name goes first, then the panel's own order decides.
    """
    asked = words_of(query)
    if not asked:
        return []
    scored: list[tuple[float, int]] = []
    for index, (name, rest) in enumerate(texts):
        in_name = words_of(name)
        points = [4 * _best(word, in_name) for word in asked]
        if not all(points):
            in_rest = words_of(rest)
            points = [best or _best(word, in_rest) for word, best in zip(asked, points, strict=True)]
        if all(points):
            follows = sum(_follow(first, second, in_name) for first, second in pairwise(asked))
            scored.append((-sum(points) - follows + min(len(in_name), 500) / 1000, index))
    return [index for _, index in sorted(scored)]


def _follow(first: str, second: str, words: list[str]) -> bool:
    return any(one.startswith(first) and other.startswith(second) for one, other in pairwise(words))


def _best(word: str, words: list[str]) -> float:
    if word in words:
        return 3
    if any(other.startswith(word) or _singular(other) == _singular(word) for other in words):
        return 2
    return 1 if len(word) > 2 and any(word in other for other in words) else 0
