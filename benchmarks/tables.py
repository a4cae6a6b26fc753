"""What a benchmark hands back: a table, how to read it, and what must not have happened."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

__all__ = ["Table", "interleaved", "median", "ms", "ratio", "spread", "us"]

median = statistics.median


@frozen(kw_only=True)
class Table:
    """One question's answer. ``broken`` names each promise that did not hold: the run then exits non-zero."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    reading: str = ""
    broken: Sequence[str] = ()

    def text(self) -> str:
        """For a terminal."""
        widths = [max(len(cell) for cell in column) for column in zip(self.columns, *self.rows, strict=True)]

        def line(cells: Iterable[str]) -> str:
            first, *rest = zip(cells, widths, strict=True)
            return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        body = [self.title, rule, line(self.columns), rule, *(line(row) for row in self.rows)]
        return "\n".join([*body, *(f"BROKEN: {promise}" for promise in self.broken)])

    def markdown(self) -> str:
        """For docs/performance.md."""
        lines = [f"### {self.title}", ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|---" + "|---:" * (len(self.columns) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += [f"\n**BROKEN: {promise}**" for promise in self.broken]
        return "\n".join([*lines, "", self.reading, ""])


def interleaved(subjects: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """The seconds that each subject took in each round. A slow moment of the machine then hits all of them."""
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()  # warm
    for _ in range(rounds):
        for name, subject in subjects.items():
            gc.collect()
            started = time.perf_counter()
            result = subject()
            took[name].append(time.perf_counter() - started)
            del result
    return took


def us(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs"


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def ratio(figure: float) -> str:
    return f"{figure:.2f}"


def spread(figures: Iterable[float], show: Callable[[float], str]) -> str:
    """The lowest and the highest."""
    ordered = sorted(figures)
    return f"{show(ordered[0])} to {show(ordered[-1])}"
