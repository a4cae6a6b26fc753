"""The live display of a run: for each panel a bar, and a line of figures under it, at most 80 columns wide."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from smmclient.cli.bulk.plain_events import short_time
from smmclient.cli.bulk.progress import PanelProgress, Progress
from smmclient.cli.bulk.standing import amount
from smmclient.cli.plain import clean

__all__ = ["bars"]

_WIDTH = 79
_NAME = 14


def bars(progress: Progress) -> RenderableType:
    """How far the run has come."""
    # The display is painted by a thread of its own: whatever changes meanwhile is painted next time.
    shown: list[RenderableType] = []
    for _, one in sorted(progress.panels.items()):
        try:
            shown += _panel(one)
        except RuntimeError:
            continue
    return Group(*shown)


def _panel(one: PanelProgress) -> list[RenderableType]:
    is_following = one.followed > 0
    done, total = (one.final, one.followed) if is_following else (one.done, one.total)
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        Text(clean(one.name)[:_NAME].ljust(min(_NAME, 10))),
        ProgressBar(total=max(total, 1), completed=done, width=22),
        Text(f"{done}/{total}", justify="right"),
        Text(_rates(one, is_following=is_following)),
    )
    lines = [_following(one) if is_following else _placing(one)]
    if one.stopped is not None:
        lines.append(f"stopped: {one.stopped}")
    elif one.paused is not None:
        left = max(0.0, one.resumes_at - one.clock())
        lines.append(f"paused, tried again in {left:.0f} s: {one.paused}")
    return [grid, *(_line(text) for text in lines if text)]


def _line(text: str) -> Text:
    shown = clean(text)
    room = _WIDTH - 2
    return Text(f"  {shown if len(shown) <= room else f'{shown[: room - 1]}…'}", no_wrap=True)


def _rates(one: PanelProgress, *, is_following: bool) -> str:
    if one.stopped is not None:
        return "stopped"
    rate = None if is_following else one.per_minute()
    parts = [] if rate is None else [f"{rate}/min"]
    use = one.limit_use()
    if use is not None:
        parts.append(f"limit {use:.0%}")
    if not is_following and (left := one.seconds_left()) is not None:
        parts.append(f"{short_time(left)} left")
    return "  ".join(parts)


def _placing(one: PanelProgress) -> str:
    parts = [f"placed {one.placed}", f"spent {amount(one.spent, one.currency)}"]
    if one.refused:
        kinds = ", ".join(f"{name} {count}" for name, count in one.refusals.most_common(3))
        parts.append(f"refused {one.refused}: {kinds}")
    if one.held:
        parts.append(f"held {one.held}")
    if one.doubts:
        parts.append(f"in doubt {len(one.doubts)}")
    return ", ".join(parts)


def _following(one: PanelProgress) -> str:
    return ", ".join(f"{state} {count}" for state, count in one.states.most_common() if count > 0)
