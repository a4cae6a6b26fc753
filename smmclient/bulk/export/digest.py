"""All that the page of a run says, gathered row by row in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal

from attrs import define, field

from smmclient.bulk.entry import Entry, RowState
from smmclient.bulk.export.cells import clock, money, short
from smmclient.bulk.export.tallies import First, Latencies, Sum, Tally, Timeline, add_up
from smmclient.exact import EXACT
from smmclient.model import OrderState
from smmclient.texts import clean

__all__ = ["NO_STATUS", "OTHERS", "Digest", "Doubtful", "Given", "Purse", "Reason", "Unreadable"]

#: The name of what was not kept apart. It has a space, as no panel and no service has.
OTHERS = "all others"
NO_STATUS = "no status yet"
_MOST_PANELS = 50
_MOST_KEPT = 1000
_GAVE_BACK = (OrderState.PARTIAL, OrderState.CANCELED, OrderState.REFUNDED)
_ENDED = (RowState.DONE, RowState.REFUSED, RowState.DOUBT)

Doubtful = tuple[str, str, str, str, str, str, str, str, str]
Given = tuple[str, str, str, str, str, str, str, str]
Unreadable = tuple[str, str, str, str]
#: A panel, and the currency that a status named, or ``""``.
Purse = tuple[str, str]


@define
class Reason:
    """Refusals in the same words, and where the first of them stand."""

    count: int = 0
    places: list[str] = field(factory=list)


@define
class Digest:
    """What is known of the rows so far. Texts in it are cleaned and cut, but not escaped."""

    states: Counter[RowState] = field(factory=Counter)
    order_states: Counter[str] = field(factory=Counter)
    panels: dict[str, Tally] = field(factory=dict)
    services: dict[tuple[str, str], Tally] = field(factory=dict)
    #: Rows without an order, by what they have as panel.
    astray: Counter[str] = field(factory=Counter)
    reasons: dict[tuple[str, str], Reason] = field(factory=dict)
    timeline: Timeline = field(factory=Timeline)
    undated: int = 0
    latencies: Latencies = field(factory=Latencies)
    #: Rows that were sent, and when the first and the last of them were.
    sent: int = 0
    first_sent: float = math.inf
    last_sent: float = -math.inf
    in_doubt: First[Doubtful] = field(factory=lambda: First[Doubtful](500))
    gave_back: First[Given] = field(factory=lambda: First[Given](200))
    invalid: First[Unreadable] = field(factory=lambda: First[Unreadable](200))

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return self.states.total()

    def currency_of(self, panel: str) -> str:
        """The one currency that the panel's statuses named, or ``""``."""
        tally = self.panels.get(panel, Tally())
        named = {*tally.spent.known, *tally.returned.known, *tally.at_risk.known} - {""}
        return named.pop() if len(named) == 1 else ""

    def by_purse(self, amounts: dict[Purse, Decimal]) -> dict[Purse, Decimal]:
        """The amounts added up where the currency is the same: by ``("", currency)``, or else by ``(panel, "")``."""
        sums: dict[Purse, Decimal] = {}
        for (panel, told), amount in amounts.items():
            currency = told or self.currency_of(panel)
            purse = ("", currency) if currency else (panel, "")
            sums[purse] = EXACT.add(sums.get(purse, Decimal(0)), amount)
        return sums

    def total(self, what: str) -> tuple[dict[Purse, Decimal], int]:
        """``spent``, ``returned`` or ``at_risk`` of the whole run by purse, and of how many rows it is not known."""
        parts: list[tuple[str, Sum]] = [(panel, getattr(tally, what)) for panel, tally in self.panels.items()]
        amounts = {(panel, told): amount for panel, part in parts for told, amount in part.known.items()}
        return self.by_purse(amounts), sum(part.unknown for _, part in parts)

    def unknown(self, purse: Purse) -> int:
        """Of how many placed rows of that purse nobody knows the cost."""
        accounts = ((tally, self.currency_of(panel), panel) for panel, tally in self.panels.items())
        return sum(
            tally.spent.unknown
            for tally, currency, panel in accounts
            if purse == (("", currency) if currency else (panel, ""))
        )

    def named(self, panel: str, amounts: Sum) -> dict[str, Decimal]:
        """The amounts of one panel by currency."""
        return add_up(amounts.known, self.currency_of(panel))

    def add(self, entry: Entry) -> None:
        """Count one more row."""
        self.states[entry.state] += 1
        panel = short(clean(entry.panel), 60)
        if entry.order is None:
            self.astray[panel if panel in self.astray or len(self.astray) < _MOST_KEPT else OTHERS] += 1
        else:
            panel = panel if panel in self.panels or len(self.panels) < _MOST_PANELS else OTHERS
            self._count(entry, panel, short(clean(entry.order.service), 60))
        if entry.state in _ENDED or entry.state is RowState.SENDING:
            self._time(entry)
        if entry.state is RowState.REFUSED:
            self._refusal(entry)
        elif entry.state is RowState.DOUBT:
            self.in_doubt.add(_doubtful(entry))
        elif entry.state is RowState.INVALID:
            self.invalid.add(_unreadable(entry))
        elif entry.state is RowState.DONE:
            status = entry.status
            self.order_states[NO_STATUS if status is None else status.state.value] += 1
            if status is not None and status.state in _GAVE_BACK:
                self.gave_back.add(_given(entry))

    def _count(self, entry: Entry, panel: str, service: str) -> None:
        if (panel, service) not in self.services and (panel == OTHERS or len(self.services) >= _MOST_KEPT):
            service = OTHERS
        currency = _currency(entry)
        for tally in (
            self.panels.setdefault(panel, Tally()),
            self.services.setdefault((panel, service), Tally()),
        ):
            tally.states[entry.state] += 1
            # Accounts that are not kept apart may be in different currencies: their money is not added up.
            if entry.state is RowState.DONE:
                tally.spent.add(None if panel == OTHERS else entry.spent, currency)
                if entry.status is not None and entry.status.state in _GAVE_BACK:
                    tally.returned.add(None if panel == OTHERS else entry.returned, currency)
            elif entry.state is RowState.DOUBT:
                tally.at_risk.add(None if panel == OTHERS else entry.price, currency)

    def _time(self, entry: Entry) -> None:
        if (sent_at := entry.sent_at) is not None and math.isfinite(sent_at):
            self.sent += 1
            self.first_sent = min(self.first_sent, sent_at)
            self.last_sent = max(self.last_sent, sent_at)
        if entry.state is RowState.SENDING:
            return
        if entry.latency is not None and math.isfinite(entry.latency):
            self.latencies.add(entry.latency)
        moment = entry.ended_at if sent_at is None else sent_at
        if moment is None or not math.isfinite(moment):
            self.undated += 1
            return
        place = self.timeline.at(moment)
        place.placed += entry.state is RowState.DONE
        place.refused += entry.state is RowState.REFUSED
        place.doubt += entry.state is RowState.DOUBT
        panel = short(clean(entry.panel), 60)
        if entry.state is RowState.DONE and entry.spent is not None and panel in self.panels:
            place.pay((panel, _currency(entry)), entry.spent)

    def _refusal(self, entry: Entry) -> None:
        key = (short(clean(entry.error or ""), 60), short(clean(entry.reason or "")))
        if key not in self.reasons and len(self.reasons) >= _MOST_KEPT:
            key = ("", OTHERS)
        reason = self.reasons.setdefault(key, Reason())
        reason.count += 1
        if len(reason.places) < 5:
            reason.places.append(_place(entry))


def _currency(entry: Entry) -> str:
    told = None if entry.status is None else entry.status.currency
    return short(clean(told or "").strip().upper(), 12)


def _place(entry: Entry) -> str:
    source = clean(entry.source)
    return f"{short(source, 60)}:{entry.line}" if source else str(entry.line)


def _link(entry: Entry) -> str:
    given = entry.written if entry.order is None else entry.order.parameters()
    return short(clean(given.get("link") or given.get("username") or ""))


def _service(entry: Entry) -> str:
    return short(clean(entry.written.get("service", "") if entry.order is None else entry.order.service), 60)


def _doubtful(entry: Entry) -> Doubtful:
    return (
        short(clean(entry.ref)),
        _place(entry),
        short(clean(entry.panel), 60),
        _service(entry),
        _link(entry),
        money(entry.price) or "not known",
        short(clean(entry.request_id or "")),
        clock(entry.sent_at),
        _why(entry),
    )


def _given(entry: Entry) -> Given:
    currency = _currency(entry)
    spent, returned = (f"{money(amount)} {currency}".rstrip() for amount in (entry.spent, entry.returned))
    return (
        short(clean(entry.ref)),
        _place(entry),
        short(clean(entry.panel), 60),
        short(clean(entry.order_id or ""), 60),
        "" if entry.status is None else entry.status.state.value,
        _link(entry),
        "not known" if entry.spent is None else spent,
        "not known" if entry.returned is None else returned,
    )


def _unreadable(entry: Entry) -> Unreadable:
    written = ", ".join(f"{name}={short(text, 80)}" for name, text in list(entry.written.items())[:20])
    return (short(clean(entry.ref)), _place(entry), _why(entry), short(clean(written)))


def _why(entry: Entry) -> str:
    return short(clean(": ".join(filter(None, (entry.error, entry.reason)))))
