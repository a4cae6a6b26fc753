"""Small plots as SVG text: stacked bars over time, a time line, bars with names, a histogram. Pure.

They are drawn in units of a 440 wide box that the page scales. Colours are classes of the page's style sheet.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["bars", "digits", "histogram", "round_step", "stacked", "time_line", "time_ticks"]

_WIDTH, _HEIGHT = 440, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 20, 26
_INNER_WIDTH = _WIDTH - _LEFT - _RIGHT
_INNER_HEIGHT = _HEIGHT - _TOP - _BOTTOM
_FLOOR = _HEIGHT - _BOTTOM

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def stacked(stacks: Sequence[tuple[int, ...]], names: Sequence[tuple[str, str]], *, start: float, width: float) -> str:
    """Bars over time, each a stack of counts; ``names`` are (CSS class, name) of each layer, from the bottom."""
    scale, parts = _counts_axis(max(map(sum, stacks)))
    slot = _INNER_WIDTH / len(stacks)
    thick = min(max(slot - 1, slot * 0.7), 36)
    for index, stack in enumerate(stacks):
        since = start + index * width
        floor = float(_FLOOR)
        for (css, name), count in zip(names, stack, strict=True):
            if count:
                height = count * scale
                floor -= height
                at = _LEFT + index * slot + (slot - thick) / 2
                parts.append(_rect(css, at, floor, thick, height, f"{span(since, since + width)}: {name} {count}"))
    parts += _time_axis(start, start + len(stacks) * width)
    told = ", ".join(f"{name} {sum(stack[i] for stack in stacks)}" for i, (_, name) in enumerate(names))
    return _svg(parts, _HEIGHT, f"Bars over time: {told}")


def time_line(sums: Sequence[float], tips: Sequence[str], *, start: float, width: float, label: str) -> str:
    """A line of what has come together at the end of each stretch of time."""
    top = max(*sums, 0.0, 0.0)
    step = round_step(top or 1.0)
    scale = _INNER_HEIGHT / (math.ceil(round((top or 1.0) / step, 9)) * step)
    parts = _y_axis(step, scale)
    slot = _INNER_WIDTH / len(sums)
    points = [(float(_LEFT), float(_FLOOR))]
    points += [(_LEFT + (i + 1) * slot, _FLOOR - max(one, 0.0) * scale) for i, one in enumerate(sums)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polygon class="area" points="{line} {points[-1][0]:.1f},{_FLOOR}"></polygon>')
    parts.append(f'<polyline class="line" points="{line}"></polyline>')
    for index, tip in enumerate(tips):
        since = start + index * width
        told = f"until {_clock(since + width)} UTC: {tip}"
        parts.append(_rect("hover", _LEFT + index * slot, _TOP, slot, _INNER_HEIGHT, told))
    parts += _time_axis(start, start + len(sums) * width)
    return _svg(parts, _HEIGHT, label)


def bars(items: Sequence[tuple[str, float, str, str]], *, label: str, gutter: int = 150) -> str:
    """A bar for each (name, size, text, CSS class), one below the other, with names in a gutter on the left."""
    most = max((size for _, size, _, _ in items), default=0.0)
    longest = max((len(text) for _, _, text, _ in items), default=0)
    room = max(_WIDTH - gutter - 12 - longest * 7, 40)
    letters = int((gutter - 8) / 7)
    parts: list[str] = []
    for index, (name, size, text, css) in enumerate(items):
        y = index * 26 + 4
        length = max(size, 0.0) / most * room if most > 0 else 0.0
        shown = name if len(name) <= letters else f"{name[: letters - 1]}…"
        parts.append(_text(gutter - 8, y + 13, shown, "end"))
        parts.append(_rect(css, gutter, y, max(length, 1.5), 18, f"{name}: {text}", rounded=True))
        parts.append(_text(gutter + max(length, 1.5) + 6, y + 13, text, "start", "figure"))
    return _svg(parts, len(items) * 26 + 6, label)


def histogram(
    buckets: Sequence[tuple[float, float, int]],
    marks: Iterable[tuple[str, float, str]],
    *,
    label: str,
    css: str = "accent",
) -> str:
    """Counts over a logarithmic axis of seconds, with (name, seconds, text anchor) marked by a line."""
    scale, parts = _counts_axis(max(count for _, _, count in buckets))
    low, high = math.log10(buckets[0][0]), math.log10(buckets[-1][1])

    def place(seconds: float) -> float:
        return _LEFT + (math.log10(seconds) - low) / (high - low) * _INNER_WIDTH

    for since, until, count in buckets:
        if count:
            x, height = place(since), count * scale
            told = f"{_duration(since)} to {_duration(until)}: {count}"
            parts.append(_rect(css, x + 0.5, _FLOOR - height, max(place(until) - x - 1, 1), height, told))
    factors = (1, 2, 5) if high - low < 2.5 else (1,)
    for decade in range(round(low), round(high) + 1):
        for seconds in (factor * 10.0**decade for factor in factors):
            if low - 1e-9 <= math.log10(seconds) <= high + 1e-9:
                parts += _x_tick(place(seconds), _duration(seconds))
    for name, seconds, anchor in marks:
        x = place(seconds)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_FLOOR}"></line>')
        parts.append(_text(x + (4 if anchor == "start" else -4), _TOP - 9, name, anchor))
    return _svg(parts, _HEIGHT, label)


def round_step(top: float, most: int = 5) -> float:
    """The distance of round ticks, 1, 2 or 5 times a power of ten, so that few of them reach ``top``.

    >>> round_step(37), round_step(0.9)
    (10.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(top / most))
    return next((factor * power for factor in (1, 2, 5) if top / (factor * power) <= most + 1e-9), 10 * power)


def time_ticks(start: float, stop: float, most: int = 6) -> list[float]:
    """Round moments in UTC between the two."""
    step = float(next((step for step in _TIME_STEPS if (stop - start) / step <= most), 0))
    if not step:
        step = max(round_step((stop - start) / 86400, most), 1.0) * 86400
    first = math.ceil(start / step)
    return [tick * step for tick in range(first, math.floor(stop / step) + 1)]


def digits(count: float) -> str:
    """The number in plain digits, in groups of three with thin spaces between.

    >>> digits(1234567).split("\\u202f")
    ['1', '234', '567']
    """
    return f"{count:,.10f}".rstrip("0").rstrip(".").replace(",", "\u202f")


def span(since: float, until: float) -> str:
    """The stretch between two moments."""
    return f"{_clock(since)} to {_clock(until)} UTC"


def _clock(seconds: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return digits(seconds)


def _duration(seconds: float) -> str:
    return (
        f"{digits(float(f'{seconds * 1000:.2g}'))} ms" if seconds < 0.0995 else f"{digits(float(f'{seconds:.2g}'))} s"
    )


def _counts_axis(top: int) -> tuple[float, list[str]]:
    step = max(round_step(max(top, 1)), 1.0)
    scale = _INNER_HEIGHT / (math.ceil(max(top, 1) / step) * step)
    return scale, _y_axis(step, scale)


def _y_axis(step: float, scale: float) -> list[str]:
    parts: list[str] = []
    for index in range(round(_INNER_HEIGHT / (step * scale)) + 1):
        y = _FLOOR - index * step * scale
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"></line>')
        parts.append(_text(_LEFT - 6, y + 4, digits(index * step), "end"))
    return parts


def _time_axis(start: float, stop: float) -> list[str]:
    parts: list[str] = []
    ticks = time_ticks(start, stop)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    for tick in ticks:
        form = "%b %d" if tick % 86400 == 0 else "%H:%M" if step >= 60 else "%H:%M:%S"
        parts += _x_tick(_LEFT + (tick - start) / (stop - start) * _INNER_WIDTH, _clock(tick, form))
    return parts


def _x_tick(x: float, text: str) -> list[str]:
    line = f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{_FLOOR}" y2="{_FLOOR + 4}"></line>'
    is_last = x > _WIDTH - 32
    return [line, _text(_WIDTH if is_last else x, _FLOOR + 18, text, "end" if is_last else "middle")]


def _rect(css: str, x: float, y: float, width: float, height: float, tip: str, *, rounded: bool = False) -> str:
    corner = ' rx="3"' if rounded else ""
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corner}'
    return f'<rect class="{css}" {box}><title>{escape(tip)}</title></rect>'


def _text(x: float, y: float, text: str, anchor: str, css: str = "label") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: Iterable[str], height: int, label: str) -> str:
    drawn = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{drawn}</svg>'
