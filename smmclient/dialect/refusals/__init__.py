"""The panels' own words for no, and what they mean: one table a language, one lookup.

A new text is a new row. It is looked for among a panel's own texts, then among whole texts, then part by part, and in
the end as a dictionary key. Parts that admit a failure come before all others: a text may be taken for a fault that is
none, which leaves an order in doubt; the other way round it would be placed twice. A text that no row knows stays a
plain `Refused`.

Where each was seen is said in the tables. A text goes into them as it was seen, and only for what the panel had done
when it said so: the same words for "closed" can come before the money is taken, or after.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from smmclient.dialect.refusals import english, others, turkish, vietnamese
from smmclient.dialect.refusals.keys import KEYS
from smmclient.dialect.refusals.table import Fault, Meaning, Part, Texts, normalise, shape

__all__ = ["Fault", "Meaning", "meaning_of", "meaning_of_whole", "normalise", "shape"]

_LANGUAGES: tuple[Texts, ...] = (
    english.TEXTS,
    vietnamese.TEXTS,
    turkish.TEXTS,
    others.RUSSIAN,
    others.SPANISH,
    others.INDONESIAN,
)


def _by_shape(*tables: Texts) -> dict[str, Meaning]:
    """Every text's meaning; the first table to have a text decides."""
    found: dict[str, Meaning] = {}
    for table in tables:
        for meaning, texts in table.items():
            for text in texts:
                found.setdefault(shape(text), meaning)
    return found


_WHOLE: Mapping[str, Meaning] = _by_shape(*_LANGUAGES)
_KEYS: Mapping[str, Meaning] = _by_shape(KEYS, *_LANGUAGES)

_PARTS: tuple[Part, ...] = (
    *english.FAULTS,
    *vietnamese.FAULTS,
    *turkish.FAULTS,
    *others.FAULTS,
    *english.PARTS,
    *vietnamese.PARTS,
    *turkish.PARTS,
    *others.RUSSIAN_PARTS,
)

#: Of a longer text, which is a page rather than a refusal, this much of either end is looked at.
_END = 2000


def meaning_of(text: str, own: Mapping[str, Meaning] | None = None) -> Meaning | None:
    """The error class that a panel's text means, by its own table first; None if nobody knows the text.

    >>> meaning_of("neworder.error.not_enough_funds").__name__
    'InsufficientFunds'
    """
    if len(text) > 2 * _END:
        text = f"{text[:_END]} {text[-_END:]}"
    if (whole := meaning_of_whole(text, own)) is not None:
        return whole
    plain = shape(text)
    if (part := next((part for part in _PARTS if part.holds(plain)), None)) is not None:
        return part.meaning
    if re.fullmatch(r"\w+(\.\w+)+", text.strip()):
        return _KEYS.get(shape(text.rsplit(".", 1)[1]))
    return None


def meaning_of_whole(text: str, own: Mapping[str, Meaning] | None = None) -> Meaning | None:
    """The same for a text that is known from its first word to its last: for places where a refusal is not expected.

    >>> meaning_of_whole("Invalid API key").__name__, meaning_of_whole("Invalid API key usage: 1")
    ('AuthenticationFailed', None)
    """
    plain = shape(text)
    if own and plain in own:
        return own[plain]
    return _WHOLE.get(plain)
