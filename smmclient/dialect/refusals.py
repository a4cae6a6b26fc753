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


#: (what it means, parts of a text that say so): lower case, runs of spaces and punctuation as one space. A part begins
#: where a word does; with ``^`` it begins the text.
_FRAGMENTS: tuple[tuple[type[SMMError] | type[Fault], tuple[str, ...]], ...] = (
    (RateLimited, ("too many requests", "rate limit", "ratelimit", "request limit exceeded")),
    (DuplicateOrder, ("active order with this link", "identical order", "link duplicate", "duplicate order")),
    (DuplicateOrder, ("too many orders",)),
    # Not the account that the link leads to: "Instagram account blocked" is about the link.
    (AccountSuspended, ("^account suspended", "^account is suspended", "your account has been", "your account is")),
    (AccountSuspended, ("^account banned", "^account blocked", "^account is blocked", "^account disabled")),
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
    # What admits a failure on the way may have been done all the same: rather one text too many than one too few.
    (Fault, ("server error", "internal error", "unexpected error", "unknown error", "error occurred", "error occured")),
    (Fault, ("database error", "sqlstate", "timeout", "timed out", "bad gateway", "upstream", "something went wrong")),
    (Fault, ("failed to create", "failed to place", "error creating", "order could not be created")),
    (Overloaded, ("temporarily unavailable",)),
)

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
    if own and plain in own:
        return own[plain]
    if re.fullmatch(r"[\w]+(\.[\w]+)+", text.strip()):
        suffix = normalise(text.rsplit(".", 1)[1])
        if suffix in _KEY_SUFFIXES:
            return _KEY_SUFFIXES[suffix]
    return next((meaning for meaning, parts in _FRAGMENTS if _holds(plain, parts)), None)


def _holds(text: str, parts: Iterable[str]) -> bool:
    return any(text.startswith(part[1:]) if part[0] == "^" else f" {part}" in f" {text}" for part in parts)
