"""The panels' own words for no, and what they mean.

One table for the whole convention, looked up after a panel's own. A new text is a new row. Rows are
tried from the top, so the narrower stands above the wider; a text that no row knows stays a plain `Refused`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    NotCancelable,
    NotRefillable,
    Overloaded,
    RateLimited,
    Refused,
    SMMError,
    UnknownOrder,
    UnknownRefill,
    UnknownService,
)

__all__ = ["Fault", "meaning_of", "normalise"]


class Fault(Exception):
    """The panel admits that it failed on the way: a 5xx, or a text such as "Internal server error"."""


#: (what it means, parts of a text that say so). All lower case, runs of spaces and punctuation as one space.
_FRAGMENTS: tuple[tuple[type[SMMError] | type[Fault], tuple[str, ...]], ...] = (
    (RateLimited, ("too many requests", "rate limit", "ratelimit", "request limit exceeded")),
    (DuplicateOrder, ("active order with this link", "identical order", "link duplicate", "duplicate order")),
    (DuplicateOrder, ("too many orders",)),
    (AccountSuspended, ("account suspended", "account has been suspended", "account is suspended")),
    (AccountSuspended, ("account banned", "account blocked", "account is blocked")),
    (AuthenticationFailed, ("api key", "apikey", "missing key", "invalid key", "incorrect key")),
    (AuthenticationFailed, ("api is disable", "api access disabled")),
    (
        InsufficientFunds,
        ("not enough funds", "insufficient balance", "insufficient funds", "not enough balance"),
    ),
    (UnknownRefill, ("incorrect refill id", "refill not found", "invalid refill id")),
    (NotRefillable, ("refill is disabled", "not eligible for refill", "order is not completed")),
    (
        NotRefillable,
        ("refill was requested", "refill is only available", "cannot be refilled", "refill not available"),
    ),
    (NotCancelable, ("cannot be canceled", "cannot be cancelled", "cannot cancel", "failed to cancel")),
    (NotCancelable, ("not eligible for cancel", "cancellation via api is not", "cancel is not available")),
    (UnknownOrder, ("incorrect order id", "order not found", "invalid order id", "missing order parameter")),
    (UnknownOrder, ("order id is required",)),
    # "Missing required parameter: service" is about the request, not about the service.
    (Refused, ("missing required", "missing parameters", "is not supported by this service", "unauthorized")),
    (UnknownService, ("incorrect service id", "service id does not exist", "service not found")),
    (UnknownService, ("invalid service", "service is not available", "provider is unavailable")),
    (UnknownService, ("service is disabled", "service is inactive")),
    (InvalidLink, ("bad link", "invalid link", "incorrect link", "link not found", "link is required")),
    (
        InvalidQuantity,
        ("quantity less than", "quantity more than", "quantity must", "quantity out of bounds"),
    ),
    (
        InvalidQuantity,
        ("quantity too", "incorrect quantity", "invalid quantity", "min quantity", "max quantity"),
    ),
    (Fault, ("internal server error", "failed to create order", "order could not be created")),
    (Fault, ("unexpected error", "something went wrong", "gateway timeout", "bad gateway", "upstream", "timed out")),
    (Overloaded, ("temporarily unavailable",)),
)

#: Whole texts, where a part of them would catch too much.
_WHOLE: Mapping[str, type[SMMError] | type[Fault]] = {"server error": Fault}

#: Ends of untranslated dictionary keys (``neworder.error.link``) that are too short to be looked for as a part.
_KEY_SUFFIXES: Mapping[str, type[SMMError] | type[Fault]] = {
    "link": InvalidLink,
    "quantity": InvalidQuantity,
    "min": InvalidQuantity,
    "max": InvalidQuantity,
}


def normalise(text: str) -> str:
    """A text as the tables have it: lower case, every run of spaces, underscores and punctuation one space."""
    return " ".join(re.split(r"[\W_]+", text.casefold())).strip()


def meaning_of(
    text: str, own: Mapping[str, type[SMMError] | type[Fault]] | None = None
) -> type[SMMError] | type[Fault] | None:
    """The error class that a panel's text means, by its own table first; None if nobody knows the text.

    >>> meaning_of("neworder.error.not_enough_funds").__name__
    'InsufficientFunds'
    """
    plain = normalise(text)
    for table in (own or {}, _WHOLE):
        if plain in table:
            return table[plain]
    if re.fullmatch(r"[\w]+(\.[\w]+)+", text.strip()):
        suffix = normalise(text.rsplit(".", 1)[1])
        if suffix in _KEY_SUFFIXES:
            return _KEY_SUFFIXES[suffix]
    return next((meaning for meaning, parts in _FRAGMENTS if _holds(plain, parts)), None)


def _holds(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)
