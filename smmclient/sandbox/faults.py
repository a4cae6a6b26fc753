"""What can go wrong between a customer and a panel, on demand.

The question that matters for money is whether the panel acted before it went wrong. Every fault answers it:
`Fault.X.acts` is True where the request was carried out and only the answer is spoiled.
"""

from collections.abc import Sequence
from enum import Enum

from .strikes import Strikes


class Shape(Enum):
    """What the customer sees of a fault."""

    DROP = "drop"
    LATE = "late"
    BAD_GATEWAY = "bad gateway"
    GATEWAY_PAGE = "gateway page"
    SERVER_ERROR = "server error"
    TOO_MANY = "too many"
    PAGE = "page"
    CUT_BODY = "cut body"
    CUT_CONNECTION = "cut connection"
    EMPTY = "empty"
    TIMEOUT_PAGE = "timeout page"
    WARNING = "warning"
    PLAIN_TEXT = "plain text"


class Fault(Enum):
    """One way for a request to go wrong. Names that end in AFTER: the panel did it, then failed to say so."""

    DROP_BEFORE = (Shape.DROP, False)
    """The connection is closed; nothing was done."""
    DROP_AFTER = (Shape.DROP, True)
    """Done; the connection is closed without a byte of reply."""
    LATE = (Shape.LATE, True)
    """Done at once; the reply comes `seconds` later."""
    BAD_GATEWAY = (Shape.BAD_GATEWAY, False)
    """502 in the panel's own words, or as an HTML page where it has none; nothing was done."""
    BAD_GATEWAY_AFTER = (Shape.BAD_GATEWAY, True)
    """Done; 502 as above."""
    GATEWAY_PAGE = (Shape.GATEWAY_PAGE, False)
    """502 as an HTML page on every panel; nothing was done."""
    GATEWAY_PAGE_AFTER = (Shape.GATEWAY_PAGE, True)
    """Done; 502 as an HTML page."""
    SERVER_ERROR = (Shape.SERVER_ERROR, False)
    """500 with a JSON error; nothing was done."""
    SERVER_ERROR_AFTER = (Shape.SERVER_ERROR, True)
    """Done; 500 with a JSON error."""
    TOO_MANY = (Shape.TOO_MANY, False)
    """429, nothing was done; on a panel with limits its headers name a reset `seconds` from now."""
    HTML = (Shape.PAGE, False)
    """200 with an HTML page; nothing was done."""
    HTML_AFTER = (Shape.PAGE, True)
    """Done; 200 with an HTML page."""
    CUT_JSON = (Shape.CUT_BODY, True)
    """Done; the body ends in the middle, and its content-length agrees with that."""
    CUT_CONNECTION = (Shape.CUT_CONNECTION, True)
    """Done; the connection is closed in the middle of the body, before its content-length is reached."""
    EMPTY = (Shape.EMPTY, False)
    """200 without a body; nothing was done."""
    EMPTY_AFTER = (Shape.EMPTY, True)
    """Done; 200 without a body."""
    GATEWAY_TIMEOUT = (Shape.TIMEOUT_PAGE, False)
    """504 as an HTML page on every panel; nothing was done."""
    GATEWAY_TIMEOUT_AFTER = (Shape.TIMEOUT_PAGE, True)
    """Done; 504 as an HTML page."""
    WARNING = (Shape.WARNING, True)
    """Done; a warning of PHP stands before the reply, and calls it HTML."""
    PLAIN_TEXT = (Shape.PLAIN_TEXT, True)
    """Done; the reply is whole, and calls itself plain text."""

    @property
    def shape(self) -> Shape:
        """What the customer sees."""
        return self.value[0]

    @property
    def acts(self) -> bool:
        """Whether the panel carries the request out all the same."""
        return self.value[1]


COMMON = (
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.SERVER_ERROR,
    Fault.SERVER_ERROR_AFTER,
    Fault.GATEWAY_PAGE,
    Fault.GATEWAY_PAGE_AFTER,
    Fault.HTML,
    Fault.HTML_AFTER,
)
"""What a bad day is made of: in each pair the panel did nothing, then did it and failed to say so."""


class Faults(Strikes[Fault]):
    """The faults that are waiting to strike, and the delay that every reply has."""

    def __init__(self, *, seed: int = 0, latency: float = 0.0, jitter: float = 0.0) -> None:
        super().__init__(seed=seed)
        self._usual = (latency, jitter)
        self._latency, self._jitter = latency, jitter

    def scatter(self, share: float, faults: Sequence[Fault] = COMMON) -> None:
        """Let this share of all requests go wrong until healed, each of the common ways as often as the others."""
        super().scatter(share, faults)

    def slow(self, latency: float, *, jitter: float = 0.0) -> None:
        """Delay every reply by latency seconds and a random part of jitter seconds."""
        self._latency, self._jitter = latency, jitter

    def heal(self) -> None:
        """Forget every fault, and go back to the delay there was at the start."""
        super().heal()
        self._latency, self._jitter = self._usual

    def delay(self) -> float:
        """Return the delay of the next reply in seconds."""
        return self._latency + (self._chance.random() * self._jitter if self._jitter else 0.0)
