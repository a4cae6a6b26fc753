"""When faults strike: so many times, or by chance, in the order they were asked for."""

from collections.abc import Sequence
from random import Random
from typing import Generic, TypeVar

from attrs import frozen

F = TypeVar("F")


@frozen
class Mishap(Generic[F]):
    """A fault that strikes one thing."""

    fault: F
    seconds: float


class _Rule(Generic[F]):
    def __init__(self, name: str, mishap: Mishap[F], *, times: int | None, probability: float) -> None:
        self.name = name
        self.mishap = mishap
        self.times = times
        self.probability = probability


class Strikes(Generic[F]):
    """The faults of one kind that are waiting to strike what has a name: requests by action, deliveries by event."""

    def __init__(self, *, seed: int = 0) -> None:
        self._chance = Random(seed)  # noqa: S311 - chance, not secrets
        self._rules: list[_Rule[F]] = []

    def add(
        self,
        name: str,
        fault: F,
        *,
        times: int | None = None,
        probability: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let the fault strike what has this name, or anything if it is "*".

        Without times and probability it strikes once; with a probability alone it strikes until healed.
        Faults for the same name strike in the order they were added.
        """
        if times is not None and times < 1:
            raise ValueError(f"times is {times}: a fault strikes at least once")
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"probability is {probability}: it lies between 0 and 1")
        if times is None and probability is None:
            times = 1
        certain = 1.0 if probability is None else probability
        self._rules.append(_Rule(name, Mishap(fault, seconds), times=times, probability=certain))

    def scatter(self, share: float, faults: Sequence[F]) -> None:
        """Let this share of everything go wrong until healed, each of these ways as often as the others."""
        part = share / len(faults)
        for number, fault in enumerate(faults):
            # A later one is only drawn where no earlier one has struck.
            if part:
                self.add("*", fault, probability=min(1.0, part / (1 - number * part)))

    def heal(self) -> None:
        """Forget every fault."""
        self._rules.clear()

    def draw(self, name: str) -> Mishap[F] | None:
        """Return what strikes the thing of this name, or None."""
        for rule in self._rules:
            if rule.name not in ("*", name):
                continue
            if rule.probability < 1 and self._chance.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
            return rule.mishap
        return None
