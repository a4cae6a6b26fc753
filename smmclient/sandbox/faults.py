"""What can go wrong between a customer and a panel, on demand.

The question that matters for money is whether the panel acted before it went wrong. Every fault answers it:
`Fault.X.acts` is True where the request was carried out and only the answer is spoiled.
"""

from enum import Enum
from random import Random

from attrs import frozen


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


@frozen
class Mishap:
    """A fault that strikes one request."""

    fault: Fault
    seconds: float


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


class _Rule:
    def __init__(self, action: str, fault: Fault, *, times: int | None, probability: float, seconds: float) -> None:
        self.action = action
        self.mishap = Mishap(fault, seconds)
        self.times = times
        self.probability = probability


class Faults:
    """The faults that are waiting to strike, and the delay that every reply has."""

    def __init__(self, *, seed: int = 0, latency: float = 0.0, jitter: float = 0.0) -> None:
        self._chance = Random(seed)  # noqa: S311 - chance, not secrets
        self._rules: list[_Rule] = []
        self._usual = (latency, jitter)
        self._latency, self._jitter = latency, jitter

    def add(
        self,
        action: str,
        fault: Fault,
        *,
        times: int | None = None,
        probability: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the fault strike requests of this action, or of any if it is "*".

        Without times and probability it strikes once; with a probability alone it strikes until healed.
        Faults for the same action strike in the order they were added.
        """
        if times is not None and times < 1:
            raise ValueError(f"times is {times}: a fault strikes at least once")
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"probability is {probability}: it lies between 0 and 1")
        if times is None and probability is None:
            times = 1
        certain = 1.0 if probability is None else probability
        self._rules.append(_Rule(action, fault, times=times, probability=certain, seconds=seconds))

    def scatter(self, share: float) -> None:
        """Let this share of all requests go wrong until healed, each of the common ways as often as the others."""
        part = share / len(COMMON)
        for number, fault in enumerate(COMMON):
            # A later one is only drawn where no earlier one has struck.
            if part:
                self.add("*", fault, probability=min(1.0, part / (1 - number * part)))

    def slow(self, latency: float, *, jitter: float = 0.0) -> None:
        """Delay every reply by latency seconds and a random part of jitter seconds."""
        self._latency, self._jitter = latency, jitter

    def heal(self) -> None:
        """Forget every fault, and go back to the delay there was at the start."""
        self._rules.clear()
        self._latency, self._jitter = self._usual

    def draw(self, action: str) -> Mishap | None:
        """Return what strikes this request, or None."""
        for rule in self._rules:
            if rule.action not in ("*", action):
                continue
            if rule.probability < 1 and self._chance.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
            return rule.mishap
        return None

    def delay(self) -> float:
        """Return the delay of the next reply in seconds."""
        return self._latency + (self._chance.random() * self._jitter if self._jitter else 0.0)
