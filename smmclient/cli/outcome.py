"""What an error means for the caller of ``smm``: the exit code, and what to do now. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from smmclient.errors import (
    AccountSuspended,
    AuthenticationFailed,
    Blocked,
    ConfigError,
    DuplicateOrder,
    InsufficientFunds,
    InvalidLink,
    InvalidOrder,
    InvalidQuantity,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    JournalMismatch,
    Malformed,
    NotCancelable,
    NotRefillable,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SMMError,
    Unavailable,
    UnknownOrder,
    UnknownProvider,
    UnknownRefill,
    UnknownService,
    UsageError,
)

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "OK",
    "REFUSED",
    "UNAVAILABLE",
    "UNKNOWN",
    "USAGE",
    "CallError",
    "SetupError",
    "UnknownPanel",
    "advice",
    "exit_code",
    "mending",
    "repeat_command",
    "worst",
]


class CallError(UsageError):
    """A command line, profile or file that cannot be used, with what to do about it in ``hint``."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class SetupError(CallError, ConfigError):
    """A key, an address or a file that is missing or wrong, with what to do about it in ``hint``."""


class UnknownPanel(CallError, UnknownProvider):
    """A name that is neither a provider's nor a profile's."""


@contextmanager
def mending(path: Path) -> Iterator[None]:
    """Say of what is wrong with a file that it is the file which is to be mended."""
    try:
        yield
    except ConfigError as error:
        if isinstance(error, CallError):
            raise
        raise SetupError(
            error.message, hint=f"nothing was sent; mend {path}, then run the same command again"
        ) from error


OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
UNAVAILABLE = 4
UNKNOWN = 5
INTERRUPTED = 130

_CODES: tuple[tuple[type[SMMError], int], ...] = (
    (UsageError, USAGE),
    (Refused, REFUSED),
    (Unavailable, UNAVAILABLE),
    (Malformed, UNAVAILABLE),
    (OutcomeUnknown, UNKNOWN),
    (JournalLocked, UNAVAILABLE),
    (JournalError, USAGE),
)

_LOOK = "do not send it again: look at the panel what became of it"
_LOOK_FOR_ORDER = (
    "do not send it again: look for it at the panel, or wait a minute and compare `smm balance` with what was there "
    "before: if the price is missing, it was placed (docs/in-doubt.md)"
)

#: The first class that fits decides, so the narrow ones come first.
_ADVICE: tuple[tuple[type[SMMError], str], ...] = (
    (UnknownProvider, "`smm providers` lists the names"),
    (InvalidOrder, "nothing was sent; `smm order --help` shows the options"),
    (ConfigError, "nothing was sent; correct the option, the profile or the environment"),
    (UsageError, "nothing was sent; `smm --help` shows the commands"),
    # Some panels answer with a code such as neworder.error.min_quantity: what it means is said in words.
    (AuthenticationFailed, "the panel does not accept the key: check it in the environment or the profile"),
    (AccountSuspended, "the account is suspended: ask the panel why"),
    (InsufficientFunds, "the balance does not cover it: `smm balance` shows what is left; top up at the panel"),
    (UnknownService, "the panel does not sell that service, or not now: `smm services` lists what it sells"),
    (InvalidQuantity, "the panel does not accept the quantity: `smm services` shows each service's min and max"),
    (InvalidLink, "the panel does not accept the link: correct it, then order again"),
    (DuplicateOrder, "the panel has an active order for that link: wait until it is done, then order again"),
    (UnknownOrder, "the panel knows no order of this account with that id"),
    (UnknownRefill, "the panel knows no refill of this account with that id"),
    (NotRefillable, "the order cannot be refilled, or not now"),
    (NotCancelable, "the order cannot be canceled, or not any more"),
    (Refused, "the panel did nothing: correct the call before it is sent again"),
    (RateLimited, "the panel did nothing: wait, then run the same command again"),
    (Blocked, "the panel did nothing: ask it to admit this machine's address"),
    (Unavailable, "the panel did nothing: run the same command again later"),
    (JournalLocked, "`smm bulk show` and `smm bulk export` work meanwhile"),
    (JournalMismatch, "nothing was sent; `smm bulk show` tells what the run holds, and which panels it goes to"),
    (JournalCorrupt, "nothing was sent; keep a copy of the file, and of its -wal beside it, before anything is tried"),
    (JournalError, "no row is sent before its run can be written: see to the file, or name another one"),
    (Malformed, "nothing was changed: run it again later, and tell the panel if it stays so"),
)


def exit_code(error: SMMError) -> int:
    """The exit code of the error's family."""
    return next((code for family, code in _CODES if isinstance(error, family)), FAILED)


def worst(rows: Iterable[object]) -> int:
    """The exit code of several results: that of the worst error among them, 0 where there is none."""
    return max((exit_code(row) for row in rows if isinstance(row, SMMError)), default=OK)


def advice(error: SMMError, tokens: Sequence[str] = ()) -> str:
    """One line that says what to do now; ``tokens`` are the arguments that ``smm`` was called with."""
    if isinstance(error, CallError):
        return error.hint
    if tokens[:1] and tokens[0] == "webhook" and (line := _of_webhook(error, tokens)) is not None:
        return line
    if isinstance(error, OutcomeUnknown):
        if error.safe_to_repeat and error.request_id and (command := repeat_command(tokens, error.request_id)):
            return f"settle it, without ordering twice, with: {command}"
        return _LOOK_FOR_ORDER if error.operation == "add" else _LOOK
    if isinstance(error, InvalidOrder) and error.field == "service":
        return "nothing was sent; `smm services` lists what can be ordered"
    return next((line for family, line in _ADVICE if isinstance(error, family)), "`smm --help` shows the commands")


def _of_webhook(error: SMMError, tokens: Sequence[str]) -> str | None:
    """What to do about an error of ``smm webhook add``, ``list`` or ``remove``, where it is not the usual thing."""
    command = tokens[1] if len(tokens) > 1 else ""
    if isinstance(error, OutcomeUnknown):
        if command == "remove":
            return "look whether it is gone with `smm webhook list`; if it is not, remove it again"
        return (
            "see with `smm webhook list` whether it is there. If it is, nobody saw its secret: remove it with "
            "`smm webhook remove ID`, then add it again; if it is not, add it again"
        )
    if command in ("list", "remove") and type(error) is Refused:
        return (
            "the action's name is not documented, and ours may be wrong: give the panel's own with --action, or see to "
            "it on the panel's site"
        )
    return None


def repeat_command(tokens: Sequence[str], request_id: str) -> str | None:
    """The command line that sends the same order under the same ``request_id``; None if it was no order.

    >>> repeat_command(["order", "--service", "1", "--link", "https://e.com/a b"], "7f3a")
    "smm order --request-id=7f3a --service 1 --link 'https://e.com/a b'"
    """
    if not tokens or tokens[0] != "order":
        return None
    given = any(one.split("=", 1)[0] == "--request-id" for one in tokens)
    return shlex.join(["smm", "order", *([] if given else [f"--request-id={request_id}"]), *tokens[1:]])
