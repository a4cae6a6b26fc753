"""The plots of a run's page: what a digest has, drawn."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from html import escape

from smmclient.bulk.entry import RowState
from smmclient.bulk.export import plots
from smmclient.bulk.export.digest import NO_STATUS, OTHERS, Digest, Purse
from smmclient.bulk.export.tallies import Bin
from smmclient.bulk.export.words import amount, count_of, duration, purse_name, seconds
from smmclient.exact import EXACT

__all__ = ["charts"]

#: How many currencies (or panels that name none) have plots of their own.
_MOST_PURSES = 4
_MOST_SERVICES = 15
_MOST_REASONS = 10
_LAYERS = (("placed", "placed"), ("refused", "refused"), ("doubt", "in doubt"))


def charts(digest: Digest) -> str:
    """All plots as cards; those that nothing is known for are left out."""
    cards = [*_over_time(digest), *_order_states(digest), *_money(digest), *_latency(digest), *_reasons(digest)]
    return f'<section class="cards">{"".join(cards)}</section>' if cards else ""


def _card(title: str, drawing: str, *notes: str, legend: str = "") -> str:
    said = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    return f'<figure class="card"><figcaption><h2>{escape(title)}</h2></figcaption>{legend}{drawing}{said}</figure>'


def _legend() -> str:
    items = "".join(f'<li class="{css}">{name}</li>' for css, name in _LAYERS)
    return f'<ul class="legend">{items}</ul>'


def _over_time(digest: Digest) -> Iterator[str]:
    line = digest.timeline
    if not line.bins:
        return
    bins = [line.bins.get(index, Bin()) for index in line.span()]
    drawing = plots.stacked(
        [(one.placed, one.refused, one.doubt) for one in bins],
        _LAYERS,
        start=line.span().start * line.width,
        width=line.width,
    )
    undated = f"{count_of(digest.undated, 'row')} without a time not drawn." if digest.undated else ""
    note = f"By the time they were sent, in UTC; each bar is {duration(line.width)}."
    yield _card("Orders over time", drawing, note, undated, legend=_legend())


def _money(digest: Digest) -> Iterator[str]:
    line = digest.timeline
    spent, _ = digest.total("spent")
    # Where nobody knows a sum, there is nothing to draw.
    purses = sorted(spent, key=lambda purse: -spent[purse])
    per_bin = [digest.by_purse(line.bins[index].spent) if index in line.bins else {} for index in line.span()]
    for purse in purses[:_MOST_PURSES]:
        name, unknown = purse_name(purse), digest.unknown(purse)
        missing = f"The cost of {count_of(unknown, 'placed row')} is not known and not in it." if unknown else ""
        if any(purse in one for one in per_bin):
            sums: list[Decimal] = []
            for one in per_bin:
                sums.append(EXACT.add(sums[-1] if sums else Decimal(0), one.get(purse, Decimal(0))))
            drawing = plots.time_line(
                [float(one) for one in sums],
                [amount(one) for one in sums],
                start=line.span().start * line.width,
                width=line.width,
                label=f"Money spent over time in {name}, {amount(sums[-1])} in the end",
            )
            note = "What each order cost by its last known status, at the time it was sent (UTC)."
            undated = f"{count_of(digest.undated, 'row')} without a time not drawn." if digest.undated else ""
            yield _card(f"Money spent over time, {name}", drawing, note, missing, undated)
        yield _by_service(digest, purse, missing)
    if len(purses) > _MOST_PURSES:
        left_out = ", ".join(f"{amount(spent[purse])} {purse_name(purse)}" for purse in purses[_MOST_PURSES:][:20])
        yield _card("Money spent, others", "", f"Not drawn: {left_out}.")


def _by_service(digest: Digest, purse: Purse, missing: str) -> str:
    costs: dict[tuple[str, str], Decimal] = {}
    for (panel, service), tally in digest.services.items():
        sums = digest.by_purse({(panel, told): sum_ for told, sum_ in tally.spent.known.items()})
        if purse in sums:
            costs[panel, service] = sums[purse]
    ranked = sorted(costs.items(), key=lambda item: (item[0][1] == OTHERS, -item[1]))
    kept, rest = ranked[:_MOST_SERVICES], ranked[_MOST_SERVICES:]
    items = [(f"{panel} {service}", float(cost), amount(cost), "accent") for (panel, service), cost in kept]
    if rest:
        total = Decimal(0)
        for _, cost in rest:
            total = EXACT.add(total, cost)
        others = count_of(len(rest), "other")
        items.append((others, float(total), amount(total), "left"))
    name = purse_name(purse)
    drawing = plots.bars(items, label=f"Money spent by service in {name}, {len(costs)} services")
    return _card(f"Spent by service, {name}", drawing, missing)


def _order_states(digest: Digest) -> Iterator[str]:
    if not digest.order_states:
        return
    items = [
        (name.replace("_", " "), float(count), plots.digits(count), "left" if name == NO_STATUS else "accent")
        for name, count in digest.order_states.most_common()
    ]
    told = ", ".join(f"{name} {text}" for name, _, text, _ in items)
    yield _card("Where the placed orders stand", plots.bars(items, label=f"Order states: {told}"))


def _latency(digest: Digest) -> Iterator[str]:
    latencies = digest.latencies
    median, slow = latencies.quantile(0.5), latencies.quantile(0.95)
    if median is None or slow is None:
        return
    told = f"median {seconds(median)}, 95 % within {seconds(slow)}"
    marks = [("median", median, "end"), ("95 %", slow, "start")]
    drawing = plots.histogram(latencies.buckets(), marks, label=f"Latency of {latencies.total} rows: {told}")
    note = "Seconds from sending to outcome, logarithmic. Counted in steps of 10 %, so the two are exact to 5 %."
    yield _card("Latency", drawing, f"{told[0].upper()}{told[1:]}.", note)


def _reasons(digest: Digest) -> Iterator[str]:
    if not digest.reasons:
        return
    ranked = sorted(digest.reasons.items(), key=lambda item: (item[0][1] == OTHERS, -item[1].count))
    items = [
        (text or error or "no reason given", float(reason.count), plots.digits(reason.count), "refused")
        for (error, text), reason in ranked[:_MOST_REASONS]
    ]
    if rest := sum(reason.count for _, reason in ranked[_MOST_REASONS:]):
        items.append((count_of(len(ranked) - _MOST_REASONS, "other reason"), float(rest), plots.digits(rest), "left"))
    refused = digest.states[RowState.REFUSED]
    drawing = plots.bars(items, label=f"Refusals by reason, {refused} in all", gutter=230)
    yield _card("Refusals by reason", drawing)
