"""The end of a session: where the run stands, what stopped it, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from smmclient.bulk import Follower, PanelStopped, RowNotSaved
from smmclient.cli.bulk.standing import Standing, as_json, came_back, code_of, next_steps, summary
from smmclient.cli.outcome import INTERRUPTED, OK, UNAVAILABLE, UNKNOWN
from smmclient.cli.output import Out
from smmclient.tracking import Tally as FollowTally

if TYPE_CHECKING:
    from smmclient.cli.webhook.beside import Beside

__all__ = ["Ending", "Heard", "came_of_it", "show_ending"]

#: What to do about what stopped a panel, by the class of the error.
_ADVICE = {
    "AuthenticationFailed": "check the key in the environment or the profile",
    "AccountSuspended": "ask the panel why",
    "InsufficientFunds": "top up at the panel",
    "Blocked": "ask the panel to admit this machine's address",
    "ConfigError": "correct the address, the profile or the environment",
    "MoneyGuard": "raise the guard, if that is meant",
    "Unavailable": "wait until the panel acts again",
}


@frozen
class Heard:
    """What the panels have pushed."""

    tallies: Mapping[str, FollowTally]
    refused: int
    lines: Sequence[str]

    @classmethod
    def of(cls, beside: Beside, follower: Follower) -> Heard:
        """What the receiver and the follower have counted."""
        told = {name: tally for name, tally in follower.tallies.items() if name in beside.pushes}
        return cls(told, beside.refused, tuple(beside.lines(told)))


@define
class Ending:
    """How a session ended."""

    run: Path
    standings: list[Standing] = field(factory=list)
    stopped: list[PanelStopped] = field(factory=list)
    not_saved: list[RowNotSaved] = field(factory=list)
    is_stopped: bool = False
    #: Whether rows were to be placed: else the exit code tells of the following alone.
    is_placing: bool = True
    #: What was pushed, where there was a receiver.
    heard: Heard | None = None
    #: The exit code of the journal's failure, where it failed.
    failed: int | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        if self.is_stopped:
            return INTERRUPTED
        if self.not_saved:
            return UNKNOWN
        code = code_of(self.standings) if self.is_placing else OK
        return max(code, UNAVAILABLE) if self.stopped or self.failed is not None else code


def show_ending(out: Out, ending: Ending) -> int:
    """Write the summary, and return the exit code."""
    standings, code = ending.standings, ending.code
    steps = list(next_steps(ending.run, standings))
    heard = ending.heard
    if out.json:
        pushed = {} if heard is None else {"pushes": heard.tallies, "refused_deliveries": heard.refused}
        out.write_json(
            {
                "event": "Ended",
                "run": str(ending.run),
                "code": code,
                "is_stopped": ending.is_stopped,
                "panels": as_json(standings),
                "stopped": [{"panel": one.panel, "error": one.error, "reason": one.reason} for one in ending.stopped],
                "next": steps,
                **pushed,
            },
            is_line=True,
        )
        return code
    out.line("")
    if standings:
        headings, *rows = summary(standings)
        out.table(headings, rows)
    for line in came_of_it(standings):
        out.line(line)
    for line in () if heard is None else heard.lines:
        out.line(line)
    for one in ending.stopped:
        out.line(f"{one.panel} stopped: {one.reason}")
        out.line(f"  -> {_ADVICE.get(one.error, 'see to it')}, then resume")
    for line in steps:
        out.line(f"  -> {line}")
    if ending.is_stopped:
        out.note("smm: stopped")
    if ending.not_saved:
        # Once more, where it is read last.
        out.note(f"smm: {len(ending.not_saved)} outcomes could not be saved, see NOTE THIS DOWN above; with them:")
        out.note(f"  -> `smm bulk resolve {shlex.quote(str(ending.run))} REF --placed ORDER_ID`")
    return code


def came_of_it(standings: Sequence[Standing]) -> Iterator[str]:
    """Refusals by class, and what became of placed orders, a line a panel."""
    for one in standings:
        if one.refusals:
            kinds = ", ".join(f"{count} {name}" for name, count in one.refusals.most_common())
            yield f"{one.panel}: refused: {kinds}"
        if one.orders.total() > one.orders["not followed"]:
            states = ", ".join(f"{count} {state}" for state, count in one.orders.most_common() if count)
            returned = came_back(one.returned, one.currency, is_exact=one.is_returned_exact)
            yield f"{one.panel}: orders: {states}; {returned}"
        if one.unpriced:
            yield f"{one.panel}: what {one.unpriced} placed rows cost is not known yet, so spent is more"
