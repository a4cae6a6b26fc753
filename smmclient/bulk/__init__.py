"""Bulk orders that survive anything: `Source` → `check` or `admit` → `SqliteJournal` → `Runner` → `Follower`.

A `Source` is a file of orders. `check` holds it against the panels' catalogs; `admit` does, and keeps it in a journal.
A `Runner` places what is pending there and can be cut off at any moment; a `Follower` follows what was placed;
`weigh` says what the balance tells of rows whose outcome nobody knows.

>>> import smmclient
>>> from smmclient import bulk
>>> async def place(path: str) -> None:
...     async with (
...         smmclient.connect("notpanel") as panel,
...         await bulk.SqliteJournal.open("run.db", may_create=True) as run,
...     ):
...         await bulk.admit(bulk.Source(path), run, {"notpanel": panel}, panel="notpanel")
...         async with bulk.Runner(run, {"notpanel": panel}).events() as events:
...             async for event in events:
...                 print(event)
"""

from __future__ import annotations

from smmclient.bulk.budget import Budget
from smmclient.bulk.check import PanelCost, Problem, Report, ServiceCost, admit, check
from smmclient.bulk.entry import Entry, InDoubt, NotPlaced, Outcome, Placed, RefusedRow, RowState, TakenBack
from smmclient.bulk.events import (
    BulkEvent,
    OrderChanged,
    PanelPaused,
    PanelResumed,
    PanelStarted,
    PanelStopped,
    PriceChanged,
    RowHeld,
    RowInDoubt,
    RowNotSaved,
    RowPlaced,
    RowRefused,
)
from smmclient.bulk.evidence import Evidence, Likely, Weighed, look_at_all, seconds_to_wait, weigh
from smmclient.bulk.follow import Follower, look_at_orders
from smmclient.bulk.journal import Admission, Admitted, Bound, Checkpoint, Input, Journal, NewRow, Tally
from smmclient.bulk.resolve import find_undecided, look_up, resolve
from smmclient.bulk.runner import Pace, Runner
from smmclient.bulk.source import BadRow, Row, Source
from smmclient.bulk.sqlite import SqliteJournal

__all__ = [
    "Admission",
    "Admitted",
    "BadRow",
    "Bound",
    "Budget",
    "BulkEvent",
    "Checkpoint",
    "Entry",
    "Evidence",
    "Follower",
    "InDoubt",
    "Input",
    "Journal",
    "Likely",
    "NewRow",
    "NotPlaced",
    "OrderChanged",
    "Outcome",
    "Pace",
    "PanelCost",
    "PanelPaused",
    "PanelResumed",
    "PanelStarted",
    "PanelStopped",
    "Placed",
    "PriceChanged",
    "Problem",
    "RefusedRow",
    "Report",
    "Row",
    "RowHeld",
    "RowInDoubt",
    "RowNotSaved",
    "RowPlaced",
    "RowRefused",
    "RowState",
    "Runner",
    "ServiceCost",
    "Source",
    "SqliteJournal",
    "TakenBack",
    "Tally",
    "Weighed",
    "admit",
    "check",
    "find_undecided",
    "look_at_all",
    "look_at_orders",
    "look_up",
    "resolve",
    "seconds_to_wait",
    "weigh",
]
