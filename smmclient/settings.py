"""How a provider behaves: timeouts, retries, limits, and what it tells. Frozen values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from smmclient.errors import ConfigError

if TYPE_CHECKING:
    from attrs import Attribute

    from smmclient.events import Event

__all__ = ["Limit", "RetryPolicy", "Scope", "Settings", "Timeouts"]


def _a(*kinds: type) -> Callable[[object, Attribute[Any], object], None]:
    """A check that the value is of one of the kinds."""

    def check(instance: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ConfigError(f"{attribute.name} must be {wanted}, not {type(value).__name__}")

    return check


def _limits_or_none(instance: object, attribute: Attribute[Any], limits: object) -> None:
    if limits is not None and not (isinstance(limits, tuple) and all(isinstance(one, Limit) for one in limits)):
        raise ConfigError(f"{attribute.name} must be None or a tuple of Limit: (Limit(100, 60),), not {limits!r}")


def _positive_number(instance: object, attribute: Attribute[float], number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < 1e9:
        raise ConfigError(f"{attribute.name} must be a number of seconds above 0, not {number!r}")


def _positive_int(instance: object, attribute: Attribute[int], number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigError(f"{attribute.name} must be a whole number of at least 1, not {number!r}")


@frozen(kw_only=True)
class Timeouts:
    """Seconds that each phase of one attempt may take.

    There is no timeout around a whole placement on purpose: it would turn a slow success into an
    unknown outcome. ``body`` bounds how long the reply's body may trickle after its first byte.
    """

    connect: float = field(default=5.0, validator=_positive_number)
    read: float = field(default=30.0, validator=_positive_number)
    write: float = field(default=10.0, validator=_positive_number)
    body: float = field(default=120.0, validator=_positive_number)


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how long a call that is safe to repeat is repeated.

    ``attempts`` counts the first one. ``deadline`` is in seconds from the first send; waits for our own pacing are
    not counted, a wait that a 429 asks for is. Pauses grow from ``first_pause`` to ``longest_pause`` seconds and
    are drawn at random below that, so that many callers do not return at once.
    """

    attempts: int = field(default=4, validator=_positive_int)
    deadline: float = field(default=60.0, validator=_positive_number)
    first_pause: float = field(default=0.5, validator=_positive_number)
    longest_pause: float = field(default=20.0, validator=_positive_number)


class Scope(enum.Enum):
    """Who shares a limit."""

    #: One API key.
    KEY = "key"
    #: Every key of one account.
    TIER = "tier"
    #: Every request from this machine's address.
    ADDRESS = "ip"


@frozen
class Limit:
    """At most ``rate`` requests in any ``per`` seconds, for everybody in ``scope``."""

    rate: int = field(validator=_positive_int)
    per: float = field(default=60.0, validator=_positive_number)
    scope: Scope = field(default=Scope.KEY, validator=_a(Scope))


@frozen(kw_only=True)
class Settings:
    """How a provider behaves. Every field has a default that is safe for money.

    ``limits``: None takes what the panel documents, a tuple of `Limit` replaces it, ``()`` means no
    pacing of our own (a 429 is still obeyed). ``cache=False`` always asks. ``on_event`` is called with
    the frozen records of `smmclient.events`; what it raises is logged and dropped. ``proxy`` is a URL;
    ``trust_env=True`` reads the proxy from the environment. ``headers`` are sent with each request.
    """

    timeouts: Timeouts = field(factory=Timeouts, validator=_a(Timeouts))
    retry: RetryPolicy = field(factory=RetryPolicy, validator=_a(RetryPolicy))
    max_connections: int = field(default=8, validator=_positive_int)
    limits: tuple[Limit, ...] | None = field(default=None, validator=_limits_or_none)
    cache: bool = field(default=True, validator=_a(bool))
    on_event: Callable[[Event], None] | None = None
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = False
    headers: Mapping[str, str] = field(factory=dict, validator=_a(Mapping), repr=lambda headers: repr(sorted(headers)))
