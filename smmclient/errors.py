"""Everything that can go wrong, by what it means for the money.

::

    SMMError
    ├─ UsageError             nothing was sent: fix the call
    │  ├─ InvalidOrder
    │  ├─ Unsupported
    │  ├─ ConfigError
    │  ├─ UnknownProvider
    │  └─ ProviderLoadError
    ├─ Refused                the panel said no, nothing happened
    │  ├─ AuthenticationFailed, AccountSuspended, InsufficientFunds
    │  ├─ UnknownService, UnknownOrder, UnknownRefill
    │  ├─ InvalidLink, InvalidQuantity, DuplicateOrder
    │  └─ NotRefillable, NotCancelable
    ├─ Unavailable            not acted upon: try later
    │  └─ RateLimited, Overloaded, Unreachable, Blocked
    ├─ OutcomeUnknown         it may have happened: do not send it again
    ├─ Malformed              a read was answered with nonsense
    ├─ WebhookRejected
    │  └─ BadSignature, StaleTimestamp, MissingHeader
    └─ JournalError
       └─ JournalLocked, JournalCorrupt, JournalMismatch

No message, attribute or traceback of these carries an API key or a whole reply body.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

__all__ = [
    "AccountSuspended",
    "AuthenticationFailed",
    "BadSignature",
    "Blocked",
    "ConfigError",
    "DuplicateOrder",
    "InsufficientFunds",
    "InvalidLink",
    "InvalidOrder",
    "InvalidQuantity",
    "JournalCorrupt",
    "JournalError",
    "JournalLocked",
    "JournalMismatch",
    "Malformed",
    "MissingHeader",
    "NotCancelable",
    "NotRefillable",
    "OutcomeUnknown",
    "Overloaded",
    "ProviderLoadError",
    "RateLimited",
    "Refused",
    "SMMError",
    "StaleTimestamp",
    "Unavailable",
    "UnknownOrder",
    "UnknownProvider",
    "UnknownRefill",
    "UnknownService",
    "Unreachable",
    "Unsupported",
    "UsageError",
    "WebhookRejected",
]


class SMMError(Exception):
    """The root of every error that smmclient raises on purpose.

    ``provider``, ``operation`` (the panel's word: ``"add"``, ``"status"`` …) and ``request_id``
    say which call it was, as far as that is known. ``retryable`` says whether the same call may be
    made again later without any risk of doing something twice.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.operation = operation
        self.request_id = request_id

    def __str__(self) -> str:
        where = " ".join(part for part in (self.provider, self.operation) if part)
        return f"{where}: {self.message}" if where else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only fields would be lost by the default pickling of exceptions.
        return _rebuild, (type(self), self.args, self.__dict__.copy())

    def copy(self) -> Self:
        """An equal error with no traceback of its own, to raise in another task."""
        twin: Self = _rebuild(type(self), self.args, self.__dict__.copy())
        twin.__cause__ = self.__cause__
        return twin


def _rebuild(cls: type[Any], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = cls.__new__(cls, *args)
    error.args = args
    for name, value in state.items():
        setattr(error, name, value)
    return error


class UsageError(SMMError):
    """The call cannot be made as it stands; nothing was sent."""


class InvalidOrder(UsageError, ValueError):
    """The order, or a field of it, is not one that a panel could take. ``field`` names it, where it is one field."""

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.field = field


class Unsupported(UsageError):
    """The panel documents that it has no such feature."""


class ConfigError(UsageError):
    """The base URL, the key, a limit or another setting is wrong."""


class UnknownProvider(UsageError, LookupError):
    """No provider has that name."""


class ProviderLoadError(UsageError, ImportError):
    """A provider was found by name but its package could not be loaded."""


class Refused(SMMError):
    """The panel said no, in its own words, and did nothing.

    ``text`` is the panel's text (redacted, shortened), ``http_status`` the status it came with and
    ``raw`` the decoded reply or row.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str | None = None,
        http_status: int | None = None,
        raw: object = None,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.text = message if text is None else text
        self.http_status = http_status
        self.raw = raw


class AuthenticationFailed(Refused):
    """The panel does not accept the API key."""


class AccountSuspended(Refused):
    """The account behind the key is suspended."""


class InsufficientFunds(Refused):
    """The balance does not cover the order."""


class UnknownService(Refused):
    """The panel has no such service, or does not sell it now."""


class UnknownOrder(Refused):
    """The panel knows no order with that id."""


class UnknownRefill(Refused):
    """The panel knows no refill with that id."""


class InvalidLink(Refused):
    """The panel does not accept the link."""


class InvalidQuantity(Refused):
    """The panel does not accept the quantity."""


class DuplicateOrder(Refused):
    """The panel already has an active order like this one."""


class NotRefillable(Refused):
    """The order cannot be refilled, or not now."""


class NotCancelable(Refused):
    """The order cannot be canceled."""


class Unavailable(SMMError):
    """The panel did not act upon the call; it is safe to make it again later."""

    retryable = True


class RateLimited(Unavailable):
    """The panel's limit is used up.

    ``retry_after`` is how many seconds are left until it opens again, as far as the panel told;
    ``denied_by`` is ``"key"``, ``"tier"`` or ``"ip"`` where the panel says which limit it was.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        denied_by: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.retry_after = retry_after
        self.denied_by = denied_by


class Overloaded(Unavailable):
    """The panel answered that it has a fault or is closed for now."""


class Unreachable(Unavailable):
    """No connection to the panel came about, or a read got no answer."""


class Blocked(Unavailable):
    """A firewall in front of the panel turned the call away (401 or 403 without the panel's JSON, or a challenge page).

    Waiting seldom helps, so it is not retried: ask the panel to admit your address.
    """

    retryable = False


class OutcomeUnknown(SMMError):
    """The call may have been acted upon: nobody can know from here. Do not send it again.

    ``safe_to_repeat`` is True only when the call carried a ``request_id`` that the panel promises to
    honour: then the same call with the same ``request_id`` settles it. ``__cause__`` holds what
    was met. Otherwise look the order up at the panel, or compare the balance.
    """

    def __init__(
        self,
        message: str,
        *,
        safe_to_repeat: bool = False,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.safe_to_repeat = safe_to_repeat


class Malformed(SMMError):
    """A read was answered with something that cannot be understood without guessing.

    ``excerpt`` is at most 200 characters of the reply, with the API key taken out.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        excerpt: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.excerpt = excerpt


class WebhookRejected(SMMError):
    """A webhook delivery did not prove that it comes from the panel. ``check`` names what it failed at."""

    def __init__(
        self,
        message: str,
        *,
        check: str = "signature",
        provider: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, request_id=request_id)
        self.check = check


class BadSignature(WebhookRejected):
    """The signature does not match the body."""


class StaleTimestamp(WebhookRejected):
    """The delivery's timestamp is too old, or lies in the future."""


class MissingHeader(WebhookRejected):
    """A header that the signature needs is not there."""


class JournalError(SMMError):
    """A bulk run's journal cannot be used."""


class JournalLocked(JournalError):
    """Another process is working on the run."""


class JournalCorrupt(JournalError):
    """The journal is damaged in its middle."""


class JournalMismatch(JournalError):
    """The journal belongs to another panel, account or input."""
