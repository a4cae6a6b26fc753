"""``smm bulk show``: where a run stands, also while another process works on it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from smmclient.bulk import SqliteJournal
from smmclient.cli.bulk.ending import came_of_it
from smmclient.cli.bulk.standing import amount, as_json, count_of, next_steps, stand, summary
from smmclient.cli.outcome import OK
from smmclient.cli.output import Out

__all__ = ["at", "show_run"]


def at(seconds: float | None) -> str:
    """A moment in UTC, to the second.

    >>> at(0)
    '1970-01-01 00:00:00 UTC'
    """
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


async def show_run(out: Out, run: Path) -> int:
    """Show what the run holds, what became of it, and what to do next."""
    async with await SqliteJournal.read(run) as journal:
        inputs, bound, standings = await journal.inputs(), await journal.bound(), await stand(journal)
    steps = list(next_steps(run, standings, is_watching=True))
    if out.json:
        told = {
            "event": "Standing",
            "run": str(run),
            "inputs": [{"name": one.name, "rows": one.rows, "added_at": one.added_at} for one in inputs],
            "bound": [{"panel": one.panel, "provider": one.provider, "base_url": one.base_url} for one in bound],
            "panels": as_json(standings),
            "next": steps,
        }
        out.write_json(told, is_line=True)
        return OK
    for one in inputs:
        out.line(f"{one.name}: {count_of(one.rows, 'row')}, read {at(one.added_at)}")
    for panel in bound:
        provider = "" if panel.provider == panel.panel else f" ({panel.provider})"
        out.line(f"{panel.panel}{provider}: {panel.base_url or 'no address'}")
    if not standings:
        out.line("the run has no rows")
        return OK
    out.line("")
    headings, *rows = summary(standings)
    out.table(headings, rows)
    for line in came_of_it(standings):
        out.line(line)
    for standing in standings:
        if standing.in_doubt:
            out.line(
                f"{standing.panel}: {amount(standing.at_stake, standing.currency)} of it is in doubt, not in spent"
            )
    for line in steps:
        out.line(f"  -> {line}")
    return OK
