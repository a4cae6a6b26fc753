"""What an error of a placement means for its row, and for the rows behind it. Pure; one table-driven test."""

from __future__ import annotations

from attrs import frozen

from smmclient.bulk.entry import InDoubt, NotPlaced, Outcome, RefusedRow
from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Blocked,
    ConfigError,
    InsufficientFunds,
    InvalidOrder,
    OutcomeUnknown,
    Refused,
    SMMError,
    Unavailable,
    Unsupported,
)

__all__ = ["Verdict", "judge"]

#: They would hit every row: the panel is left alone until somebody has seen to it.
_HITS_ALL = (AuthenticationFailed, AccountSuspended, InsufficientFunds, Blocked, ConfigError)


@frozen
class Verdict:
    """A row's outcome, and if it stops the panel's rows: the class of the error, and what it says."""

    outcome: Outcome
    stops: tuple[str, str] | None = None


def judge(error: Exception, *, was_sent: bool) -> Verdict:
    """What the error of one placement means; ``was_sent``: the row was written as being sent."""
    name, message = type(error).__name__, getattr(error, "message", str(error))
    if isinstance(error, OutcomeUnknown):
        cause = error.__cause__
        stops = (type(cause).__name__, str(cause)) if isinstance(cause, _HITS_ALL) else None
        return Verdict(InDoubt(name, message), stops)
    if isinstance(error, _HITS_ALL):
        return Verdict(NotPlaced(f"{name}: {message}", is_answer=isinstance(error, Refused)), (name, str(error)))
    if isinstance(error, (Refused, InvalidOrder, Unsupported)):
        return Verdict(RefusedRow(name, message))
    if isinstance(error, Unavailable):
        return Verdict(NotPlaced(f"{name}: {message}"))
    # A closed provider, another loop, a fault of ours or of a provider: nothing that the next row would not meet.
    stops = (name, str(error) or repr(error))
    if was_sent and not isinstance(error, SMMError):
        return Verdict(InDoubt(name, message or repr(error)), stops)
    return Verdict(InDoubt(name, message) if was_sent else NotPlaced(f"{name}: {message}"), stops)
