"""What happens after an attempt failed: a pure function of what the call is and what was met.

This is the rule that keeps an order from being placed twice; `decide` is tested cell by cell.
"""

from __future__ import annotations

import enum

from attrs import frozen

from smmclient.errors import (
    InsufficientFunds,
    InvalidLink,
    InvalidQuantity,
    Malformed,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    SMMError,
    UnknownService,
    Unreachable,
)
from smmclient.wire import Safety

__all__ = ["Failed", "Met", "Verdict", "decide", "outcome", "settles"]


class Met(enum.Enum):
    """How an attempt failed."""

    #: Refused connection, connect timeout, DNS, TLS: no byte has left.
    NOT_SENT = "not sent"
    #: Timeout or dropped connection once bytes may have left.
    LOST = "no reply"
    #: 5xx, or a text that admits a failure.
    FAULT = "the panel failed"
    #: A 2xx that is HTML, empty, cut, or says neither yes nor no.
    GARBLED = "an unreadable reply"
    #: A reply over the size bound.
    OVERSIZE = "a reply that is too large"
    #: Rows that do not say which id each is about: the panel's way, which no repeat would change.
    UNMATCHED = "a reply whose rows name no ids"
    #: 429, or a text that says so.
    LIMITED = "the limit is used up"
    #: The panel says that it is closed for now, before it has looked at the request.
    CLOSED = "the panel is closed for now"


class Failed(Exception):
    """An attempt ended in one of the ways that `decide` knows. Stays inside the pipeline."""

    def __init__(
        self, met: Met, cause: Exception, *, excerpt: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(met)
        self.met = met
        self.cause = cause
        self.excerpt = excerpt
        self.retry_after = retry_after


@frozen
class Verdict:
    """``repeat``: the same call may be sent again. ``doubt``: the panel may have acted upon it."""

    repeat: bool
    doubt: bool


_AGAIN = Verdict(repeat=True, doubt=False)
_AGAIN_IN_DOUBT = Verdict(repeat=True, doubt=True)
_DOUBT = Verdict(repeat=False, doubt=True)
_END = Verdict(repeat=False, doubt=False)


def decide(safety: Safety, met: Met) -> Verdict:
    """What may be done after a call of that safety met that."""
    if met in (Met.NOT_SENT, Met.LIMITED):
        return _AGAIN
    if safety is Safety.READ:
        return _END if met in (Met.OVERSIZE, Met.UNMATCHED) else _AGAIN
    if met is Met.CLOSED:
        return _AGAIN if safety is Safety.KEYED else _END
    return _AGAIN_IN_DOUBT if safety is Safety.KEYED else _DOUBT


#: Refusals of the order itself: an order that was placed before would not be refused so under its request_id. Any other
#: text may be about the key, or mean that the first attempt did place it ("request_id already used").
_SETTLING = (InsufficientFunds, UnknownService, InvalidLink, InvalidQuantity)


def settles(error: SMMError) -> bool:
    """Whether this answer to a repeated request_id tells what became of the first attempt."""
    return isinstance(error, _SETTLING)


def outcome(
    safety: Safety, failed: Failed | SMMError, *, doubt: bool, attempts: int, advice: str | None = None
) -> SMMError:
    """The error that a call ends with after its last attempt. Doubt is sticky: it outlives whatever came later."""
    times = "" if attempts < 2 else f" (attempt {attempts})"
    if isinstance(failed, SMMError):
        if not doubt or settles(failed):
            return failed
        reason = f"an earlier attempt may have arrived, and the last was answered: {failed.message}"
        return _unknown(safety, reason, advice)
    reason = f"{failed.met.value}: {failed.cause}{times}"
    if doubt:
        return _unknown(safety, reason, advice)
    match failed.met:
        case Met.LIMITED:
            denied_by = failed.cause.denied_by if isinstance(failed.cause, RateLimited) else None
            return RateLimited(reason, retry_after=failed.retry_after, denied_by=denied_by)
        case Met.GARBLED | Met.OVERSIZE | Met.UNMATCHED:
            return Malformed(reason, excerpt=failed.excerpt)
        case Met.FAULT | Met.CLOSED:
            return Overloaded(reason)
        case _:
            return Unreachable(reason)


def _unknown(safety: Safety, reason: str, advice: str | None) -> OutcomeUnknown:
    keyed = safety is Safety.KEYED
    usual = "repeat it with the same request_id to find out" if keyed else "look at the panel, do not send it again"
    advice = advice or usual
    return OutcomeUnknown(f"it may have happened: {advice} ({reason})", safe_to_repeat=keyed)
