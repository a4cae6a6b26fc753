"""Where a run stands, added up from its tallies, and what to do next. Pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from attrs import define, field

from smmclient.bulk import Journal, RowState, Tally
from smmclient.bulk.unit import Unit, without_noise
from smmclient.cli.outcome import OK, REFUSED, UNAVAILABLE, UNKNOWN
from smmclient.cli.plain import clean
from smmclient.exact import EXACT
from smmclient.model import OrderState

__all__ = [
    "Standing",
    "add_up",
    "amount",
    "as_json",
    "came_back",
    "code_of",
    "count_of",
    "next_steps",
    "stand",
    "summary",
]

_RETURNING = (OrderState.PARTIAL, OrderState.CANCELED, OrderState.REFUNDED)


@define
class Standing:
    """One panel's rows, counted. ``spent`` is for placed rows, ``at_stake`` for those in doubt."""

    panel: str
    currency: str | None = None
    placed: int = 0
    refused: int = 0
    doubt: int = 0
    sending: int = 0
    pending: int = 0
    invalid: int = 0
    spent: Decimal = Decimal(0)
    unpriced: int = 0
    at_stake: Decimal = Decimal(0)
    waiting: Decimal = Decimal(0)
    #: Rows that are not sent, and whose cost nobody knows.
    waiting_unpriced: int = 0
    returned: Decimal = Decimal(0)
    #: Whether what came back is known: a catalog's prices can be finer than what the panel charges in.
    is_returned_exact: bool = True
    unit: Unit = field(factory=lambda: Unit.of(()))
    refusals: Counter[str] = field(factory=Counter)
    orders: Counter[str] = field(factory=Counter)
    open_orders: int = 0

    @property
    def asked(self) -> int:
        """All rows that the panel has, bad ones too."""
        return self.placed + self.refused + self.in_doubt + self.pending + self.invalid

    @property
    def in_doubt(self) -> int:
        """Rows that may have been placed; between sessions so are those in the air."""
        return self.doubt + self.sending

    def add(self, one: Tally) -> None:
        """Count a tally in."""
        if one.state is RowState.DONE:
            self._add_placed(one)
        elif one.state is RowState.REFUSED:
            self.refused += one.rows
            self.refusals[one.error or "Refused"] += one.rows
        elif one.state is RowState.PENDING:
            self.pending += one.rows
            self.waiting = EXACT.add(self.waiting, one.spent)
            self.waiting_unpriced += one.unpriced
        elif one.state is RowState.INVALID:
            self.invalid += one.rows
        else:
            self.at_stake = EXACT.add(self.at_stake, one.spent)
            if one.state is RowState.DOUBT:
                self.doubt += one.rows
            else:
                self.sending += one.rows

    def _add_placed(self, one: Tally) -> None:
        self.placed += one.rows
        self.spent = EXACT.add(self.spent, one.spent)
        self.unpriced += one.unpriced
        self.returned = EXACT.add(self.returned, one.returned)
        self.orders["not followed" if one.order_state is None else one.order_state.value] += one.rows
        if one.order_state is None or not one.order_state.is_final:
            self.open_orders += one.rows


async def stand(journal: Journal) -> list[Standing]:
    """Where each panel's rows stand, with the currency of its account."""
    standings = add_up(await journal.tallies())
    for one in standings:
        known = await journal.checkpoints(one.panel)
        one.currency = known[-1].balance.currency if known else None
        one.unit = Unit.of(look.balance.amount for look in known)
        if one.returned:
            one.is_returned_exact = await _is_returned_exact(
                journal, one.panel, [look.balance.amount for look in known]
            )
    return standings


async def _is_returned_exact(journal: Journal, panel: str, balances: Sequence[Decimal]) -> bool:
    found = journal.entries(states=(RowState.DONE,), panel=panel, order_states=_RETURNING)
    entries = [entry async for entry in found if entry.returned is not None]
    unit = Unit.of([*balances, *(one.spent for one in entries if one.spent is not None)])
    return all(unit.is_told(one) for one in entries)


def came_back(value: Decimal, currency: str | None, *, is_exact: bool) -> str:
    """What came back, for people.

    >>> came_back(Decimal("292.50"), "VND", is_exact=False)
    'about 292.50 VND came back'
    """
    return f"{'' if is_exact else 'about '}{amount(value, currency)} came back"


def add_up(tallies: Iterable[Tally]) -> list[Standing]:
    """The tallies, panel by panel."""
    panels: dict[str, Standing] = {}
    for one in tallies:
        panels.setdefault(one.panel, Standing(one.panel)).add(one)
    return [panels[name] for name in sorted(panels)]


def code_of(standings: Sequence[Standing]) -> int:
    """The exit code of a run that stands so: the worst of all rows."""
    if any(one.in_doubt for one in standings):
        return UNKNOWN
    if any(one.pending for one in standings):
        return UNAVAILABLE
    return REFUSED if any(one.refused or one.invalid for one in standings) else OK


def amount(value: Decimal, currency: str | None = None) -> str:
    """The amount with all digits that say something, and at least two after the point.

    What a panel's floats have left behind the eighth says nothing; exports and JSON have it.

    >>> amount(Decimal("1.50000"), "USD"), amount(Decimal("1E-6")), amount(Decimal("0.01007262000000000115"))
    ('1.50 USD', '0.000001', '0.01007262')
    """
    whole, _, fraction = f"{without_noise(value):f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0'):0<2}"
    return f"{text} {clean(currency)}" if currency else text


def summary(standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """A table of the counts; its first row are the headings."""
    rows: list[tuple[str, ...]] = [("panel", "asked", "placed", "refused", "in doubt", "not sent", "invalid", "spent")]
    for one in standings:
        counts = (one.asked, one.placed, one.refused, one.in_doubt, one.pending, one.invalid)
        rows.append((one.panel or "(none)", *map(str, counts), amount(one.spent, one.currency)))
    return rows


def as_json(standings: Sequence[Standing]) -> list[Mapping[str, object]]:
    """The same for programs: flat, money as text."""
    return [
        {
            "panel": one.panel,
            "asked": one.asked,
            "placed": one.placed,
            "refused": one.refused,
            "in_doubt": one.in_doubt,
            "in_the_air": one.sending,
            "not_sent": one.pending,
            "invalid": one.invalid,
            "spent": one.spent,
            "unpriced": one.unpriced,
            "in_doubt_cost": one.at_stake,
            "not_sent_cost": one.waiting,
            "returned": one.returned,
            "is_returned_exact": one.is_returned_exact,
            "currency": one.currency,
            "refusals": dict(one.refusals),
            "orders": dict(one.orders),
        }
        for one in standings
    ]


def next_steps(run: Path, standings: Sequence[Standing], *, is_watching: bool = False) -> Iterator[str]:
    """What to do now, a line each; ``is_watching``: another process may work on the run."""
    name = shlex.quote(str(run))
    sending = sum(one.sending for one in standings) if is_watching else 0
    if sending:
        yield f"{_rows(sending)} in the air; if nothing works on the run now, they are in doubt"
    followed = sum(one.open_orders for one in standings)
    follow = f"{count_of(followed, 'order')} not final yet: `smm bulk follow {name}`"
    doubt = sum(one.in_doubt for one in standings) - sending
    if followed and doubt:
        # What comes back of them would be mistaken for what a row in doubt did not cost.
        yield follow
    if doubt:
        yield f"{_rows(doubt)} in doubt: do not order them again; {'then ' if followed else ''}`smm bulk doubt {name}`"
    if pending := sum(one.pending for one in standings):
        yield f"{_rows(pending)} not sent yet: `smm bulk resume {name}`"
    if invalid := sum(one.invalid for one in standings):
        yield f"{_rows(invalid)} invalid: mend the file, `smm bulk place FILE --run {name} --add`"
    if refused := sum(one.refused for one in standings):
        yield f"{_rows(refused)} refused: `smm bulk export {name} OUT.csv` says why"
    if followed and not doubt:
        yield follow


def count_of(count: int, noun: str) -> str:
    """So many of them.

    >>> count_of(1, "row"), count_of(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _rows(count: int) -> str:
    return f"{count_of(count, 'row')} {'is' if count == 1 else 'are'}"
